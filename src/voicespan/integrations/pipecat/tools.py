"""The tool calls of any model in, `tool` stages with their spans current out."""

from __future__ import annotations

from asyncio import CancelledError
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from voicespan._guard import guarded
from voicespan.attributes import KIND_TOOL
from voicespan.integrations.pipecat.services import LLM, REALTIME, Service
from voicespan.primitives.handle import StageHandle, inert
from voicespan.primitives.handles import ToolHandle
from voicespan.primitives.session import Session

MAX_TOOLS = 64
"""Tool calls followed at once."""

_FAILED = "Error executing function call ["
"""How `LLMService` begins the ErrorFrame of a tool that raised, 0.0.105 → 1.14."""

Called = Callable[[Service, Any], None]


class Tools:
    """Tool calls from `_run_function_call` to their result, which may come after it returned."""

    def __init__(self, session: Session, called: Called) -> None:
        """`called` is told of each call as it begins."""
        self._session = session
        self._told = called
        self._open: OrderedDict[str, StageHandle] = OrderedDict()

    def adopt(self, service: Service) -> None:
        """Wrap the call in which a tool does its work."""
        if service.role in (LLM, REALTIME):
            service.wrap("_run_function_call", lambda original: self._runs(service, original))

    def result(self, frame: Any) -> bool:
        """A tool returned, or failed (1.14: `error`). False for what is not the end of a call."""
        properties = getattr(frame, "properties", None)
        if properties is not None and getattr(properties, "is_final", True) is False:
            return False
        tool = self._open.pop(frame.tool_call_id, None)
        if not isinstance(tool, ToolHandle):
            return False
        tool.result(frame.result)
        error = getattr(frame, "error", None)
        if error:
            tool.fail(error)
        else:
            tool.stop()
        return True

    def failed(self, message: str, error: BaseException | str) -> bool:
        """Take an error as a tool's; False if it is somebody else's."""
        if not message.startswith(_FAILED):
            return False
        name = message.removeprefix(_FAILED).partition("]")[0]
        for tool in self._open.values():
            record = tool.record
            if record is not None and record.open and record.facts.get("name") == name:
                tool.fail(error)
                break
        return True

    def _runs(self, service: Service, original: Any) -> Any:
        async def run_function_call(item: Any, *args: Any, **kwargs: Any) -> Any:
            tool = self._called(service, item)
            with tool.attached():
                try:
                    return await original(item, *args, **kwargs)
                except CancelledError:
                    tool.interrupt()
                    raise

        return run_function_call

    @guarded(inert(StageHandle))
    def _called(self, service: Service, item: Any) -> StageHandle:
        self._told(service, item)
        call_id, name, arguments = item.tool_call_id, item.function_name, item.arguments
        tool = self._session.stage(
            KIND_TOOL, key=call_id, name=name, call_id=call_id, arguments=arguments
        )
        self._open[call_id] = tool
        if len(self._open) > MAX_TOOLS:
            self._open.popitem(last=False)
        return tool
