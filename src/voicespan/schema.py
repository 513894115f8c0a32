"""A span or metric in, what schema v1 does not know about it out; and the schema's tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from voicespan import attributes as a
from voicespan._schema_attributes import (
    AGENT_SPEECH,
    ALL,
    ANNOTATION,
    CALLS,
    GENERIC,
    SCHEMA,
    SESSION,
    TOOL,
    TURN,
    Attribute,
)

__all__ = [
    "EVENTS",
    "METRICS",
    "SCHEMA",
    "Attribute",
    "Event",
    "Metric",
    "content_keys",
    "metric_problems",
    "problems",
]

Instrument = Literal["counter", "updowncounter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Event:
    """One span event: the span kinds it stands on and the attributes it may have."""

    name: str
    kinds: frozenset[str]
    attributes: tuple[str, ...]
    description: str


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: instrument, unit and the attributes it is broken down by."""

    name: str
    instrument: Instrument
    unit: str
    attributes: tuple[str, ...]
    description: str


# fmt: off
_OVERLAP = (a.VOICE_OVERLAP_DURATION, a.VOICE_OVERLAP_TEXT)
_CALLED = (a.GEN_AI_PROVIDER_NAME, a.GEN_AI_REQUEST_MODEL)
EVENTS: Final = {row.name: row for row in (
    Event(a.EVENT_BARGE_IN, TURN | AGENT_SPEECH,
          (a.VOICE_BARGE_IN_LATENCY, a.VOICE_AGENT_SPEECH_HEARD),
          "the user cut the agent off; time: the user's onset"),
    Event(a.EVENT_BACKCHANNEL, TURN | AGENT_SPEECH, _OVERLAP,
          "the user spoke and the agent carried on; time: the user's onset"),
    Event(a.EVENT_FALSE_INTERRUPTION, TURN | AGENT_SPEECH, _OVERLAP,
          "the agent paused for the user and resumed; time: the user's onset"),
    Event(a.EVENT_NOISE, TURN | SESSION, _OVERLAP,
          "speech without words or answer (a cough), which makes no turn; time: its onset"),
    Event(a.EVENT_HANDOFF, TURN | SESSION, (a.VOICE_HANDOFF_FROM, a.VOICE_HANDOFF_TO),
          "another agent took over"),
    Event(a.EVENT_FIRST_AUDIO, TURN | AGENT_SPEECH, (), "the first frame was played"),
    Event(a.EVENT_RETRY, TURN | CALLS | TOOL, (a.VOICE_RETRY_ATTEMPT, a.ERROR_TYPE, *_CALLED),
          "an attempt failed and another followed"),
    Event(a.EVENT_EVALUATION, ANNOTATION,
          (a.GEN_AI_EVALUATION_NAME, a.GEN_AI_EVALUATION_SCORE_VALUE,
           a.GEN_AI_EVALUATION_SCORE_LABEL),
          "a score given after the call"),
    Event(a.EVENT_EXCEPTION, ALL,
          (a.EXCEPTION_TYPE, a.EXCEPTION_MESSAGE, a.EXCEPTION_STACKTRACE),
          "an exception ended the span"),
)}

_AGENT = (a.GEN_AI_AGENT_NAME, a.VOICE_AGENT_VERSION)
_STAGE = (*_AGENT, a.VOICE_SPAN_KIND, *_CALLED)
_CLIENT = (*_AGENT, a.GEN_AI_OPERATION_NAME, *_CALLED, a.GEN_AI_RESPONSE_MODEL,
           a.SERVER_ADDRESS, a.SERVER_PORT)
_TRANSPORT = (*_AGENT, a.VOICE_TRANSPORT_KIND)
METRICS: Final = {row.name: row for row in (
    Metric(a.METRIC_VOICE_TURN_TIME_TO_FIRST_AUDIO, "histogram", "s", _AGENT,
           "silence between the user's true end and the first frame played"),
    Metric(a.METRIC_VOICE_TURN_TTFA_PART, "histogram", "s", (*_AGENT, a.VOICE_TTFA_PART),
           "the same, by who owned it"),
    Metric(a.METRIC_VOICE_TURN_DURATION, "histogram", "s", (*_AGENT, a.VOICE_TURN_OUTCOME),
           "length of turns"),
    Metric(a.METRIC_VOICE_TURN_COUNT, "counter", "{turn}",
           (*_AGENT, a.VOICE_TURN_OUTCOME, a.VOICE_TURN_INITIATOR), "turns"),
    Metric(a.METRIC_VOICE_BARGE_IN_LATENCY, "histogram", "s", _AGENT,
           "user's onset → agent silent"),
    Metric(a.METRIC_VOICE_INTERRUPTION_COUNT, "counter", "{interruption}",
           (*_AGENT, a.VOICE_INTERRUPTION_KIND), "the user spoke while the agent did"),
    Metric(a.METRIC_VOICE_STAGE_DURATION, "histogram", "s", (*_STAGE, a.ERROR_TYPE),
           "length of stages; its count is their rate"),
    Metric(a.METRIC_VOICE_STAGE_ERRORS, "counter", "{error}", (*_STAGE, a.ERROR_TYPE),
           "failed stages"),
    Metric(a.METRIC_VOICE_SESSION_ACTIVE, "updowncounter", "{session}", _AGENT, "calls under way"),
    Metric(a.METRIC_VOICE_SESSION_DURATION, "histogram", "s",
           (*_AGENT, a.VOICE_SESSION_END_REASON), "length of calls"),
    Metric(a.METRIC_VOICE_COST, "counter", "USD", _STAGE, "cost of provider calls"),
    Metric(a.METRIC_VOICE_TTS_UNHEARD_SECONDS, "counter", "s", (*_AGENT, *_CALLED),
           "audio made and never played"),
    Metric(a.METRIC_VOICE_GUARDRAIL_COUNT, "counter", "{check}",
           (*_AGENT, a.VOICE_GUARDRAIL_NAME, a.VOICE_GUARDRAIL_VERDICT), "guardrail events"),
    Metric(a.METRIC_VOICE_LOOP_LAG, "histogram", "s", _AGENT, "stalls of the event loop"),
    Metric(a.METRIC_VOICE_TRANSPORT_MOS, "histogram", "1", _TRANSPORT, "mean opinion score"),
    Metric(a.METRIC_VOICE_TRANSPORT_PACKET_LOSS, "histogram", "1", _TRANSPORT, "packets lost"),
    Metric(a.METRIC_VOICE_TRANSPORT_JITTER, "histogram", "s", _TRANSPORT, "jitter"),
    Metric(a.METRIC_GEN_AI_CLIENT_OPERATION_DURATION, "histogram", "s", (*_CLIENT, a.ERROR_TYPE),
           "length of provider calls"),
    Metric(a.METRIC_GEN_AI_CLIENT_OPERATION_TIME_TO_FIRST_CHUNK, "histogram", "s", _CLIENT,
           "request → first chunk"),
    Metric(a.METRIC_GEN_AI_CLIENT_TOKEN_USAGE, "histogram", "{token}",
           (*_CLIENT, a.GEN_AI_TOKEN_TYPE), "tokens used"),
)}
# fmt: on


class _Point(Protocol):
    @property
    def attributes(self) -> Mapping[str, Any] | None: ...


class _Event(_Point, Protocol):
    @property
    def name(self) -> str: ...


class _Span(_Event, Protocol):
    @property
    def events(self) -> Sequence[_Event]: ...


class _Data(Protocol):
    @property
    def data_points(self) -> Sequence[_Point]: ...


class _Metric(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def unit(self) -> str | None: ...
    @property
    def data(self) -> _Data: ...


def content_keys() -> frozenset[str]:
    """Return the attributes that hold what people said: to be masked, or withheld."""
    return frozenset(row.name for row in SCHEMA.values() if row.privacy == "content")


def problems(span: _Span, custom: frozenset[str] = frozenset()) -> list[str]:
    """Return one line for each name or type of one of our spans that the schema does not know.

    `custom` allows the caller's own attribute names, event names and span kinds. Attributes of
    the caller's own events are the caller's and not looked at.
    """
    attributes = span.attributes or {}
    kind = str(attributes.get(a.VOICE_SPAN_KIND))
    found = [*_of_name(span, kind, custom), *_of_attributes(attributes, kind, custom)]
    for event in span.events:
        found += _of_event(event, kind, custom)
    for link in getattr(span, "links", ()):
        known = frozenset({a.VOICE_LINK_KIND})
        found += (f"link: {line}" for line in _of_carried(link.attributes or {}, known, custom))
    return found


def metric_problems(metric: _Metric, custom: frozenset[str] = frozenset()) -> list[str]:
    """Return one line for each name, unit or instrument of a metric that the schema does not know.

    `metric` has the shape of `opentelemetry.sdk.metrics.export.Metric`.
    """
    row = METRICS.get(metric.name)
    if row is None:
        return [] if metric.name in custom else [f"metric {metric.name}: unknown"]
    found = []
    if metric.unit != row.unit:
        found.append(f"unit is {metric.unit!r}, not {row.unit!r}")
    if (instrument := _instrument_of(metric.data)) != row.instrument:
        found.append(f"is a {instrument}, not a {row.instrument}")
    for point in metric.data.data_points:
        found += _of_carried(point.attributes or {}, frozenset(row.attributes), custom)
    return [f"metric {metric.name}: {line}" for line in dict.fromkeys(found)]


def _instrument_of(data: object) -> str:
    if type(data).__name__ == "Gauge":
        return "gauge"
    if type(data).__name__ == "Sum":
        return "counter" if getattr(data, "is_monotonic", False) else "updowncounter"
    return "histogram"


def _of_name(span: _Span, kind: str, custom: frozenset[str]) -> Iterator[str]:
    declared = a.SPANS.get(kind)
    if declared is None and kind not in custom:
        yield f"{a.VOICE_SPAN_KIND}: unknown kind {kind!r}"
        return
    attributes = span.attributes or {}
    span_type = declared or a.SpanType(kind, "INTERNAL", None, "")
    subject = attributes.get(a.GEN_AI_TOOL_NAME if kind == a.KIND_TOOL else a.GEN_AI_REQUEST_MODEL)
    if span.name != (expected := span_type.named(subject)):
        yield f"name: {span.name!r}, not {expected!r}"
    operation = attributes.get(a.GEN_AI_OPERATION_NAME)
    if operation != span_type.operation:
        yield f"{a.GEN_AI_OPERATION_NAME}: {operation!r}, not {span_type.operation!r}"
    otel_kind = getattr(getattr(span, "kind", None), "name", span_type.otel_kind)
    if otel_kind != span_type.otel_kind:
        yield f"kind: {otel_kind}, not {span_type.otel_kind}"


def _of_attributes(
    attributes: Mapping[str, Any], kind: str, custom: frozenset[str]
) -> Iterator[str]:
    for name, value in attributes.items():
        row = SCHEMA.get(name)
        if row is not None and not _carries(row.kinds, kind):
            yield f"{name}: not on {kind} spans"
        yield from _of_value(name, value, custom)


def _of_event(event: _Event, kind: str, custom: frozenset[str]) -> Iterator[str]:
    if event.name in custom or event.name.startswith(a.EVENT_GUARDRAIL_PREFIX):
        return
    row = EVENTS.get(event.name)
    if row is None:
        yield f"event {event.name}: unknown"
        return
    if not _carries(row.kinds, kind):
        yield f"event {event.name}: not on {kind} spans"
    for line in _of_carried(event.attributes or {}, frozenset(row.attributes), custom):
        yield f"event {event.name}: {line}"


def _of_carried(
    attributes: Mapping[str, Any], known: frozenset[str], custom: frozenset[str]
) -> Iterator[str]:
    for name, value in attributes.items():
        if name in SCHEMA and name not in known and name not in custom:
            yield f"{name}: not expected here"
        yield from _of_value(name, value, custom)


def _of_value(name: str, value: object, custom: frozenset[str]) -> Iterator[str]:
    row = SCHEMA.get(name)
    if row is None:
        if name not in custom:
            yield f"{name}: unknown attribute"
    elif (actual := _type_of(value)) != row.type:
        yield f"{name}: {actual}, not {row.type}"


def _carries(kinds: frozenset[str], kind: str) -> bool:
    """Whether `kinds` holds `kind`; the user's own words are generic stages."""
    return kind in kinds if kind in a.SPANS else kinds >= GENERIC


_TYPES: Final = {str: "string", bool: "boolean", int: "int", float: "double"}


def _type_of(value: object) -> str:
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return "string[]"
    return _TYPES.get(type(value), type(value).__name__)
