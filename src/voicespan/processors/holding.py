"""Ended spans in, whole turns out: what is held until its turn is complete, overdue or too much."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from voicespan.attributes import KIND_TURN, VOICE_SPAN_KIND

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext

MAX_TOGETHER = 512
"""Spans of one trace held together at most; then they go on as they are."""


@dataclass(slots=True)
class _Trace:
    """The held spans of one trace, and when each arrived."""

    spans: list[ReadableSpan] = field(default_factory=list)
    since: list[int] = field(default_factory=list)


class Holding:
    """Keeps the spans of a turn together; at most `limit` spans in all, then the oldest turn goes.

    A turn is complete when its turn span has ended, anything else when its local root has: the
    SDK ends children first. What ends later than that waits for `patience` nanoseconds at most.
    """

    def __init__(self, limit: int, patience: int) -> None:
        """Begin with nothing held."""
        self.dropped = 0
        self.ready = 0
        self._limit = limit
        self._patience = patience
        self._count = 0
        self._turns: deque[list[ReadableSpan]] = deque()
        self._traces: OrderedDict[int, _Trace] = OrderedDict()

    def __len__(self) -> int:
        return self._count

    def add(self, span: ReadableSpan, now: int) -> None:
        """Take over a span that ended at monotonic time `now`."""
        trace = self._traces.setdefault(span.context.trace_id, _Trace())
        trace.spans.append(span)
        trace.since.append(now)
        self._count += 1
        if _is_local_root(span) or len(trace.spans) >= MAX_TOGETHER:
            self._release(span.context.trace_id)
        elif (span.attributes or {}).get(VOICE_SPAN_KIND) == KIND_TURN:
            self._release_under(span)
        while self._count > self._limit:
            self._drop_oldest()

    def take(self, now: int, *, everything: bool = False) -> list[list[ReadableSpan]]:
        """Remove and return what is complete or overdue, a list per turn; or all there is."""
        for trace_id, trace in list(self._traces.items()):
            if everything or trace.since[0] + self._patience <= now:
                self._release(trace_id)
        turns = list(self._turns)
        self._turns.clear()
        self._count -= self.ready
        self.ready = 0
        return turns

    def _release(self, trace_id: int) -> None:
        self._complete(self._traces.pop(trace_id).spans)

    def _release_under(self, turn: ReadableSpan) -> None:
        """Release the turn span that just ended with its descendants, of all the trace's spans."""
        trace = self._traces[turn.context.trace_id]
        parents = {span.context.span_id: span.parent for span in trace.spans}
        complete, left = [], _Trace()
        for span, since in zip(trace.spans, trace.since, strict=True):
            if _descends(span.context.span_id, turn.context.span_id, parents):
                complete.append(span)
            else:
                left.spans.append(span)
                left.since.append(since)
        if left.spans:
            self._traces[turn.context.trace_id] = left
        else:
            del self._traces[turn.context.trace_id]
        self._complete(complete)

    def _complete(self, spans: list[ReadableSpan]) -> None:
        self._turns.append(spans)
        self.ready += len(spans)

    def _drop_oldest(self) -> None:
        if self._turns:
            gone = self._turns.popleft()
            self.ready -= len(gone)
        else:
            gone = self._traces.popitem(last=False)[1].spans
        self._count -= len(gone)
        self.dropped += len(gone)


def _is_local_root(span: ReadableSpan) -> bool:
    return span.parent is None or span.parent.is_remote


def _descends(span_id: int, ancestor: int, parents: dict[int, SpanContext | None]) -> bool:
    """Whether a span is the ancestor or below it, as far as the parents held can tell."""
    seen = 0
    while span_id != ancestor:
        parent = parents.get(span_id)
        if parent is None or seen > len(parents):  # unknown, or a circle nobody should have made
            return False
        span_id, seen = parent.span_id, seen + 1
    return True
