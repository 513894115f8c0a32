"""An application's own span inside a call: live while it runs, masked before it ends."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from opentelemetry import trace

from voicespan import attributes as a
from voicespan._guard import guard, guarded
from voicespan.primitives.records import exception_event
from voicespan.primitives.session import Session
from voicespan.processors.draft import Draft, put
from voicespan.processors.steps import run_steps
from voicespan.spans.context import current
from voicespan.spans.drafts import common, events_of, status_of
from voicespan.spans.facts import error_type
from voicespan.spans.session_spans import settings_of
from voicespan.spans.settings import SpanSettings
from voicespan.spans.values import messages
from voicespan.spans.write import finish

if TYPE_CHECKING:
    from opentelemetry.trace import Span


class OwnSpan:
    """What `voicespan.span()` returns: a context manager, a no-op outside a call."""

    def __init__(
        self,
        session: Session | None,
        name: str,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Describe the span; it starts when entered."""
        self._session = session
        self._settings = settings_of(session) if session is not None else None
        self._name = str(name)
        self._attributes = dict(attributes or {})
        self._content: dict[str, Any] = {}
        self._span: Span | None = None
        self._turn_number = 0
        self._began_at = 0
        self._entered = ExitStack()

    @guarded(None)
    def update(self, *, input: object = None, output: object = None, **attributes: object) -> None:
        """Set what went in and what came out (text or messages), and attributes of your own."""
        said = {"input": input, "output": output}
        self._content.update({name: value for name, value in said.items() if value is not None})
        self._attributes.update(attributes)

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._stop(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, tb)

    @guarded(None)
    def _start(self) -> None:
        if self._session is None or self._settings is None or self._span is not None:
            return
        turn = self._session.current_turn
        self._turn_number = turn.record.number if turn is not None and turn.record else 0
        if not trace.get_current_span().get_span_context().is_valid:
            self._entered.enter_context(self._session.attached())
        self._began_at = self._session.call.now()
        self._span = self._settings.tracer.start_span(self._name, start_time=self._began_at)
        self._entered.enter_context(current(self._span))

    @guarded(None)
    def _stop(self, error: BaseException | None) -> None:
        self._entered.close()
        session, settings, span = self._session, self._settings, self._span
        if session is None or settings is None or span is None:
            return
        end = session.call.now()
        failure = error if isinstance(error, Exception) else None
        drafts: list[Draft] = []
        with guard("span.draft"):
            drafts.append(self._draft(session, settings, failure, end))
        if drafts:
            session.call.worker.submit(partial(_write, span, settings, drafts[0]))
        else:
            span.end(end)

    def _draft(
        self, session: Session, settings: SpanSettings, error: Exception | None, end: int
    ) -> Draft:
        attributes = common(session.identity, self._name, self._attributes)
        put(attributes, {a.VOICE_TURN_NUMBER: self._turn_number or None})
        if settings.capture_content:
            asked = messages(self._content.get("input"), "user")
            answered = messages(self._content.get("output"), "assistant", output=True)
            put(attributes, {a.GEN_AI_INPUT_MESSAGES: asked, a.GEN_AI_OUTPUT_MESSAGES: answered})
        draft = Draft(self._name, self._began_at, end, attributes=attributes, scope=a.SCOPE_NAME)
        if error is not None:
            attributes[a.ERROR_TYPE] = error_type(error)
            content = settings.capture_content
            draft.events = events_of([exception_event(error, end)], content=content)
            draft.status = status_of(error, content=content)
        return draft


def _write(span: Span, settings: SpanSettings, draft: Draft) -> None:
    kept = [draft]
    with guard("span"):
        kept = run_steps(settings.steps, [draft])
        for enriched in kept:
            finish(span, enriched)
    if kept and span.is_recording():  # what a step dropped never ends: so it is never exported
        span.end(draft.end)
