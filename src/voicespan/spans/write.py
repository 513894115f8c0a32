"""An enriched draft in, one finished OpenTelemetry span out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.trace import Span, StatusCode, Tracer

from voicespan.processors.draft import Draft

if TYPE_CHECKING:
    from opentelemetry.context import Context


def finish(span: Span, draft: Draft) -> None:
    """Write a draft onto a live span, which was started bare, and end it."""
    with _ending(span, draft):
        span.update_name(draft.name)
        span.set_attributes(draft.attributes)
        _tell(span, draft)


def create(tracer: Tracer, context: Context, draft: Draft) -> None:
    """Start and end a span as a draft describes it."""
    span = tracer.start_span(
        draft.name,
        context,
        draft.otel_kind,
        draft.attributes,
        draft.links,
        start_time=draft.start,
    )
    with _ending(span, draft):
        _tell(span, draft)


@contextmanager
def _ending(span: Span, draft: Draft) -> Iterator[None]:
    """End the span after this block, whatever happens in it."""
    try:
        yield
    finally:
        span.end(draft.end)


def _tell(span: Span, draft: Draft) -> None:
    if span.is_recording():
        for event in draft.events:
            span.add_event(event.name, event.attributes, event.at)
        if draft.status.status_code is not StatusCode.UNSET:
            span.set_status(draft.status)
