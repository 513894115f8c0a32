"""Our span processors in, the one processor a provider keeps for good out: it can be emptied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from voicespan._guard import guard

if TYPE_CHECKING:
    from opentelemetry.context import Context


class Switch(SpanProcessor):
    """A provider takes processors but never gives them back; this one can be emptied.

    It also keeps the SDK's promise for us: nothing a processor raises reaches the application.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self.processors: tuple[SpanProcessor, ...] = ()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Tell every processor."""
        for processor in self.processors:
            with guard("processor.on_start"):
                processor.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Tell every processor."""
        for processor in self.processors:
            with guard("processor.on_end"):
                processor.on_end(span)

    def shutdown(self) -> None:
        """Shut every processor down."""
        for processor in self.processors:
            with guard("processor.shutdown"):
                processor.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush every processor; return whether all of them did in time."""
        done = True
        for processor in self.processors:
            with guard("processor.force_flush"):
                done = processor.force_flush(timeout_millis) and done
        return done
