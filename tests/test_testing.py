"""capture(): calls in a block in, views of what would have been exported out."""

from __future__ import annotations

import logging

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import voicespan
from voicespan import _guard, _installation
from voicespan.testing import Captured, FakeClock, ToolView, capture

pytestmark = pytest.mark.usefixtures("fresh")


def hold(name: str = "a") -> None:
    """Hold a call of one turn."""
    with voicespan.session(external_session_id=name) as session, session.turn():
        pass


def sessions(calls: Captured) -> list[str]:
    """Return the sessions captured."""
    return [session.session_id for session in calls.sessions]


# --- the views ------------------------------------------------------------------------------------


def test_the_views_say_what_happened() -> None:
    clock = FakeClock()
    with capture(clock=clock, mask=None) as calls, voicespan.session() as session:
        with session.turn() as turn:
            with turn.user_speech() as heard:
                clock.advance(1)
                heard.transcript("Where is it?")
            with turn.llm(model="m") as llm:
                clock.advance(0.5)
                llm.first_token()
            with turn.tool("lookup", arguments={"id": 1}) as tool:
                tool.result("shipped")
            with pytest.raises(OSError, match="gone"), turn.tool("track"):
                raise OSError("gone")
            with turn.agent_speech() as speech:
                speech.transcript("On its way.")
            turn.event("guardrail:tone")
        session.outcome("resolved")
    (turn_view,) = calls.turns
    (session_view,) = calls.sessions
    assert session_view.turns == (turn_view,)
    assert (session_view.end_reason, session_view.outcome) == ("completed", "resolved")
    assert (turn_view.number, turn_view.initiator, turn_view.outcome) == (1, "user", "completed")
    assert turn_view.session_id == session_view.session_id
    assert (turn_view.user_text, turn_view.agent_text) == ("Where is it?", "On its way.")
    assert turn_view.tools == (
        ToolView("lookup", {"id": 1}, "shipped", None),
        ToolView("track", None, None, "OSError"),
    )
    assert turn_view.ttfa == 0.5
    assert sum(turn_view.parts.values()) == 0.5
    assert turn_view.parts["llm"] == 0.5
    assert turn_view.events == ("first_audio", "guardrail:tone")
    assert turn_view.spans[0].name == "turn"
    assert len(turn_view.spans) == 6
    assert (turn_view.cost, turn_view.time_to_answer, turn_view.barge_in_latency) == (None,) * 3


def test_the_views_cannot_be_changed() -> None:
    with capture() as calls:
        hold()
    with pytest.raises(AttributeError):
        calls.turns[0].span = None  # type: ignore[misc, assignment]  # on purpose
    with pytest.raises(TypeError):
        calls.turns[0].parts["llm"] = 0.0  # type: ignore[index]  # on purpose


def test_what_is_masked_is_none() -> None:
    with capture() as calls, voicespan.session() as session, session.turn() as turn:
        with turn.user_speech() as heard:
            heard.transcript("my card is 4111")
        with turn.tool("t", arguments={"card": "4111"}) as tool:
            tool.result("4111")
    (turn_view,) = calls.turns
    assert (turn_view.user_text, turn_view.agent_text) == (None, None)
    assert turn_view.tools == (ToolView("t", None, None, None),)


def test_turns_and_sessions_of_several_calls_are_told_apart() -> None:
    with capture() as calls:
        hold("a")
        hold("b")
    assert [turn.session_id for turn in calls.turns] == ["a", "b"]
    assert [len(session.turns) for session in calls.sessions] == [1, 1]


def test_what_is_captured_can_be_read_while_the_block_runs() -> None:
    with capture() as calls:
        with voicespan.session() as session:
            with session.turn():
                assert len(calls.turns) == 0
            assert (len(calls.turns), len(calls.sessions)) == (1, 0)
        assert (len(calls.turns), len(calls.sessions)) == (1, 1)


# --- time -----------------------------------------------------------------------------------------


def test_a_turn_nobody_answers_is_given_up_on_when_time_has_passed() -> None:
    with capture(clock=FakeClock()) as calls:
        session = voicespan.session()
        session.user_started_speaking()
        calls.advance(1)
        session.user_stopped_speaking()
        session.user_transcript("Hello?")
        calls.advance(9)
        before = calls.turns
        calls.advance(4)
        after = calls.turns
    assert before == ()
    assert [turn.outcome for turn in after] == ["no_response"]


def test_a_stepped_wall_clock_bends_no_turn() -> None:
    clock = FakeClock()
    with (
        capture(clock=clock) as calls,
        voicespan.session() as session,
        session.turn() as turn,
        turn.llm(model="m"),
    ):
        clock.advance(1)
        clock.step(-3600)
        clock.advance(1)
    llm = next(span for span in calls.spans if span.name == "chat m")
    assert llm.start_time is not None
    assert llm.end_time == llm.start_time + 2_000_000_000


def test_real_time_cannot_be_advanced() -> None:
    with capture() as calls, pytest.raises(TypeError, match="FakeClock"):
        calls.advance(1)


# --- strict ---------------------------------------------------------------------------------------


@pytest.fixture
def broken_ttfa(monkeypatch: pytest.MonkeyPatch) -> None:
    """Break a step."""

    def broken(*args: object) -> None:
        raise TypeError("broken step")

    monkeypatch.setattr("voicespan.processors.ttfa._time", broken)


def test_voicespans_own_errors_are_raised(broken_ttfa: None) -> None:
    with pytest.raises(TypeError, match="broken step"), capture():
        hold()
    assert _installation.in_effect() is None


def test_voicespans_own_errors_are_logged_if_that_is_wanted(
    broken_ttfa: None, caplog: pytest.LogCaptureFixture
) -> None:
    with capture(strict=False) as calls:
        hold()
        hold()
    assert len(calls.turns) == 2
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_an_error_over_somebody_elses_span_is_raised_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise TypeError("broken exporter")

    monkeypatch.setattr("voicespan.processors.exporter.rewrite", broken)
    with capture():
        span = trace.get_tracer("app").start_span("theirs")
        with pytest.raises(TypeError, match="broken exporter"):
            span.end()


def test_strictness_ends_with_the_block() -> None:
    with capture():
        pass
    with _guard.guard("somewhere"):
        raise TypeError("guarded again")


def test_an_applications_own_error_passes_through_and_ends_the_block() -> None:
    boom = ValueError("mine")
    with (
        pytest.raises(ValueError, match="mine") as raised,
        capture() as calls,
        voicespan.session() as session,
        session.turn(),
    ):
        raise boom
    assert raised.value is boom
    assert calls.turns[0].outcome == "error"
    assert _installation.in_effect() is None


# --- taking over ----------------------------------------------------------------------------------


def test_repeated_captures_see_only_their_own() -> None:
    for name in "abc":
        with capture() as calls:
            hold(name)
        assert sessions(calls) == [name]


def test_a_nested_capture_takes_over_until_it_ends() -> None:
    with capture() as outer:
        hold("a")
        with capture() as inner:
            hold("b")
        hold("c")
    assert (sessions(outer), sessions(inner)) == (["a", "c"], ["b"])


def test_a_capture_takes_over_from_instrument_and_gives_back() -> None:
    exporter = InMemorySpanExporter()
    handle = voicespan.instrument(exporter=exporter)
    with capture() as calls:
        hold("a")
        with trace.get_tracer("app").start_as_current_span("theirs"):
            pass
    hold("b")
    assert handle.flush(10)
    assert sessions(calls) == ["a"]
    assert {span.name for span in calls.spans} == {"session", "turn", "theirs"}
    assert {(s.attributes or {})["session.id"] for s in exporter.get_finished_spans()} == {"b"}


def test_instrument_inside_a_capture_waits_until_it_ends() -> None:
    """The agent under test calls instrument(), as it does in production."""
    exporter = InMemorySpanExporter()
    with capture() as calls:
        handle = voicespan.instrument(exporter=exporter)
        hold("a")
    hold("b")
    assert handle.flush(10)
    assert sessions(calls) == ["a"]
    assert {(s.attributes or {})["session.id"] for s in exporter.get_finished_spans()} == {"b"}


def test_uninstrument_inside_a_capture_leaves_the_capture() -> None:
    voicespan.instrument(exporter=[])
    with capture() as calls:
        voicespan.uninstrument()
        hold("a")
    assert sessions(calls) == ["a"]
    hold("b")
    assert sessions(calls) == ["a"]


def test_a_capture_on_an_applications_provider_keeps_its_exporters_fed() -> None:
    """Only voicespan's own exporters are silenced."""
    provider, theirs = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(theirs))
    voicespan.instrument(tracer_provider=provider)
    with capture() as calls:
        hold("a")
        with provider.get_tracer("app").start_as_current_span("theirs"):
            pass
    assert {span.name for span in calls.spans} == {"session", "turn", "theirs"}
    assert len(theirs.get_finished_spans()) == 3


def test_a_capture_heeds_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's shell must not decide whether a test passes."""
    monkeypatch.setenv("VOICESPAN_TRACE_PER", "nonsense")
    monkeypatch.setenv("VOICESPAN_MASK", "none")
    monkeypatch.setenv("VOICESPAN_AGENT", "x")
    with capture() as calls:
        hold()
    assert "gen_ai.agent.name" not in calls.turns[0].attributes


def test_an_annotation_of_nothing_is_misuse(caplog: pytest.LogCaptureFixture) -> None:
    voicespan.annotate(session_id="a", outcome="x")
    with capture():
        voicespan.annotate(outcome="x")
    assert len(caplog.records) == 1
