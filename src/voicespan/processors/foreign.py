"""Somebody's ended spans in, the drafts steps rewrite and new spans made of them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import Event as SpanEvent
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util import BoundedList

from voicespan._guard import guard, warn_once
from voicespan.attributes import SCOPE_NAME, VOICE_PII_POLICY
from voicespan.primitives.records import Event
from voicespan.processors.draft import Draft, Step
from voicespan.processors.steps import run_steps

if TYPE_CHECKING:
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

_MISSING = object()


@dataclass(slots=True)
class ForeignEvent(Event):
    """An event of a span that is not ours; `source` is what it was made from."""

    source: SpanEvent | None = None


def rewrite(spans: Sequence[ReadableSpan], steps: Sequence[Step]) -> list[ReadableSpan]:
    """Return the spans after the steps: new ones, or the same where no step changed anything.

    A span that cannot be read or rewritten is left out: no step can vouch for it.
    """
    drafts = []
    for span in spans:
        with guard("reading a span"):
            drafts.append(to_draft(span))
    rewritten = []
    for draft in run_steps(steps, drafts):
        with guard("rewriting a span"):
            if isinstance(draft.source, ReadableSpan):
                rewritten.append(to_span(draft))
            else:
                warn_once("step.added", "a step added a span: steps rewrite and drop, nothing more")
    return rewritten


def to_draft(span: ReadableSpan) -> Draft:
    """Return the draft of an ended span, which shares nothing mutable with it."""
    scope = span.instrumentation_scope
    return Draft(
        name=span.name,
        start=span.start_time or 0,
        end=span.end_time,
        otel_kind=span.kind,
        attributes=dict(span.attributes or {}),
        events=[_to_event(event) for event in span.events],
        links=list(span.links),
        status=span.status,
        scope=scope.name if scope is not None else "",
        source=span,
        masked=_policy(scope),
    )


def to_span(draft: Draft) -> ReadableSpan:
    """Return the span a draft made by `to_draft` describes; the very same when nothing changed.

    Context, parent, resource, scope and the counts of what the SDK had dropped stay; the
    deprecated `instrumentation_info` does not.
    """
    span: ReadableSpan = draft.source
    if _unchanged(draft, span):
        return span
    return ReadableSpan(
        name=draft.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_bounded(draft.attributes, span.dropped_attributes),
        events=_counted([_from_event(event) for event in draft.events], span.dropped_events),
        links=_counted(draft.links, span.dropped_links),
        kind=draft.otel_kind,
        status=draft.status,
        start_time=draft.start,
        end_time=draft.end,
        instrumentation_scope=span.instrumentation_scope,
    )


def _policy(scope: InstrumentationScope | None) -> str:
    """Return the policy our own scope says its spans were masked with before they ended."""
    if scope is None or scope.name != SCOPE_NAME:
        return ""
    return str((scope.attributes or {}).get(VOICE_PII_POLICY, ""))


def _to_event(event: SpanEvent) -> Event:
    return ForeignEvent(event.name, event.timestamp, dict(event.attributes or {}), event)


def _from_event(event: Event) -> SpanEvent:
    source = event.source if isinstance(event, ForeignEvent) else None
    if source is not None and _same_event(event, source):
        return source
    dropped = source.dropped_attributes if source is not None else 0
    return SpanEvent(event.name, _bounded(event.attributes, dropped), event.at)


def _unchanged(draft: Draft, span: ReadableSpan) -> bool:
    return (
        draft.name == span.name
        and draft.start == (span.start_time or 0)
        and draft.end == span.end_time
        and draft.otel_kind is span.kind
        and draft.status is span.status
        and _same(draft.attributes, span.attributes)
        and len(draft.events) == len(span.events)
        and all(map(_same_event, draft.events, span.events))
        and len(draft.links) == len(span.links)
        and all(ours is theirs for ours, theirs in zip(draft.links, span.links, strict=True))
    )


def _same_event(event: Event, source: SpanEvent) -> bool:
    return (
        event.name == source.name
        and event.at == source.timestamp
        and _same(event.attributes, source.attributes)
    )


def _same(ours: Mapping[str, Any], theirs: Mapping[str, Any] | None) -> bool:
    """Whether both hold the very same objects: 1, 1.0 and True are equal and yet a change."""
    theirs = theirs or {}
    return len(ours) == len(theirs) and all(
        theirs.get(name, _MISSING) is value for name, value in ours.items()
    )


def _bounded(attributes: Mapping[str, Any], dropped: int) -> BoundedAttributes:
    bounded = BoundedAttributes(attributes=attributes)
    bounded.dropped += dropped
    return bounded


def _counted(items: Sequence[Any], dropped: int) -> BoundedList[Any]:
    counted: BoundedList[Any] = BoundedList.from_seq(None, items)
    counted.dropped = dropped
    return counted
