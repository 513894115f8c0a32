"""One session's changes in, its spans out: started when placed, enriched and ended when settled."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, Status, StatusCode, set_span_in_context

from voicespan import attributes as a
from voicespan._guard import guard
from voicespan.primitives.listener import Listener
from voicespan.primitives.records import Identity, Stage, Turn
from voicespan.primitives.session import Session
from voicespan.processors.draft import Draft, put
from voicespan.processors.steps import run_steps
from voicespan.spans.annotation import EndedSessions
from voicespan.spans.context import LiveParent, current
from voicespan.spans.drafts import common, events_of, otel_kind, span_name, turn_drafts
from voicespan.spans.ids import ids_of, turn_trace_id
from voicespan.spans.settings import SpanSettings
from voicespan.spans.summary import Summary
from voicespan.spans.write import create, finish

MAX_LINKS = 128
"""Turns the session span links to, the latest; OpenTelemetry's own default limit."""

_LIVE = frozenset({a.KIND_LLM, a.KIND_TOOL})


class SessionSpans(Listener):
    """Spans that can have children (session, turn, llm, tool) start live and bare.

    All others are made at settle. Attributes are written once, on the worker, after every step
    has seen them.
    """

    def __init__(self, session: Session, settings: SpanSettings, past: EndedSessions) -> None:
        """Write one session's spans, and leave a trace of it in `past`."""
        self._session = session
        self._past = past
        self.settings = settings
        self._lock = session.call.lock  # one lock a call: what a span's start calls may call us
        self._root: Span | None = None
        self._turns: dict[Turn, Span] = {}
        self._stages: dict[Stage, Span] = {}
        self._previous: SpanContext | None = None
        self._links: deque[Link] = deque(maxlen=MAX_LINKS)
        self._summary = Summary()
        self._parent = LiveParent(self._present)

    # --- as it happens -------------------------------------------------------------------------

    def placed(self, stage: Stage, turn: Turn) -> None:
        """Start the spans that other code's spans may become children of."""
        turn_span = self._turn_span(turn)
        if stage.kind in _LIVE and stage not in self._stages:
            self._stages[stage] = self.settings.tracer.start_span(
                span_name(stage),
                set_span_in_context(turn_span, Context()),
                otel_kind(stage.kind),
                start_time=stage.start,
            )

    def settled(self, turn: Turn) -> None:
        """Hand the turn to the worker, with the identity as it is now but for whose turn it was."""
        self._turn_span(turn)
        known = self._session.identity
        identity = replace(known, agent=turn.agent or known.agent)
        self._session.call.worker.submit(partial(self._write_turn, turn, identity))

    def ended(self) -> None:
        """Hand the session's own span to the worker."""
        self._session.call.worker.submit(self._write_session)

    def attached(self, of: Stage | Turn | None) -> AbstractContextManager[None]:
        """Return a context manager that makes the span of `of` the current one."""
        if isinstance(of, Stage):
            span = self._stages.get(of) or self._open_turn_span(of.turn)
        else:
            span = self._open_turn_span(of)
        return current(span if span is not None else self._parent)

    # --- on the worker ---------------------------------------------------------------------------

    def _write_turn(self, turn: Turn, identity: Identity) -> None:
        with self._lock:
            turn_span = self._turns.pop(turn)
        live = {stage: self._stages.pop(stage, None) for stage in turn.stages}
        with self._always_ended(turn, turn_span, live):
            drafts = turn_drafts(turn, identity, content=self.settings.capture_content)
            turn_draft = drafts[0]
            drafts = run_steps(self.settings.steps, drafts)
            self._summary.add(turn, turn_draft)
            parent = set_span_in_context(turn_span, Context())
            for draft in drafts:
                if draft is not turn_draft:
                    self._write(live.get(draft.source), draft, parent)
            if turn_draft in drafts:
                finish(turn_span, turn_draft)

    def _write(self, span: Span | None, draft: Draft, parent: Context) -> None:
        if span is None:
            create(self.settings.tracer, parent, draft)
        else:
            finish(span, draft)

    def _write_session(self) -> None:
        span = self._session_span()
        with self._always_ended(None, span, {}):
            draft = self._session_draft()
            for kept in run_steps(self.settings.steps, [draft]):
                for link in self._links:
                    span.add_link(link.context, link.attributes)
                finish(span, kept)
        self._past.remember(self._session.identity, span.get_span_context())
        for left in (*self._stages.values(), *self._turns.values()):
            left.end(self._session.call.ended_at)  # an overloaded worker had dropped the writing
        self._turns.clear()
        self._stages.clear()

    def _session_draft(self) -> Draft:
        session = self._session
        attributes = common(session.identity, a.KIND_SESSION) | self._summary.attributes()
        put(
            attributes,
            {
                a.VOICE_SESSION_END_REASON: session.end_reason,
                a.VOICE_SESSION_OUTCOME: session.outcome_text,
                a.VOICE_TRANSPORT_MOS: session.quality.get("mos"),
                a.VOICE_TRANSPORT_PACKET_LOSS: session.quality.get("packet_loss"),
                a.VOICE_TRANSPORT_JITTER: session.quality.get("jitter"),
            },
        )
        failed = session.end_reason == "error"
        return Draft(
            a.SPANS[a.KIND_SESSION].named(),
            session.call.started_at,
            session.call.ended_at,
            otel_kind(a.KIND_SESSION),
            attributes,
            events_of(session.events, content=self.settings.capture_content),
            status=Status(StatusCode.ERROR if failed else StatusCode.UNSET),
            scope=a.SCOPE_NAME,
            source=session,
        )

    @contextmanager
    def _always_ended(
        self, turn: Turn | None, span: Span, live: dict[Stage, Span | None]
    ) -> Iterator[None]:
        """End spans that were started even if writing them failed: bare, but not left open."""
        written = False
        with guard("spans"):
            yield
            written = True
        if not written:
            end = turn.end if turn is not None else self._session.call.ended_at
            for left in [*live.values(), span]:
                if left is not None and left.is_recording():
                    left.end(end)

    # --- which span ----------------------------------------------------------------------------

    def _present(self) -> SpanContext | None:
        """Return the context of the turn under way, else the session's; None once it has ended."""
        if self._session.ended:
            return None
        span = self._open_turn_span(self._session.call.tracker.turn)
        return (span or self._session_span()).get_span_context()

    def _open_turn_span(self, turn: Turn | None) -> Span | None:
        """Return the span of a turn that is one and not over, also before its first stage."""
        with self._lock:
            over = turn is None or turn.number == 0 or turn.settled
            return None if over or turn is None else self._turn_span(turn)

    def _session_span(self) -> Span:
        with self._lock:
            if self._root is None:
                ids = ids_of(self._session.identity.call_sid)
                with self.settings.ids.reserve(ids.trace_id, ids.span_id):
                    self._root = self.settings.tracer.start_span(
                        a.SPANS[a.KIND_SESSION].named(),
                        Context(),
                        otel_kind(a.KIND_SESSION),
                        start_time=self._session.call.started_at,
                    )
            return self._root

    def _turn_span(self, turn: Turn) -> Span:
        with self._lock:
            span = self._turns.get(turn)
            if span is None:
                span = self._turns[turn] = self._start_turn(turn)
                self._previous = span.get_span_context()
                self._links.append(Link(self._previous, {a.VOICE_LINK_KIND: a.LINK_TURN}))
            return span

    def _start_turn(self, turn: Turn) -> Span:
        session = self._session_span()
        links = []
        if self._previous is not None:
            links.append(Link(self._previous, {a.VOICE_LINK_KIND: a.LINK_PREVIOUS_TURN}))
        context = Context()
        if self.settings.trace_per == "session":
            context = set_span_in_context(session, context)
        else:
            there = {a.VOICE_LINK_KIND: a.LINK_SESSION}
            links.insert(0, Link(session.get_span_context(), there))
        trace_id = turn_trace_id(session.get_span_context().trace_id)
        with self.settings.ids.reserve(trace_id):
            return self.settings.tracer.start_span(
                a.SPANS[a.KIND_TURN].named(),
                context,
                otel_kind(a.KIND_TURN),
                links=links,
                start_time=turn.start,
            )


def settings_of(session: Session) -> SpanSettings | None:
    """Return what a session's spans are written with, None if nobody writes any."""
    for listener in session.call.listeners:
        if isinstance(listener, SessionSpans):
            return listener.settings
    return None
