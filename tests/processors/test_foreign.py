"""A span that is not ours in, a new one with everything a step did not touch out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, set_span_in_context

from voicespan._guard import strict
from voicespan.primitives.records import Event
from voicespan.processors.draft import Draft
from voicespan.processors.foreign import rewrite, to_draft, to_span

EVERYTHING = [
    "name",
    "context",
    "parent",
    "resource",
    "attributes",
    "events",
    "links",
    "kind",
    "status",
    "start_time",
    "end_time",
    "instrumentation_scope",
    "dropped_attributes",
    "dropped_events",
    "dropped_links",
]


def busy_span() -> ReadableSpan:
    """Return a span of which the SDK has dropped something everywhere it can."""
    exporter = InMemorySpanExporter()
    limits = SpanLimits(
        max_span_attributes=3,
        max_events=2,
        max_links=1,
        max_event_attributes=1,
        max_link_attributes=1,
    )
    provider = TracerProvider(
        resource=Resource({"service.name": "shop"}), span_limits=limits, shutdown_on_exit=False
    )
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("shop", "1.2", "https://schema", {"team": "a"})
    root = tracer.start_span("root")
    links = [Link(root.get_span_context(), {"x": i, "y": i}) for i in range(2)]
    span = tracer.start_span(
        "work", set_span_in_context(root), SpanKind.CLIENT, {"n": 1, "list": ["a", "b"]}, links
    )
    span.set_attributes({"text": "secret", "more": 2.5})
    for i in range(3):
        span.add_event(f"e{i}", {"i": i, "j": i}, 1000 + i)
    span.set_status(Status(StatusCode.ERROR, "it broke"))
    span.end()
    root.end()
    return exporter.get_finished_spans()[0]


def described(span: ReadableSpan) -> dict[str, Any]:
    told = {name: getattr(span, name) for name in EVERYTHING}
    told["status"] = (span.status.status_code, span.status.description)
    told["attributes"] = dict(span.attributes or {})
    told["events"] = [
        (e.name, e.timestamp, dict(e.attributes or {}), e.dropped_attributes) for e in span.events
    ]
    told["links"] = [
        (link.context, dict(link.attributes or {}), link.dropped_attributes) for link in span.links
    ]
    return told


def renamed(draft: Draft) -> None:
    draft.name = "other"


def test_a_span_nobody_changed_is_the_same_span() -> None:
    span = busy_span()
    assert to_span(to_draft(span)) is span


def test_a_new_span_keeps_everything_but_the_change() -> None:
    span = busy_span()
    draft = to_draft(span)
    renamed(draft)
    new = to_span(draft)
    assert described(new) == described(span) | {"name": "other"}
    assert (new.dropped_attributes, new.dropped_events, new.dropped_links) == (1, 1, 1)
    assert new.resource is span.resource
    assert new.instrumentation_scope is span.instrumentation_scope


CHANGES: dict[str, tuple[Callable[[Draft], object], str, Any]] = {
    "start": (lambda draft: setattr(draft, "start", 7), "start_time", 7),
    "end": (lambda draft: setattr(draft, "end", 8), "end_time", 8),
    "kind": (lambda draft: setattr(draft, "otel_kind", SpanKind.SERVER), "kind", SpanKind.SERVER),
    "status": (
        lambda draft: setattr(draft, "status", Status(StatusCode.ERROR)),
        "status",
        (StatusCode.ERROR, None),
    ),
    "attribute gone": (lambda draft: draft.attributes.pop("text"), "attributes", None),
    "event's attribute": (
        lambda draft: setattr(draft.events[0], "attributes", {}),
        "events",
        None,
    ),
    "event gone": (lambda draft: draft.events.pop(), "events", None),
    "event added": (lambda draft: draft.events.append(Event("e", 1, {"k": "v"})), "events", None),
    "link gone": (lambda draft: draft.links.clear(), "links", []),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_reaches_the_new_span_and_never_the_shared_one(change: str) -> None:
    """All processors of a provider share one snapshot: what one masks another must still see."""
    edit, field, expected = CHANGES[change]
    span = busy_span()
    before = described(span)
    draft = to_draft(span)
    edit(draft)
    after = described(to_span(draft))
    assert described(span) == before
    assert [name for name in EVERYTHING if after[name] != before[name]] == [field]
    if expected is not None:
        assert after[field] == expected


def test_a_value_that_is_equal_and_of_another_type_is_a_change() -> None:
    draft = to_draft(busy_span())
    draft.attributes["more"] = True
    draft = to_draft(to_span(draft))
    draft.attributes["more"] = 1
    assert type((to_span(draft).attributes or {})["more"]) is int


def test_a_rewritten_event_keeps_its_time_and_what_was_dropped_of_it() -> None:
    draft = to_draft(busy_span())
    draft.events[0].attributes = {"i": "masked"}
    first, second = to_span(draft).events
    assert (first.name, first.timestamp, first.attributes) == ("e1", 1001, {"i": "masked"})
    assert first.dropped_attributes == 1
    assert second is draft.source.events[1]


def test_more_attributes_than_the_applications_limit_drop_nothing() -> None:
    draft = to_draft(busy_span())
    draft.attributes.update({f"voice.{i}": float(i) for i in range(9)})
    new = to_span(draft)
    assert len(new.attributes or {}) == 12
    assert new.dropped_attributes == 1


def test_a_step_may_drop_spans_and_cannot_add_any(caplog: pytest.LogCaptureFixture) -> None:
    span = busy_span()
    assert rewrite([span], [lambda drafts: []]) == []
    assert rewrite([span], [lambda drafts: [*drafts, Draft("new", 1, 2)]]) == [span]
    assert "a step added a span" in caplog.text


def test_a_span_that_cannot_be_read_is_left_out_and_the_others_are_not() -> None:
    """No step has seen it, so nothing vouches for what is in it."""
    good = busy_span()
    bad: Any = object()
    assert rewrite([bad, good], ()) == [good]
    with pytest.raises(AttributeError), strict():
        rewrite([bad], ())
