"""A settled turn's records in, the drafts of its spans out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from voicespan import attributes as a
from voicespan._guard import guard
from voicespan.primitives.clock import seconds
from voicespan.primitives.outcome import agent_words, unrecovered, user_words
from voicespan.primitives.records import Event, Identity, Stage, Turn
from voicespan.processors.draft import Draft, put
from voicespan.schema import content_keys
from voicespan.spans.facts import custom, error_type, stage_attributes, subject_of
from voicespan.spans.ids import bucket_of
from voicespan.spans.values import messages

Attributes = dict[str, AttributeValue]

_CONTENT = content_keys()
_UNKNOWN = a.SpanType("{kind}", "INTERNAL", None, "")


def span_name(stage: Stage) -> str:
    """Return the name of a stage's span."""
    kind = a.SPANS.get(stage.kind)
    return stage.kind if kind is None else kind.named(subject_of(stage))


def otel_kind(kind: str) -> SpanKind:
    """Return the OpenTelemetry kind of a span kind."""
    return SpanKind[a.SPANS.get(kind, _UNKNOWN).otel_kind]


def common(identity: Identity, kind: str, *own: Mapping[str, Any]) -> Attributes:
    """Return what every span of ours carries: whose call, which agent, what kind of span.

    The caller's attributes of the session and of the span itself (`own`) come first: what is
    written later wins.
    """
    attributes = custom(identity.attributes, *own)
    put(
        attributes,
        {
            a.SESSION_ID: identity.session_id or None,
            a.GEN_AI_CONVERSATION_ID: identity.session_id or None,
            a.VOICE_SESSION_BUCKET: bucket_of(identity.session_id) if identity.session_id else None,
            a.USER_ID: identity.user_id,
            a.GEN_AI_AGENT_NAME: identity.agent,
            a.GEN_AI_AGENT_VERSION: identity.agent_version,
            a.VOICE_AGENT_VERSION: identity.agent_version,
            a.VOICE_CALL_SID: identity.call_sid,
            a.TENANT: identity.tenant,
            a.VOICE_TRANSPORT_KIND: identity.transport,
            a.VOICE_SPAN_KIND: kind,
            a.GEN_AI_OPERATION_NAME: a.SPANS.get(kind, _UNKNOWN).operation,
        },
    )
    return attributes


def turn_drafts(turn: Turn, identity: Identity, *, content: bool) -> list[Draft]:
    """Return the turn's draft, then those of its stages by start."""
    drafts = [_turn_draft(turn, identity, content=content)]
    stages = sorted(turn.stages, key=lambda stage: stage.start)
    return drafts + [_stage_draft(stage, turn, identity, content=content) for stage in stages]


def _stage_draft(stage: Stage, turn: Turn, identity: Identity, *, content: bool) -> Draft:
    attributes = common(identity, stage.kind, stage.attributes)
    attributes[a.VOICE_TURN_NUMBER] = turn.number
    attributes |= stage_attributes(stage, content=content)
    if stage.kind == a.KIND_STT:
        put(attributes, {a.VOICE_STT_FINALIZATION_DELAY: _finalization(stage, turn)})
    return Draft(
        span_name(stage),
        stage.start,
        max(stage.start, stage.end or turn.end or stage.start),
        otel_kind(stage.kind),
        attributes,
        events_of(stage.events, content=content),
        status=status_of(stage.error, content=content),
        scope=a.SCOPE_NAME,
        source=stage,
    )


def _turn_draft(turn: Turn, identity: Identity, *, content: bool) -> Draft:
    attributes = common(identity, a.KIND_TURN, turn.attributes)
    delay = _endpointing(turn)
    put(
        attributes,
        {
            a.VOICE_TURN_NUMBER: turn.number,
            a.VOICE_TURN_INITIATOR: turn.initiator,
            a.VOICE_TURN_OUTCOME: turn.outcome,
            a.VOICE_TURN_PREEMPTIVE: _preemptive(turn),
            a.VOICE_ENDPOINTING_DELAY: delay,
            a.VOICE_ENDPOINTING_PROBABILITY: turn.endpointing_probability,
            a.VOICE_ENDPOINTING_SOURCE: turn.waited_for,
            a.VOICE_BARGE_IN_LATENCY: _seconds(turn.barge_in_latency),
        },
    )
    if content:
        put(attributes, {a.GEN_AI_INPUT_MESSAGES: messages(user_words(turn), "user")})
        said = messages(agent_words(turn), "assistant", output=True)
        put(attributes, {a.GEN_AI_OUTPUT_MESSAGES: said})
    error = _turn_error(turn)
    if error is not None:
        attributes[a.ERROR_TYPE] = error_type(error)
    return Draft(
        span_name(Stage(a.KIND_TURN, turn.start)),
        turn.start,
        turn.end,
        otel_kind(a.KIND_TURN),
        attributes,
        events_of(turn.events, content=content),
        status=status_of(error, content=content),
        scope=a.SCOPE_NAME,
        source=turn,
    )


def _turn_error(turn: Turn) -> BaseException | str | None:
    failed = unrecovered(turn) if turn.outcome == a.OUTCOME_ERROR else None
    return turn.error or (failed.error if failed is not None else None)


def _preemptive(turn: Turn) -> bool | None:
    """Return whether the reply was generated before the turn was committed, and kept."""
    if turn.initiator == a.INITIATOR_AGENT:
        return None
    if turn.preemptive is not None:
        return turn.preemptive
    voiced = [stage.start for stage in turn.of(a.KIND_TTS, a.KIND_AGENT_SPEECH)]
    kept = [
        stage.start
        for stage in turn.of(a.KIND_LLM, a.KIND_REALTIME)
        if stage.outcome == "ok" and stage.start <= min(voiced, default=stage.start)
    ]
    return turn.committed is not None and bool(kept) and max(kept) < turn.committed


def _endpointing(turn: Turn) -> float | None:
    """Return the seconds from the user's true end to the decision, as measured, else as reported.

    Without voice activity detection the final transcript stands for the user's end.
    """
    kinds = (a.KIND_USER_SPEECH, a.KIND_STT)
    ends = next((ends for kind in kinds if (ends := _ends(turn, kind))), [])
    if turn.committed is None or not ends:
        return turn.endpointing_delay
    before = [end for end in ends if end <= turn.committed] or ends
    return seconds(turn.committed - max(before))


def _finalization(stage: Stage, turn: Turn) -> float | None:
    final = stage.marks.get("transcript")
    before = [
        end
        for end in _ends(turn, a.KIND_USER_SPEECH)
        if final is not None and stage.start < end <= final
    ]
    return None if final is None or not before else seconds(final - max(before))


def _ends(turn: Turn, kind: str) -> list[int]:
    return [stage.end for stage in turn.of(kind) if stage.end is not None]


def events_of(events: list[Event], *, content: bool) -> list[Event]:
    """Return events as they are written: values that can be, and what was said only if wanted."""
    written = []
    for event in events:
        attributes = custom(event.attributes)
        if not content:
            attributes = {name: said for name, said in attributes.items() if name not in _CONTENT}
        written.append(Event(event.name, event.at, attributes))
    return written


def status_of(error: BaseException | str | None, *, content: bool) -> Status:
    """Return the status of a span that ended in `error`, in its words only if they are wanted."""
    if error is None:
        return Status(StatusCode.UNSET)
    words = None
    with guard("status"):  # an application's exception may have no text
        words = str(error) if content else None
    return Status(StatusCode.ERROR, words)


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else seconds(nanoseconds)
