"""The mutable description of one span, which steps read and rewrite before it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from voicespan.attributes import VOICE_SPAN_KIND
from voicespan.primitives.records import Event

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue


@dataclass(slots=True, eq=False)
class Draft:
    """One span to be. Times are nanoseconds since the epoch; `end` is None only for a live span.

    `source` is what it was made from: a record of ours or somebody's `ReadableSpan`. `masked` names
    the policy that its content has been through, so that no step masks it twice.
    """

    name: str
    start: int
    end: int | None
    otel_kind: SpanKind = SpanKind.INTERNAL
    attributes: dict[str, AttributeValue] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    status: Status = field(default_factory=lambda: Status(StatusCode.UNSET))
    scope: str = ""
    source: Any = None
    masked: str = ""

    @property
    def kind(self) -> str | None:
        """The value of `voice.span.kind`, None on spans that are not in the schema."""
        kind = self.attributes.get(VOICE_SPAN_KIND)
        return kind if isinstance(kind, str) else None


Step = Callable[[list[Draft]], list[Draft]]
"""Enrichment: all drafts of one turn in (or one batch of foreign spans), the drafts to write out.

Steps rewrite drafts in place, never buffer and may drop. A step with a method
`withhold(drafts) -> drafts` fails closed: that is what becomes of the drafts when it raises.
"""


def of_kind(drafts: list[Draft], *kinds: str) -> list[Draft]:
    """Return the drafts of these span kinds, by start."""
    return sorted((d for d in drafts if d.kind in kinds), key=lambda draft: draft.start)


def put(attributes: dict[str, AttributeValue], values: Mapping[str, AttributeValue | None]) -> None:
    """Add the values that are not None."""
    attributes.update({name: value for name, value in values.items() if value is not None})
