"""Exported spans in, all that is in them out: plain values, comparable with a literal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voicespan.testing import FakeClock

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

EPOCH = FakeClock().wall_ns()


@dataclass(frozen=True)
class Seen:
    """One span. Times are milliseconds since the fake clock began; parents and links by label."""

    label: str
    at: tuple[float, float]
    attributes: Mapping[str, Any]
    kind: str = "INTERNAL"
    parent: str | None = None
    events: tuple[tuple[str, float, Mapping[str, Any]], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    status: tuple[str, str | None] = field(default=("UNSET", None))


def seen(spans: Iterable[ReadableSpan]) -> dict[str, Seen]:
    """Return every span by its label: its name, with its turn's number if it has one."""
    spans = list(spans)
    labels = {_id(span.context): _label(span) for span in spans}
    found = [_seen(span, labels) for span in spans]
    assert len({one.label for one in found}) == len(found), sorted(one.label for one in found)
    return {one.label: one for one in found}


def parents(spans: Iterable[ReadableSpan]) -> dict[str, str | None]:
    """Return every span's parent, both by label."""
    return {label: one.parent for label, one in seen(spans).items()}


def asked(text: str) -> str:
    """Return the user's words as `gen_ai.*.messages`."""
    return f'[{{"role": "user", "parts": [{{"type": "text", "content": "{text}"}}]}}]'


def said(text: str, role: str = "assistant") -> str:
    """Return the words of an answer, a recogniser's too, as `gen_ai.output.messages`."""
    parts = f'"parts": [{{"type": "text", "content": "{text}"}}]'
    return f'[{{"role": "{role}", {parts}, "finish_reason": "stop"}}]'


def _seen(span: ReadableSpan, labels: Mapping[object, str]) -> Seen:
    return Seen(
        _label(span),
        (_ms(span.start_time), _ms(span.end_time)),
        dict(span.attributes or {}),
        span.kind.name,
        labels.get(_id(span.parent), "unknown") if span.parent is not None else None,
        tuple(
            (event.name, _ms(event.timestamp), dict(event.attributes or {}))
            for event in span.events
        ),
        tuple(_link(link, labels) for link in span.links),
        (span.status.status_code.name, span.status.description),
    )


def _link(link: Any, labels: Mapping[object, str]) -> tuple[str, str]:
    assert set(link.attributes) == {"voice.link.kind"}
    return link.attributes["voice.link.kind"], labels.get(_id(link.context), "unknown")


def _label(span: ReadableSpan) -> str:
    number = (span.attributes or {}).get("voice.turn.number")
    return span.name if number is None else f"{span.name} #{number}"


def _id(context: Any) -> object:
    return None if context is None else (context.trace_id, context.span_id)


def _ms(time: int | None) -> float:
    assert time is not None
    return (time - EPOCH) / 1_000_000
