"""What every session's spans are written with: decided once, by `instrument()`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from voicespan.processors.draft import Step
from voicespan.spans.ids import CallIds

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

TraceScope = Literal["turn", "session"]


@dataclass(frozen=True, slots=True)
class SpanSettings:
    """`tracer` draws its ids from `ids`; `steps` enrich every turn before it is written."""

    tracer: Tracer
    ids: CallIds
    steps: tuple[Step, ...] = ()
    trace_per: TraceScope = "turn"
    capture_content: bool = True


def own_tracer(tracer: Tracer) -> CallIds:
    """Make a tracer of our own scope draw ids from a `CallIds`, and return that.

    The SDK keeps one tracer per scope and asks its `id_generator` on each root span
    (`opentelemetry.sdk.trace.Tracer.start_span`, 1.34 → 1.45); other scopes keep their own.
    """
    ids = getattr(tracer, "id_generator", None)
    if not isinstance(ids, CallIds):
        ids = CallIds()
        tracer.id_generator = ids  # type: ignore[attr-defined]  # an SDK tracer has it
    return ids
