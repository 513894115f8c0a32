"""Every frame a pipeline pushes in, the few that mean something handed to their handler out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

from voicespan._guard import guarded
from voicespan.integrations.pipecat.frames import Handler, handler_for
from voicespan.integrations.pipecat.pipeline import Pipeline
from voicespan.integrations.pipecat.services import Service
from voicespan.integrations.wrapping import Method, Wrapping
from voicespan.primitives.session import Session

Route = Callable[[Any], None]

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
        self._routes: dict[Any, dict[type, Route | None]] = {}
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
        self._routes.clear()

    @guarded(None)
    def _pushed(self, data: Any) -> None:
        routes, kind = self._routes.get(data.source), type(data.frame)
        if routes is None or kind not in routes:
            routes = self._learn(data.source, kind)
        route = routes[kind]
        if route is not None and not self._pipeline.is_over:
            route(data)

    def _learn(self, source: Any, kind: type) -> dict[type, Route | None]:
        """Find out, once for each, what frames of a type mean when this processor pushes them."""
        routes = self._routes.setdefault(source, {})
        handler = handler_for(kind)
        routes[kind] = None if handler is None else self._route(handler, source)
        return routes

    def _route(self, handler: Handler, source: Any) -> Route | None:
        service = self._services.get(source)
        if service is None:
            service = self._services[source] = self._pipeline.adopt(source)
        if handler.roles is not None and service.role not in handler.roles:
            return None
        return partial(self._handle, handler, service)

    def _handle(self, handler: Handler, service: Service, data: Any) -> None:
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
