"""Ended spans in, whole turns out: complete, overdue, too many, or dropped whole."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from tests.processors.turns import PLAIN, play, stage, tracer_into
from voicespan.processors.holding import MAX_TOGETHER, Holding

PATIENCE = 5


class Recorder:
    """Spans in the order in which they ended."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracer: Tracer = tracer_into(SimpleSpanProcessor(self._exporter))

    def spans(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()


def held(spans: Sequence[ReadableSpan], limit: int = 2048) -> Holding:
    holding = Holding(limit, PATIENCE)
    for span in spans:
        holding.add(span, now=0)
    return holding


def sizes(turns: Sequence[Sequence[ReadableSpan]]) -> list[int]:
    return [len(turn) for turn in turns]


def test_a_turn_is_held_until_its_own_span_has_ended() -> None:
    recorder = Recorder()
    play(recorder.tracer)
    spans = recorder.spans()
    holding = held(spans[:-1])
    assert holding.take(now=0) == []
    holding.add(spans[-1], now=0)
    assert holding.take(now=0) == [list(spans)]
    assert len(holding) == 0


def test_the_turns_of_a_long_trace_leave_one_by_one_with_all_below_them() -> None:
    recorder = Recorder()
    tracer = recorder.tracer
    session = tracer.start_span("session")
    stray = tracer.start_span("stray", set_span_in_context(session))
    for number in (1, 2):
        turn = tracer.start_span(
            "turn", set_span_in_context(session), attributes={"voice.span.kind": "turn"}
        )
        tool = tracer.start_span("tool", set_span_in_context(turn))
        tracer.start_span("GET", set_span_in_context(tool)).end()
        tool.end()
        stray.end()
        stage(tracer, turn, "llm", 0, number, {})
        turn.end()
    holding = held(recorder.spans())
    names = [[span.name for span in turn] for turn in holding.take(now=0)]
    assert names == [["GET", "tool", "llm", "turn"]] * 2
    assert len(holding) == 1
    session.end()
    holding.add(recorder.spans()[-1], now=0)
    assert sizes(holding.take(now=0)) == [2]


def test_a_local_root_under_a_remote_parent_completes_its_trace() -> None:
    recorder = Recorder()
    remote = SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(1))
    recorder.tracer.start_span("server", set_span_in_context(NonRecordingSpan(remote))).end()
    assert sizes(held(recorder.spans()).take(now=0)) == [1]


def test_what_nobody_completes_leaves_when_it_is_overdue() -> None:
    recorder = Recorder()
    root = recorder.tracer.start_span("root")
    recorder.tracer.start_span("child", set_span_in_context(root)).end()
    holding = held(recorder.spans())
    assert holding.take(now=PATIENCE - 1) == []
    assert sizes(holding.take(now=PATIENCE)) == [1]


def test_what_a_turn_left_behind_is_as_old_as_it_is() -> None:
    recorder = Recorder()
    session = recorder.tracer.start_span("session")
    recorder.tracer.start_span("stray", set_span_in_context(session)).end()
    play(recorder.tracer, under=session)
    stray, *turn = recorder.spans()
    holding = Holding(99, PATIENCE)
    for now, span in [(0, turn[0]), (3, stray), *((4, span) for span in turn[1:])]:
        holding.add(span, now)
    assert sizes(holding.take(now=6)) == [len(turn)]
    assert holding.take(now=7) == []
    assert sizes(holding.take(now=8)) == [1]


def test_a_trace_that_grows_too_large_leaves_as_it_is() -> None:
    recorder = Recorder()
    root = recorder.tracer.start_span("root")
    for _ in range(MAX_TOGETHER + 1):
        recorder.tracer.start_span("child", set_span_in_context(root)).end()
    holding = held(recorder.spans())
    assert (holding.ready, len(holding)) == (MAX_TOGETHER, MAX_TOGETHER + 1)


def test_the_oldest_turn_is_dropped_whole_and_counted() -> None:
    recorder = Recorder()
    first, *_ = [play(recorder.tracer, number=number) for number in range(3)]
    size = len(PLAIN) + 1
    holding = held(recorder.spans(), limit=2 * size)
    kept = holding.take(now=0)
    assert (holding.dropped, sizes(kept)) == (size, [size, size])
    gone = first.get_span_context().trace_id
    assert gone not in {span.context.trace_id for turn in kept for span in turn}


def test_with_nothing_complete_the_oldest_trace_is_dropped() -> None:
    recorder = Recorder()
    for _ in range(3):
        root = recorder.tracer.start_span("root")
        recorder.tracer.start_span("child", set_span_in_context(root)).end()
    holding = held(recorder.spans(), limit=2)
    assert (holding.dropped, len(holding)) == (1, 2)
    assert holding.take(now=0, everything=True) == [[span] for span in recorder.spans()[1:]]


def test_parents_in_a_circle_end_the_search() -> None:
    ids = [SpanContext(1, n, is_remote=False) for n in (2, 3, 4)]
    spans = [
        ReadableSpan("a", ids[0], ids[1]),
        ReadableSpan("b", ids[1], ids[0]),
        ReadableSpan("turn", ids[2], ids[0], attributes={"voice.span.kind": "turn"}),
    ]
    assert sizes(held(spans).take(now=0)) == [1]
