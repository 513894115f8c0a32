"""A block of code with voice calls in it in, what voicespan would have exported of them out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from voicespan import _config, _guard
from voicespan._installation import install, provider_in_use, steps_of
from voicespan._views import SessionView, ToolView, TurnView, session_views, turn_views
from voicespan.primitives.clock import NANOSECONDS, Clock, SystemClock
from voicespan.primitives.worker import InlineWorker
from voicespan.processors.exporter import VoiceSpanExporter

__all__ = ["Captured", "FakeClock", "SessionView", "ToolView", "TurnView", "capture"]


class FakeClock:
    """A clock that only moves when told to. Begins at a fixed instant; wall time may be stepped."""

    def __init__(self, wall: float = 1_700_000_000.0) -> None:
        """Begin at `wall`, in epoch seconds."""
        self._monotonic = 0
        self._wall = round(wall * NANOSECONDS)

    def wall_ns(self) -> int:
        """Return nanoseconds since the epoch."""
        return self._wall + self._monotonic

    def monotonic_ns(self) -> int:
        """Return nanoseconds since the clock was made."""
        return self._monotonic

    def time(self) -> float:
        """Return epoch seconds, as `at=` wants them."""
        return self.wall_ns() / NANOSECONDS

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._monotonic += round(seconds * NANOSECONDS)

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an operator or NTP does."""
        self._wall += round(seconds * NANOSECONDS)


class Captured:
    """What has been exported so far; `clock` moves by `advance()` if it is a `FakeClock`."""

    def __init__(self, exporter: InMemorySpanExporter, clock: Clock, worker: InlineWorker) -> None:
        """Read from `exporter`."""
        self.clock = clock
        self._exporter = exporter
        self._worker = worker

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """Every span exported, ours and others', in order of start."""
        return tuple(
            sorted(self._exporter.get_finished_spans(), key=lambda span: span.start_time or 0)
        )

    @property
    def turns(self) -> tuple[TurnView, ...]:
        """Every turn exported, in order of start."""
        return turn_views(self.spans)

    @property
    def sessions(self) -> tuple[SessionView, ...]:
        """Every session that has ended, in order of start."""
        return session_views(self.spans)

    def advance(self, seconds: float) -> None:
        """Let time pass on a `FakeClock`: what has taken too long is given up on, as in life."""
        if not isinstance(self.clock, FakeClock):
            raise TypeError("only a FakeClock can be advanced: capture(clock=FakeClock())")
        self.clock.advance(seconds)
        self._worker.advance(self.clock.monotonic_ns())


class _Recorder(SpanProcessor):
    """Exports each span as it ends; unlike the SDK's it lets what is raised pass, for `strict`."""

    def __init__(self, exporter: VoiceSpanExporter) -> None:
        self._exporter = exporter

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is not None and span.context.trace_flags.sampled:
            self._exporter.export((span,))


@contextmanager
def capture(
    *,
    mask: object = "default",
    strict: bool = True,
    clock: Clock | None = None,
    trace_per: str = "turn",
    capture_content: bool = True,
) -> Iterator[Captured]:
    """Record what voicespan exports within this block, with no exporter, thread or waiting.

    Takes over from any `instrument()` meanwhile. `mask=None` shows content as it is; `strict`
    raises voicespan's own errors instead of logging them. Sessions left open end with the block.
    """
    arguments = {"mask": mask, "trace_per": trace_per, "capture_content": capture_content}
    config = _config.resolve(arguments, environment={})
    exporter, worker, clock = InMemorySpanExporter(), InlineWorker(), clock or SystemClock()
    processor = _Recorder(VoiceSpanExporter(exporter, steps=steps_of(config)))
    installation = install(
        config,
        provider_in_use(),
        processors=(processor,),
        clock=clock,
        worker=worker,
        captures=True,
    )
    with ExitStack() as stack:
        if strict:
            stack.enter_context(_guard.strict())
        installation.enter()
        stack.callback(installation.leave)
        stack.callback(installation.calls.end_all, "captured")
        yield Captured(exporter, clock, worker)
