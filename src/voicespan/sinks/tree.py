"""A batch of ended spans in, trees by parent out: each turn one of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from voicespan.attributes import KIND_TURN, VOICE_SPAN_KIND

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


@dataclass(slots=True)
class Node:
    """One span and the spans below it, by start."""

    span: ReadableSpan
    children: list[Node] = field(default_factory=list)


def forest(spans: Iterable[ReadableSpan]) -> list[Node]:
    """Return the spans that stand alone or on top, by end, with those below them.

    A turn stands on top even where its session's span is in the same batch: it is what is read.
    """
    ordered = sorted(spans, key=lambda span: span.start_time or 0)
    nodes = {(span.context.trace_id, span.context.span_id): Node(span) for span in ordered}
    roots = []
    for node in nodes.values():
        parent = node.span.parent
        above = nodes.get((parent.trace_id, parent.span_id)) if parent is not None else None
        if above is None or above is node or _is_turn(node.span):
            roots.append(node)
        else:
            above.children.append(node)
    return sorted(roots, key=lambda root: root.span.end_time or 0)


def _is_turn(span: ReadableSpan) -> bool:
    return (span.attributes or {}).get(VOICE_SPAN_KIND) == KIND_TURN
