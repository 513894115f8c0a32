"""Every frame a pipeline pushes in, the few that mean something handed to their handler out."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from voicespan._guard import guarded
from voicespan.integrations.pipecat.frames import Handler, handler_for
from voicespan.integrations.pipecat.pipeline import Pipeline
from voicespan.integrations.pipecat.services import Service
from voicespan.integrations.wrapping import Method, Wrapping
from voicespan.primitives.session import Session

MAX_SEEN = 256
"""Frames remembered so that a frame passed on by several processors counts once."""


class Tap:
    """Sits on one worker's observer, inside the pipeline's own tasks.

    It must be quick (a frame that means nothing costs one look-up by type) and may not raise.
    """

    def __init__(self, worker: Any, session: Session) -> None:
        """Connect a worker's pipeline with the session it is."""
        self.session = session
        self._observer = worker._observer  # 0.0.90 → 1.14
        self._pipeline = Pipeline(session)
        self._wrapping: Wrapping | None = None
        self._services: dict[Any, Service] = {}
        self._handlers: dict[type, Handler | None] = {}
        self._seen: OrderedDict[Any, None] = OrderedDict()

    def install(self) -> None:
        """Wrap the observer's method, on this instance only: not by a coroutine of our own."""

        def around(original: Method) -> Method:
            def on_push_frame(data: Any) -> Any:
                self._pushed(data)
                return original(data)

            return on_push_frame

        self._wrapping = Wrapping(self._observer, "on_push_frame", around)

    def remove(self) -> None:
        """Take every wrapper back."""
        if self._wrapping is not None:
            self._wrapping.release()
        for service in self._services.values():
            service.release()

    @guarded(None)
    def finish(self) -> None:
        """The run is over."""
        self._pipeline.over()
        self.remove()
        self._services.clear()

    @guarded(None)
    def _pushed(self, data: Any) -> None:
        if self._pipeline.is_over:
            return
        kind = type(data.frame)
        handler = self._handlers.get(kind, ...)
        if handler is ...:
            handler = self._handlers[kind] = handler_for(kind)
        if handler is not None:
            self._handle(handler, data)

    def _handle(self, handler: Handler, data: Any) -> None:
        service = self._services.get(data.source)
        if service is None:
            service = self._services[data.source] = self._pipeline.adopt(data.source)
        if handler.role is not None and handler.role != service.role:
            return
        if handler.downstream and data.direction.value != _DOWNSTREAM:
            return
        if handler.once and self._is_repeated(data):
            return
        handler(self._pipeline, data.frame, service)

    def _is_repeated(self, data: Any) -> bool:
        key = (data.frame.id, data.direction)
        if key in self._seen:
            return True
        self._seen[key] = None
        if len(self._seen) > MAX_SEEN:
            self._seen.popitem(last=False)
        return False


_DOWNSTREAM = 1
"""`FrameDirection.DOWNSTREAM.value`, 0.0.90 → 1.14; a test compares them."""
