"""Everybody's ended spans in, whole turns through the steps into every exporter out."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from voicespan._fork import reset_in_child
from voicespan._guard import guard, guarded, warn_once
from voicespan.primitives.clock import NANOSECONDS, Clock, SystemClock
from voicespan.primitives.worker import Scheduler, Worker
from voicespan.processors.draft import Step
from voicespan.processors.exporter import checked
from voicespan.processors.foreign import rewrite
from voicespan.processors.holding import Holding
from voicespan.processors.steps import default_steps

MAX_BATCH = 512
"""Spans handed to an exporter at once; as many that are ready go without waiting."""

EXPORT_EVERY = NANOSECONDS
"""Nanoseconds between two exports, unless a batch is full before."""


class VoiceSpanProcessor(SpanProcessor):
    """Queue, worker, turns kept whole, steps (default: TTFA, Cost, Mask), exporters: one processor.

    `on_end` only files the span: it never blocks and never raises. A turn leaves when it is
    complete, or `hold` seconds after its first span; beyond `max_spans` waiting spans the oldest
    turn is dropped whole and counted (`dropped`). Exporters are called one after another on one
    worker: what one raises or returns is nothing to the others, how long it takes is.
    """

    def __init__(
        self,
        exporters: SpanExporter | Iterable[SpanExporter],
        steps: Sequence[Step] | None = None,
        *,
        max_spans: int = 2048,
        hold: float = 5.0,
        worker: Scheduler | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Prepare; the worker's thread starts with the first span."""
        given = exporters if isinstance(exporters, Iterable) else (exporters,)
        self._exporters = tuple(checked(exporter) for exporter in given)
        self._steps = default_steps() if steps is None else tuple(steps)
        self._limits = max_spans, round(hold * NANOSECONDS)
        self._clock: Clock = clock or SystemClock()
        self._worker: Scheduler = worker or Worker(self._clock)
        self._unclosed = deque(self._exporters)
        self._failures = 0
        self._closed = False
        self._delivered = False
        self._given_up = False
        self._lock, self._held = threading.RLock(), Holding(*self._limits)
        self._ticking = self._hurrying = False
        reset_in_child(self._reset)

    @property
    def dropped(self) -> int:
        """Spans dropped because the exporters could not keep up."""
        return self._held.dropped

    @guarded(None)
    def on_end(self, span: ReadableSpan) -> None:
        """File a span that has ended, unless it is not sampled or the processor is shut down."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        now = self._clock.monotonic_ns()
        with self._lock:
            if self._closed:
                return
            self._held.add(span, now)
            full = self._held.ready >= MAX_BATCH and not self._hurrying
            self._hurrying |= full
            waking = not self._ticking
            self._ticking = True
        if self._held.dropped:
            warn_once("processor.full", "exporters cannot keep up: whole turns are being dropped")
        if full:
            self._worker.submit(self._export_ready)
        if waking:
            self._worker.call_at(now + EXPORT_EVERY, self._tick)

    @guarded(False)
    def force_flush(self, timeout_millis: int = 2000) -> bool:
        """Export all that has ended, whole turns or not; return whether it arrived in time."""
        if self._closed:
            return self._delivered
        return self._within(timeout_millis, self._flush)

    @guarded(False)
    def shutdown(self, timeout_millis: int = 2000) -> bool:  # type: ignore[override]  # the truth is more than the SDK asks for
        """Export all that has ended, shut the exporters down; return whether both were in time."""
        with self._lock:
            first, self._closed = not self._closed, True
        if first:
            self._delivered = self._within(timeout_millis, self._close)
            if self._unclosed:
                self._give_up()
        return self._delivered

    def _reset(self) -> None:
        """Begin with nothing held: a forked child leaves the spans to its parent."""
        self._lock, self._held = threading.RLock(), Holding(*self._limits)
        self._ticking = self._hurrying = False

    def _tick(self) -> None:
        self._export_ready()
        with self._lock:
            self._ticking = len(self._held) > 0
            again = self._ticking
        if again:
            self._worker.call_at(self._clock.monotonic_ns() + EXPORT_EVERY, self._tick)

    def _export_ready(self) -> None:
        self._export(everything=False)

    def _export(self, *, everything: bool) -> None:
        with self._lock:
            self._hurrying = False
            turns = self._held.take(self._clock.monotonic_ns(), everything=everything)
        with suppress_instrumentation():
            for batch in _batches(turns):
                spans = [span for turn in batch for span in rewrite(turn, self._steps)]
                for exporter in self._exporters if spans else ():
                    self._send(exporter, tuple(spans))

    def _send(self, exporter: SpanExporter, spans: Sequence[ReadableSpan]) -> None:
        result = SpanExportResult.FAILURE
        with guard(_site(exporter)):
            if not self._given_up:
                result = exporter.export(spans)
        self._failures += result is SpanExportResult.FAILURE

    def _flush(self, deadline: float) -> None:
        self._export(everything=True)
        with suppress_instrumentation():
            for exporter in self._exporters:
                flushed = False
                with guard(_site(exporter)):
                    left = max(0, round((deadline - time.monotonic()) * 1000))
                    flushed = exporter.force_flush(left) is not False
                self._failures += not flushed

    def _close(self, deadline: float) -> None:
        self._export(everything=True)
        self._close_exporters()

    def _close_exporters(self) -> None:
        with suppress_instrumentation():
            for exporter in iter(self._next_unclosed, None):
                with guard(_site(exporter)):
                    exporter.shutdown()

    def _next_unclosed(self) -> SpanExporter | None:
        try:
            return self._unclosed.popleft()
        except IndexError:
            return None

    def _within(self, timeout_millis: float, job: Callable[[float], None]) -> bool:
        """Run `job` on the worker; return whether it was in time and no export failed meanwhile."""
        done, failures = threading.Event(), self._failures
        timeout = timeout_millis / 1000
        deadline = time.monotonic() + timeout

        def run() -> None:
            try:
                job(deadline)
            finally:
                done.set()

        try:
            self._worker.submit(run)
        except RuntimeError:  # from Python 3.12 on no thread starts at exit, and there was none
            run()
        return done.wait(timeout) and self._failures == failures

    def _give_up(self) -> None:
        """Close what the worker is stuck with from elsewhere: that ends OTLP's wait for a retry."""
        self._given_up = True
        with guard("processor.shutdown"):
            threading.Thread(
                target=self._close_exporters, name="voicespan-shutdown", daemon=True
            ).start()


def _batches(turns: list[list[ReadableSpan]]) -> Iterator[list[list[ReadableSpan]]]:
    """Yield the turns in batches of at most `MAX_BATCH` spans, none of them split."""
    batch: list[list[ReadableSpan]] = []
    size = 0
    for turn in turns:
        if batch and size + len(turn) > MAX_BATCH:
            yield batch
            batch, size = [], 0
        batch.append(turn)
        size += len(turn)
    if batch:
        yield batch


def _site(exporter: SpanExporter) -> str:
    return f"exporter {type(exporter).__name__}"
