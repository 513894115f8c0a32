"""A call's identity in; its traces, links and what a sampler makes of them out."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    ParentBased,
    Sampler,
    TraceIdRatioBased,
)

import voicespan
from tests.spans.seen import seen
from voicespan.spans.session_spans import MAX_LINKS, SessionSpans
from voicespan.testing import Captured, capture

pytestmark = pytest.mark.usefixtures("fresh")

LOW = (1 << 64) - 1


def hold(turns: int = 2, **known: str) -> None:
    """Hold a call with a model and a tool in every turn."""
    with voicespan.session(**known) as session:  # type: ignore[arg-type]  # names are checked by the call
        for _ in range(turns):
            with session.turn() as turn, turn.llm(model="m"), turn.tool("t"), voicespan.span("db"):
                pass


def traces(spans: tuple[ReadableSpan, ...], name: str) -> list[int]:
    """Return the trace ids of the spans of a name."""
    return [span.context.trace_id for span in spans if span.name == name and span.context]


def captured(turns: int = 2, trace_per: str = "turn", **known: str) -> Captured:
    """Return what a call of so many turns exports."""
    with capture(trace_per=trace_per) as calls:
        hold(turns, **known)
    return calls


def test_each_turn_is_a_trace_of_its_own_with_the_low_half_of_the_sessions() -> None:
    spans = captured(3).spans
    (session,) = traces(spans, "session")
    turns = traces(spans, "turn")
    assert len({session, *turns}) == 4
    assert {trace_id & LOW for trace_id in turns} == {session & LOW}
    assert [span.parent for span in spans if span.name == "turn"] == [None] * 3
    for name in ("chat m", "execute_tool t", "db"):
        assert traces(spans, name) == turns


def test_links_lead_from_turn_to_session_and_previous_turn_and_back() -> None:
    found = seen(captured(3).spans)
    assert {label: one.links for label, one in found.items() if one.links} == {
        "session": (("turn", "turn #1"), ("turn", "turn #2"), ("turn", "turn #3")),
        "turn #1": (("session", "session"),),
        "turn #2": (("session", "session"), ("previous_turn", "turn #1")),
        "turn #3": (("session", "session"), ("previous_turn", "turn #2")),
    }


def test_the_session_links_to_its_latest_turns_and_no_more() -> None:
    """OpenTelemetry keeps 128 links; the end of a long call matters more than its beginning."""
    links = seen(captured(MAX_LINKS + 3).spans)["session"].links
    assert MAX_LINKS == 128
    assert links == tuple(("turn", f"turn #{n}") for n in range(4, MAX_LINKS + 4))


def test_a_call_remembers_no_more_turns_than_it_links_to() -> None:
    with capture(), voicespan.session() as session:
        for _ in range(MAX_LINKS + 3):
            with session.turn():
                pass
        (spans,) = session.call.listeners
        assert isinstance(spans, SessionSpans)
        assert len(spans._links) == MAX_LINKS
        assert spans._turns == {}


def test_a_trace_per_session_holds_everything() -> None:
    spans = captured(3, "session").spans
    assert len({span.context.trace_id for span in spans if span.context}) == 1


def test_a_call_sid_fixes_the_trace_id() -> None:
    spans = captured(call_sid="CA123").spans
    expected = hashlib.sha256(b"CA123").hexdigest()[:32]
    (session,) = traces(spans, "session")
    assert format(session, "032x") == expected
    assert {trace_id & LOW for trace_id in traces(spans, "turn")} == {int(expected[16:], 16)}
    assert next(span.parent for span in spans if span.name == "session") is None


@pytest.mark.parametrize("said", ["argument", "identify before", "identify before the first turn"])
def test_a_call_sid_may_be_told_until_the_first_turn(said: str) -> None:
    """SIP attributes arrive late."""
    with capture() as calls:
        if said == "identify before":
            voicespan.identify(call_sid="CA123")
        with voicespan.session(call_sid="CA123" if said == "argument" else None) as session:
            if said == "identify before the first turn":
                voicespan.identify(call_sid="CA123")
            with session.turn():
                pass
    (found,) = traces(calls.spans, "session")
    assert format(found, "032x") == hashlib.sha256(b"CA123").hexdigest()[:32]


def test_a_call_sid_told_later_is_an_attribute_only() -> None:
    with capture() as calls, voicespan.session() as session:
        with session.turn():
            pass
        voicespan.identify(call_sid="CA123")
        with session.turn():
            pass
    (found,) = traces(calls.spans, "session")
    assert format(found, "032x") != hashlib.sha256(b"CA123").hexdigest()[:32]
    sids = [turn.attributes.get("voice.call.sid") for turn in calls.turns]
    assert sids == [None, "CA123"]
    assert calls.sessions[0].attributes["voice.call.sid"] == "CA123"


def test_the_bucket_is_the_sessions_and_spread_over_a_hundred() -> None:
    buckets: dict[object, object] = {}
    with capture() as calls:
        for n in range(600):
            hold(1, external_session_id=f"call-{n}")
    for span in calls.spans:
        found = dict(span.attributes or {})
        bucket = buckets.setdefault(found["session.id"], found["voice.session.bucket"])
        assert found["voice.session.bucket"] == bucket
    assert set(buckets.values()) <= {*range(100)}
    assert len(set(buckets.values())) > 90
    assert buckets["call-7"] == 40  # fixed for ever: saved sampling rules depend on it


def test_an_application_keeps_its_own_ids() -> None:
    """Our id generator serves our scope only."""

    class Ids(RandomIdGenerator):
        def generate_trace_id(self) -> int:
            return 42

    trace.set_tracer_provider(TracerProvider(id_generator=Ids(), shutdown_on_exit=False))
    with capture() as calls:
        hold(1, call_sid="CA123")
        with trace.get_tracer("app").start_as_current_span("theirs"):
            pass
    assert traces(calls.spans, "theirs") == [42]
    (found,) = traces(calls.spans, "session")
    assert format(found, "032x") == hashlib.sha256(b"CA123").hexdigest()[:32]


# --- sampling -------------------------------------------------------------------------------------


def exported(sampler: Sampler, calls: int, **options: str) -> dict[str, list[str]]:
    """Hold calls on a provider with this sampler; return the names of the spans kept by call."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
    handle = voicespan.instrument(tracer_provider=provider, exporter=exporter, **options)  # type: ignore[arg-type]  # see hold
    for n in range(calls):
        hold(2, external_session_id=str(n), **({"call_sid": f"CA{n}"} if n % 2 else {}))
        assert handle.flush(10)
        by = {"call_sid": f"CA{n}"} if n % 2 else {"session_id": str(n)}
        voicespan.annotate(**by, outcome="resolved")  # type: ignore[arg-type]  # see hold
    assert handle.shutdown(10)
    kept: dict[str, list[str]] = {}
    for span in exporter.get_finished_spans():
        whose = str((span.attributes or {})["session.id"]).removeprefix("CA")
        kept.setdefault(whose, []).append(span.name)
    return kept


WHOLE = sorted(["session", "annotation", *2 * ["turn", "chat m", "execute_tool t", "db"]])


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(ratio=st.floats(0, 1), parent_based=st.booleans(), per=st.sampled_from(["turn", "session"]))
def test_every_ratio_keeps_or_drops_a_call_whole(
    ratio: float, parent_based: bool, per: str
) -> None:
    root = TraceIdRatioBased(ratio)
    kept = exported(ParentBased(root) if parent_based else root, 12, trace_per=per)
    assert [sorted(names) for names in kept.values()] == [WHOLE] * len(kept)
    assert len(kept) == {0.0: 0, 1.0: 12}.get(ratio, len(kept))


def test_an_annotation_from_another_process_is_kept_with_its_call_or_not_at_all() -> None:
    """All it has is the Call SID: the sampler is asked what it made of the call's trace."""
    sampler = ParentBased(TraceIdRatioBased(0.5))
    held = {n for n in exported(sampler, 40) if int(n) % 2}
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
    handle = voicespan.instrument(tracer_provider=provider, exporter=exporter)
    for n in range(1, 40, 2):
        voicespan.annotate(call_sid=f"CA{n}", outcome="resolved")
    assert handle.shutdown(10)
    annotated = {str((s.attributes or {})["voice.call.sid"]) for s in exporter.get_finished_spans()}
    assert annotated == {f"CA{n}" for n in held}
    assert 0 < len(held) < 20


def test_a_ratio_keeps_its_share() -> None:
    kept = exported(TraceIdRatioBased(0.5), 200)
    assert 60 < len(kept) < 140


@pytest.mark.parametrize("sampler", [ALWAYS_OFF, ParentBased(ALWAYS_OFF)], ids=str)
def test_a_sampler_that_wants_nothing_gets_nothing(
    sampler: Sampler, caplog: pytest.LogCaptureFixture
) -> None:
    assert exported(sampler, 2) == {}
    assert caplog.records == []


def test_a_sampler_that_wants_everything_gets_it() -> None:
    assert [sorted(names) for names in exported(ALWAYS_ON, 2).values()] == [WHOLE, WHOLE]


def test_a_disabled_sdk_is_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert exported(ALWAYS_ON, 1) == {}
    assert caplog.records == []


def test_a_provider_that_is_not_the_sdks_is_no_error() -> None:
    handle = voicespan.instrument(tracer_provider=trace.NoOpTracerProvider(), exporter=[])
    hold(1, call_sid="CA1")
    assert handle.flush(10)
    assert handle.shutdown(10)
