"""What is learned after a call in, one span in that call's trace out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.trace import SpanContext

import voicespan
from tests.spans.seen import Seen, seen
from voicespan.primitives.records import Identity
from voicespan.schema import problems
from voicespan.spans import annotation
from voicespan.spans.annotation import EndedSessions
from voicespan.testing import Captured, capture

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

pytestmark = pytest.mark.usefixtures("fresh")


def noted(calls: Captured) -> ReadableSpan:
    """Return the annotation."""
    (found,) = (span for span in calls.spans if span.name == "annotation")
    return found


def test_an_annotation_is_this_span() -> None:
    with capture() as calls:
        with voicespan.session(external_session_id="call-7"):
            pass
        voicespan.annotate(
            session_id="call-7",
            outcome="resolved",
            scores={"csat": 4, "tone": "warm"},
            attributes={"ticket": "T-1"},
        )
    found = seen(calls.spans)["annotation"]
    at = found.at[0]
    assert found == Seen(
        "annotation",
        at=(at, at),
        parent="session",
        attributes={
            "session.id": "call-7",
            "gen_ai.conversation.id": "call-7",
            "voice.session.bucket": 40,
            "voice.span.kind": "annotation",
            "voice.session.outcome": "resolved",
            "ticket": "T-1",
        },
        events=tuple(
            ("gen_ai.evaluation.result", at, {"gen_ai.evaluation.name": name, **score})
            for name, score in (
                ("csat", {"gen_ai.evaluation.score.value": 4.0}),
                ("tone", {"gen_ai.evaluation.score.label": "warm"}),
            )
        ),
    )
    assert problems(noted(calls), frozenset({"ticket"})) == []


def test_a_call_sid_is_enough_in_another_process() -> None:
    """A nightly job that scores calls knows nothing but the carrier's id."""
    with capture() as calls, voicespan.session(call_sid="CA1"):
        pass
    with capture() as elsewhere:
        voicespan.annotate(call_sid="CA1", outcome="resolved")
    context, parent = calls.sessions[0].span.context, noted(elsewhere).parent
    assert context
    assert parent
    assert (parent.trace_id, parent.span_id) == (context.trace_id, context.span_id)


def test_a_call_sid_that_came_late_is_found_in_the_same_process() -> None:
    with capture() as calls:
        with voicespan.session() as session:
            with session.turn():
                pass
            session.identify(call_sid="CA1")
        voicespan.annotate(call_sid="CA1", outcome="resolved")
    context, parent = calls.sessions[0].span.context, noted(calls).parent
    assert context
    assert parent
    assert parent.span_id == context.span_id


def test_an_annotation_of_an_unknown_call_stands_alone() -> None:
    with capture() as calls:
        voicespan.annotate(session_id="long gone", outcome="resolved")
    assert noted(calls).parent is None


def test_the_calls_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotation, "MAX_REMEMBERED", 3)
    past = EndedSessions()
    contexts = [SpanContext(n + 1, n + 1, is_remote=False) for n in range(5)]
    for n, context in enumerate(contexts):
        past.remember(Identity(session_id=str(n)), context)
    found = [past.find(str(n)) for n in range(5)]
    assert [session and session.context for session in found] == [None, None, *contexts[2:]]
    assert past.find(None) is None
