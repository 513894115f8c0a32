"""A turn's times in milliseconds in, real spans of a real SDK provider out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Span, Tracer, set_span_in_context

from voicespan import attributes as a

T0 = 1_790_000_000_000_000_000
FIRST = a.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK
COMMITTED = {a.VOICE_ENDPOINTING_DELAY: 0.4, a.VOICE_ENDPOINTING_SOURCE: "silence"}
TTFA_NAMES = (a.VOICE_TURN_TIME_TO_FIRST_AUDIO, a.VOICE_TURN_TIME_TO_ANSWER)

Stage = tuple[str, int, int, Mapping[str, Any]]

PLAIN: tuple[Stage, ...] = (
    ("user_speech", 0, 1000, {}),
    ("stt", 20, 1200, {}),
    ("llm", 1450, 1950, {FIRST: 0.25}),
    ("tts", 1700, 2500, {FIRST: 0.2}),
    ("agent_speech", 2000, 3000, {}),
)
"""Silence-gated: the second from 1000 ms to 2000 ms is 400 + 50 + 250 + 200 + 100."""

PLAIN_PARTS = {"endpointing": 0.4, "application": 0.05, "llm": 0.25, "tts": 0.2, "output": 0.1}


def at(milliseconds: int) -> int:
    return T0 + milliseconds * 1_000_000


def play(
    tracer: Tracer,
    stages: Sequence[Stage] = PLAIN,
    turn: Mapping[str, Any] | None = None,
    *,
    number: int = 1,
    under: Span | None = None,
) -> Span:
    """Write one turn the way the SDK does: the turn starts first and ends last."""
    common = {a.SESSION_ID: "s-1", a.VOICE_TURN_NUMBER: number}
    told = {a.VOICE_SPAN_KIND: a.KIND_TURN, **common, **(COMMITTED if turn is None else turn)}
    context = None if under is None else set_span_in_context(under)
    root = tracer.start_span("turn", context, start_time=at(0), attributes=told)
    for kind, start, end, facts in stages:
        stage(tracer, root, kind, start, end, {**common, **facts})
    root.end(max(at(stage[2]) for stage in stages))
    return root


def stage(
    tracer: Tracer, turn: Span, kind: str, start: int, end: int, facts: Mapping[str, Any]
) -> None:
    told = {a.VOICE_SPAN_KIND: kind, **facts}
    span = tracer.start_span(kind, set_span_in_context(turn), start_time=at(start), attributes=told)
    span.end(at(end))


def recorded(*stages: Stage, turn: Mapping[str, Any] | None = None) -> list[ReadableSpan]:
    """Return the ended spans of one turn, nothing done to them."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    play(provider.get_tracer("elsewhere"), stages or PLAIN, turn)
    return list(exporter.get_finished_spans())


def tracer_into(
    *processors: SpanProcessor,
    scope: str = "elsewhere",
    claims: Mapping[str, str] | None = None,
) -> Tracer:
    provider = TracerProvider(shutdown_on_exit=False)
    for processor in processors:
        provider.add_span_processor(processor)
    return provider.get_tracer(scope, attributes=claims)


def timed(spans: Sequence[ReadableSpan]) -> dict[str, float]:
    """Return what the turn says of its time to first audio, parts of no length left out."""
    (turn,) = (span for span in spans if kind_of(span) == a.KIND_TURN)
    told = turn.attributes or {}
    parts = {part: told.get(name) for part, name in a.TTFA_ATTRIBUTES.items()}
    found = {name: told.get(name) for name in TTFA_NAMES} | parts
    return {name: value for name, value in found.items() if value}  # type: ignore[misc]  # doubles


def kind_of(span: ReadableSpan) -> object:
    return (span.attributes or {}).get(a.VOICE_SPAN_KIND)
