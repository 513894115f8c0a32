"""The calls of a language model service in, `llm` stages with their spans current out."""

from __future__ import annotations

from typing import Any

from voicespan._guard import guarded
from voicespan.attributes import KIND_LLM
from voicespan.integrations.pipecat.answers import Answers
from voicespan.integrations.pipecat.services import LLM, Service
from voicespan.primitives.handle import StageHandle, inert
from voicespan.primitives.session import Session


class Model(Answers):
    """A model that is asked: `_process_context` is its request, from entry to last token."""

    def __init__(self, session: Session) -> None:
        """Begin idle."""
        super().__init__(session)
        self._answered: dict[str, Any] | None = None

    def adopt(self, service: Service) -> None:
        """Wrap the call in which the provider does its work."""
        if service.role == LLM:
            service.wrap("_process_context", lambda original: self._requests(service, original))
            self.follow_usage(service)

    def answered(self) -> None:
        """All of the answer has been pushed: what speculation had held back, too."""
        self.state()

    def dropped(self, frame: Any, service: Service) -> None:
        """What was asked ahead of the decision is thrown away, even if it was answered by now."""
        self._request.drop()

    def _requests(self, service: Service, original: Any) -> Any:
        async def process_context(context: Any, *args: Any, **kwargs: Any) -> Any:
            with self._requested(service, context):
                try:
                    return await original(context, *args, **kwargs)
                finally:
                    self._responded(service)

        return process_context

    @guarded(inert(StageHandle))
    def _requested(self, service: Service, context: Any) -> StageHandle:
        system, messages = _messages(context)
        self._read(messages[-1] if messages else None)
        self._begin(self._session.stage(KIND_LLM, stream=True, **service.facts()))
        self._request.facts(input=messages, system=system)
        return self._request

    def _read(self, message: dict[str, Any] | None) -> None:
        """Take a new message of the user's that nobody was heard to say as typed."""
        if message is None or message is self._answered:
            return
        self._answered = message
        content = message.get("content")
        typed = message.get("role") == "user" and not self._session.under_way
        if typed and isinstance(content, str):
            self._session.user_wrote(content)

    @guarded(None)
    def _responded(self, service: Service) -> None:
        self._request.facts(response_model=service.response_model())
        self.state()


def _messages(context: Any) -> tuple[str | None, list[Any]]:
    """Return the system instructions and the other messages of an `LLMContext`."""
    given = [m for m in getattr(context, "messages", ()) if isinstance(m, dict)]
    system = [m.get("content") for m in given if m.get("role") == "system"]
    said = [m for m in given if m.get("role") != "system"]
    return "\n".join(text for text in system if isinstance(text, str)) or None, said
