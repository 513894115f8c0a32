"""What is learned of a call afterwards in, one span in the session's own trace out."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from voicespan import attributes as a
from voicespan.primitives.records import Event, Identity
from voicespan.processors.draft import Draft, put
from voicespan.processors.steps import run_steps
from voicespan.spans.drafts import common
from voicespan.spans.ids import ids_of
from voicespan.spans.settings import SpanSettings
from voicespan.spans.write import create

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

MAX_REMEMBERED = 4096
"""Ids of ended sessions by which an annotation still finds their trace, in this process."""


@dataclass(frozen=True, slots=True)
class EndedSession:
    """Whose call it was, and the context of its span."""

    identity: Identity
    context: SpanContext


class EndedSessions:
    """Session id or Call SID in, the ended session out; the latest ones."""

    def __init__(self) -> None:
        """Begin with none."""
        self._sessions: OrderedDict[str, EndedSession] = OrderedDict()
        self._lock = Lock()

    def remember(self, identity: Identity, context: SpanContext) -> None:
        """Keep an ended session, under its id and its Call SID."""
        ended = EndedSession(replace(identity), context)
        with self._lock:
            for known in {identity.session_id, identity.call_sid} - {None}:
                self._sessions[str(known)] = ended
            while len(self._sessions) > MAX_REMEMBERED:
                self._sessions.popitem(last=False)

    def find(self, *ids: str | None) -> EndedSession | None:
        """Return the session one of these ids belongs to, None if it is not known here."""
        found = (self._sessions.get(known) for known in ids if known is not None)
        return next((session for session in found if session is not None), None)


def annotate(
    settings: SpanSettings,
    session: EndedSession | None,
    identity: Identity,
    *,
    outcome: str | None,
    scores: Mapping[str, Any],
    attributes: Mapping[str, Any],
) -> None:
    """Write an `annotation` span under the session's: its outcome, scores as events, attributes.

    A Call SID alone is enough: the ids of the session's span follow from it in any process.
    """
    identity = identity if session is None else session.identity
    described = common(identity, a.KIND_ANNOTATION, attributes)
    put(described, {a.VOICE_SESSION_OUTCOME: outcome})
    now = time.time_ns()
    draft = Draft(a.KIND_ANNOTATION, now, now, attributes=described, scope=a.SCOPE_NAME)
    parent = _by_call_sid(settings, identity.call_sid) if session is None else session.context
    draft.events = [_score(name, value, now) for name, value in scores.items()]
    for kept in run_steps(settings.steps, [draft]):
        create(settings.tracer, _under(parent), kept)


def _by_call_sid(settings: SpanSettings, call_sid: str | None) -> SpanContext | None:
    if call_sid is None:
        return None
    ids = ids_of(call_sid)
    flags = TraceFlags.SAMPLED if _samples(settings.tracer, ids.trace_id) else TraceFlags.DEFAULT
    return SpanContext(ids.trace_id, ids.span_id, True, TraceFlags(flags))


def _samples(tracer: Tracer, trace_id: int) -> bool:
    """Return whether the session's span was sampled, as far as its trace id decides that."""
    sampler = getattr(tracer, "sampler", None)  # an SDK tracer has it
    if sampler is None:
        return True
    result = sampler.should_sample(Context(), trace_id, a.SPANS[a.KIND_SESSION].named())
    return bool(result.decision.is_sampled())


def _under(session: SpanContext | None) -> Context:
    return (
        Context() if session is None else set_span_in_context(NonRecordingSpan(session), Context())
    )


def _score(name: str, value: object, at: int) -> Event:
    """Return the convention's evaluation event: a number is a value, anything else a label."""
    said: dict[str, AttributeValue] = {a.GEN_AI_EVALUATION_SCORE_LABEL: str(value)}
    if isinstance(value, int | float) and not isinstance(value, bool):
        said = {a.GEN_AI_EVALUATION_SCORE_VALUE: float(value)}
    return Event(a.EVENT_EVALUATION, at, {a.GEN_AI_EVALUATION_NAME: str(name), **said})
