"""Spans in, OpenTelemetry contexts under which other code's spans find the right parent out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from opentelemetry import context as otel_context
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    NonRecordingSpan,
    Span,
    SpanContext,
    set_span_in_context,
)

_here: ContextVar[None] = ContextVar("voicespan_here")
"""Set wherever a span is made current: resetting it tells whether this is the same context."""


class LiveParent(NonRecordingSpan):
    """A parent that answers with the turn of the moment.

    Frameworks start their tasks once per call; a task that copied this into its context gives
    its spans the turn that is under way when they begin.
    """

    def __init__(self, present: Callable[[], SpanContext | None]) -> None:
        """`present` returns the context spans belong to just now, None when to none."""
        super().__init__(INVALID_SPAN_CONTEXT)
        self._present = present

    def get_span_context(self) -> SpanContext:
        """Return the present turn's context, an invalid one outside the session."""
        return self._present() or INVALID_SPAN_CONTEXT


@contextmanager
def current(span: Span) -> Iterator[None]:
    """Make a span the parent of what other code starts within this block.

    Only its context: what other code writes on the current span (LiveKit writes a tool's raw
    arguments there, and ends it) would be an attribute before anybody has masked it.

    A block left in another context than it was entered in (the garbage collector closes
    abandoned async generators in a task of its own) has nothing to take back there.
    """
    parent = span if isinstance(span, LiveParent) else NonRecordingSpan(span.get_span_context())
    token = otel_context.attach(set_span_in_context(parent))
    here = _here.set(None)
    try:
        yield
    finally:
        with suppress(ValueError):
            _here.reset(here)
            otel_context.detach(token)
