"""Exporters that misbehave on purpose, or tell what they were given."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

SUCCESS, FAILURE = SpanExportResult.SUCCESS, SpanExportResult.FAILURE


class Failing(SpanExporter):
    """Answers with what it is told to, or raises it."""

    def __init__(self, answer: SpanExportResult | Exception) -> None:
        self.answer = answer
        self.calls: list[str] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.calls.append("export")
        return self._answer()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        self.calls.append("force_flush")
        return self._answer() is SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self.calls.append("shutdown")
        self._answer()

    def _answer(self) -> SpanExportResult:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Batches(SpanExporter):
    """Keeps each batch, and whether instrumentation was on while it came."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.spans: list[ReadableSpan] = []
        self.instrumented: set[bool] = set()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.instrumented.add(is_instrumentation_enabled())
        self.batches.append([span.name for span in spans])
        self.spans += spans
        return SUCCESS


class Stuck(InMemorySpanExporter):
    """Hangs in its first export until it is let go, as OTLP does with its endpoint down."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.let_go, self.closed = (threading.Event() for _ in range(3))

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.entered.set()
        assert self.let_go.wait(30)
        return super().export(spans)

    def shutdown(self) -> None:
        self.closed.set()
        self.let_go.set()
