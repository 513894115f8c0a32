"""Batches of ended spans in, the same through the steps into any exporter out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from voicespan._guard import guarded
from voicespan.processors.draft import Step
from voicespan.processors.foreign import rewrite
from voicespan.processors.steps import default_steps

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


class VoiceSpanExporter(SpanExporter):
    """Wraps an exporter: everything it is given has passed the steps (default: TTFA, Cost, Mask).

    The steps run over a batch, on the thread that exports it; the spans other processors share
    are never touched. Our own spans come enriched and masked, and each step knows what is done
    already. What is not defined here is the wrapped exporter's. Nothing raises.
    """

    def __init__(self, exporter: SpanExporter, steps: Sequence[Step] | None = None) -> None:
        """Wrap `exporter`; `steps=()` passes everything as it is."""
        self._exporter = checked(exporter)
        self._steps = default_steps() if steps is None else tuple(steps)

    @guarded(SpanExportResult.FAILURE)
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export the spans the steps leave; a batch of which nothing is left is a success."""
        rewritten = rewrite(spans, self._steps)
        return self._exporter.export(rewritten) if rewritten else SpanExportResult.SUCCESS

    @guarded(None)
    def shutdown(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()

    @guarded(False)
    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the exporter."""
        return self._exporter.force_flush(timeout_millis) is not False

    def __getattr__(self, name: str) -> object:
        if name.startswith("__") or name == "_exporter":
            raise AttributeError(name)
        return getattr(self._exporter, name)


def checked(exporter: SpanExporter) -> SpanExporter:
    """Return the exporter, or raise: a wrong one must not show only at the first export."""
    if not callable(getattr(exporter, "export", None)):
        raise TypeError(f"an exporter has a method `export`; {exporter!r} has none")
    return exporter
