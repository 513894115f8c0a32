"""Everybody's ended spans in, whole turns to every exporter out, whatever one of them does."""

from __future__ import annotations

import gc
import os
import threading
import time
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import Tracer, set_span_in_context

from tests.processors.doubles import FAILURE, SUCCESS, Batches, Failing, Stuck
from tests.processors.turns import PLAIN, PLAIN_PARTS, play, timed, tracer_into
from voicespan import _guard
from voicespan import attributes as a
from voicespan.primitives.worker import InlineWorker, Job
from voicespan.processors import TTFA, VoiceSpanProcessor
from voicespan.processors.draft import Draft
from voicespan.processors.processor import EXPORT_EVERY, MAX_BATCH

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

SIZE = len(PLAIN) + 1
PATIENT = 30_000


@pytest.fixture(autouse=True)
def talkative() -> Iterator[None]:
    """Each test may log each thing once."""
    _guard.reset()
    yield
    _guard.reset()


class FakeClock:
    def __init__(self) -> None:
        self.now = 0

    def wall_ns(self) -> int:
        return self.now

    def monotonic_ns(self) -> int:
        return self.now


class Bench:
    """A processor on a worker and a clock that move when told to."""

    def __init__(self, *exporters: SpanExporter, hold: float = 5.0) -> None:
        self.clock, self.worker = FakeClock(), InlineWorker()
        self.processor = VoiceSpanProcessor(
            exporters, (TTFA(),), hold=hold, worker=self.worker, clock=self.clock
        )
        self.tracer: Tracer = tracer_into(self.processor)

    def wait(self, nanoseconds: int) -> None:
        self.clock.now += nanoseconds
        self.worker.advance(self.clock.now)


def names(exporter: InMemorySpanExporter) -> list[str]:
    return [span.name for span in exporter.get_finished_spans()]


def test_turns_leave_enriched_and_whole_once_a_second() -> None:
    exporter = Batches()
    bench = Bench(exporter)
    play(bench.tracer, number=1)
    play(bench.tracer, number=2)
    bench.wait(EXPORT_EVERY - 1)
    assert exporter.batches == []
    bench.wait(1)
    assert [len(batch) for batch in exporter.batches] == [2 * SIZE]
    expected = {a.VOICE_TURN_TIME_TO_FIRST_AUDIO: 1.0, **PLAIN_PARTS}
    assert timed(exporter.spans[:SIZE]) == pytest.approx(expected)
    assert exporter.instrumented == {False}


def test_a_turn_under_way_waits_for_its_end_and_no_longer_than_the_hold() -> None:
    exporter = Batches()
    bench = Bench(exporter, hold=5)
    with bench.tracer.start_as_current_span("root"):
        bench.tracer.start_span("early").end()
        for _ in range(4):
            bench.wait(EXPORT_EVERY)
        assert exporter.batches == []
        bench.wait(EXPORT_EVERY)
        assert exporter.batches == [["early"]]
        bench.tracer.start_span("late").end()
    bench.wait(EXPORT_EVERY)
    assert exporter.batches == [["early"], ["late", "root"]]


def test_nothing_ticks_when_nothing_is_held() -> None:
    bench = Bench(Batches())
    play(bench.tracer)
    bench.wait(EXPORT_EVERY)
    assert bench.worker._timers.next() is None


def test_a_full_batch_does_not_wait_and_splits_no_turn() -> None:
    exporter = Batches()
    bench = Bench(exporter)
    turns = MAX_BATCH // SIZE + 1
    for number in range(turns):
        play(bench.tracer, number=number)
    assert [len(batch) for batch in exporter.batches] == [(turns - 1) * SIZE, SIZE]
    assert {batch[-1] for batch in exporter.batches} == {"turn"}


@pytest.mark.parametrize("answer", [FAILURE, OSError("down")], ids=["failing", "raising"])
def test_one_exporter_failing_is_nothing_to_the_others(
    answer: SpanExportResult | Exception,
) -> None:
    before, failing, after = InMemorySpanExporter(), Failing(answer), InMemorySpanExporter()
    processor = VoiceSpanProcessor([before, failing, after], ())
    tracer_into(processor).start_span("one").end()
    assert processor.force_flush(PATIENT) is False
    assert processor.shutdown(PATIENT) is True  # nothing was left to fail
    assert names(before) == names(after) == ["one"]
    assert failing.calls == ["export", "force_flush", "shutdown"]


def test_a_failing_step_costs_no_span() -> None:
    def broken(drafts: list[Draft]) -> list[Draft]:
        raise ValueError

    exporter = InMemorySpanExporter()
    processor = VoiceSpanProcessor(exporter, (broken, TTFA()))
    play(tracer_into(processor))
    assert processor.force_flush(PATIENT) is True
    processor.shutdown()
    assert timed(exporter.get_finished_spans())[a.VOICE_TURN_TIME_TO_FIRST_AUDIO] == 1.0


def test_flush_says_true_when_everything_has_arrived() -> None:
    """Also what is still held: whoever flushes will not wait for the turn to end."""
    exporter = InMemorySpanExporter()
    processor = VoiceSpanProcessor(exporter, ())
    tracer = tracer_into(processor)
    root = tracer.start_span("root")
    tracer.start_span("child", set_span_in_context(root)).end()
    assert processor.force_flush() is True
    assert names(exporter) == ["child"]
    root.end()
    assert processor.shutdown() is True
    assert names(exporter) == ["child", "root"]


def test_a_slow_exporter_blocks_nobody_and_drops_whole_turns(
    caplog: pytest.LogCaptureFixture,
) -> None:
    exporter = Stuck()
    processor = VoiceSpanProcessor(exporter, (), max_spans=2 * SIZE)
    tracer = tracer_into(processor)
    play(tracer, number=0)
    threading.Thread(target=processor.force_flush, args=(PATIENT,)).start()
    assert exporter.entered.wait(30)
    for number in range(1, 5):
        play(tracer, number=number)
    assert processor.dropped == 2 * SIZE
    assert [record.message for record in caplog.records] == [
        "voicespan: exporters cannot keep up: whole turns are being dropped"
    ]
    exporter.let_go.set()
    assert processor.force_flush(PATIENT) is True
    numbers = [
        (span.attributes or {})[a.VOICE_TURN_NUMBER] for span in exporter.get_finished_spans()
    ]
    assert numbers == [0] * SIZE + [3] * SIZE + [4] * SIZE
    processor.shutdown()


def test_flush_keeps_its_deadline_and_says_false() -> None:
    exporter = Stuck()
    processor = VoiceSpanProcessor(exporter, ())
    tracer_into(processor).start_span("one").end()
    began = time.monotonic()
    assert processor.force_flush(50) is False
    assert time.monotonic() - began < 5
    exporter.let_go.set()
    assert processor.force_flush(PATIENT) is True
    processor.shutdown()


def test_shutdown_keeps_its_deadline_and_closes_what_it_cannot_wait_for() -> None:
    """Closing is what ends OTLP's wait for its next attempt; what is left then goes nowhere."""
    stuck, other = Stuck(), Stuck()
    processor = VoiceSpanProcessor([stuck, other], ())
    tracer_into(processor).start_span("one").end()
    began = time.monotonic()
    assert processor.shutdown(50) is False
    assert time.monotonic() - began < 5
    assert stuck.closed.wait(30)
    assert processor.shutdown(PATIENT) is False
    assert processor.force_flush(PATIENT) is False
    assert processor._worker.drain(30)
    assert other.closed.wait(30)
    assert not other.entered.is_set()


def test_after_shutdown_nothing_is_taken() -> None:
    exporter = InMemorySpanExporter()
    processor = VoiceSpanProcessor(exporter, ())
    tracer = tracer_into(processor)
    tracer.start_span("before").end()
    assert processor.shutdown() is True
    tracer.start_span("after").end()
    assert processor.force_flush() is True
    assert processor.shutdown() is True
    assert names(exporter) == ["before"]


def test_at_interpreter_exit_it_closes_without_a_thread() -> None:
    """From Python 3.12 on a thread cannot be started by then, and there may be none yet."""

    class Exiting(InlineWorker):
        def submit(self, job: Job) -> None:
            raise RuntimeError("can't create new thread at interpreter shutdown")

    exporter = Failing(SUCCESS)
    assert VoiceSpanProcessor(exporter, (), worker=Exiting()).shutdown() is True
    assert exporter.calls == ["shutdown"]


def test_what_is_not_sampled_is_not_taken() -> None:
    exporter = InMemorySpanExporter()
    processor = VoiceSpanProcessor(exporter, ())
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    provider.get_tracer("elsewhere").start_span("one").end()
    processor.on_end(ReadableSpan("without a context"))
    assert processor.shutdown() is True
    assert names(exporter) == []


def test_many_threads_lose_nothing() -> None:
    exporter = InMemorySpanExporter()
    processor = VoiceSpanProcessor(exporter, (TTFA(),))
    tracer = tracer_into(processor)
    threads = [threading.Thread(target=lambda: [play(tracer) for _ in range(20)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert processor.shutdown(PATIENT) is True
    assert len(exporter.get_finished_spans()) == 8 * 20 * SIZE


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_exports_its_own_spans_and_leaves_the_parents_alone() -> None:
    exporter = InMemorySpanExporter()
    processor = VoiceSpanProcessor(exporter, ())
    tracer = tracer_into(processor)
    tracer.start_span("parent's").end()
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:  # pragma: no cover  # measured in the parent alone
        tracer.start_span("child's").end()
        told = f"{processor.force_flush(PATIENT)} {names(exporter)}"
        os.write(writing, told.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == 'True ["child\'s"]'
    assert os.waitpid(child, 0)[1] == 0
    assert processor.shutdown(PATIENT) is True
    assert names(exporter) == ["parent's"]


def test_a_processor_nobody_needs_any_more_is_freed() -> None:
    worker = InlineWorker()
    processor = VoiceSpanProcessor(InMemorySpanExporter(), (), worker=worker, clock=FakeClock())
    tracer_into(processor).start_span("one").end()
    processor.shutdown()
    worker.advance(EXPORT_EVERY)
    gone = weakref.ref(processor)
    del processor
    gc.collect()
    assert gone() is None
