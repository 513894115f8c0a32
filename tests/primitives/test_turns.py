"""Turns entered, joined and handed over, and what is told of them by other doors."""

import logging
import traceback

import pytest

from tests.primitives.telling import Lab, Told
from voicespan.attributes import EXCEPTION_STACKTRACE
from voicespan.primitives.facts import known_facts
from voicespan.primitives.records import exception_event
from voicespan.primitives.session import Session
from voicespan.spans import facts
from voicespan.usage import USAGE_FIELDS


def _ask(session: Session) -> None:
    session.user_started_speaking()
    session.user_stopped_speaking()
    session.user_transcript("Hi")


def _answer(session: Session) -> None:
    session.stage("llm").stop()
    session.agent_started_speaking()
    session.agent_stopped_speaking()


# --- joining --------------------------------------------------------------------------------------


def test_leaving_a_nested_turn_does_not_close_it(told: Told) -> None:
    with told.session.turn() as outer:
        with told.session.turn() as inner, inner.llm():
            pass
        assert inner.record is outer.record
        assert told.turns == []
        with outer.tts():
            pass
    (turn,) = told.turns
    assert [stage.kind for stage in turn.stages] == ["llm", "tts"]


def test_leaving_a_frameworks_turn_does_not_close_it(told: Told) -> None:
    _ask(told.session)
    with told.session.turn() as turn:
        turn.set_attribute("ticket", "T-1")
    _answer(told.session)
    (closed,) = told.turns
    assert (closed.outcome, closed.attributes) == ("completed", {"ticket": "T-1"})


def test_leaving_the_current_turn_does_not_close_it(told: Told) -> None:
    with told.session.turn():
        current = told.session.current_turn
        assert current is not None
        with current:
            pass
        assert told.turns == []
        current = told.session.current_turn
        assert current is not None
        current.stop()
        assert len(told.turns) == 1


def test_an_error_that_leaves_nested_turns_is_told_once(told: Told) -> None:
    with (
        pytest.raises(ValueError, match="x"),
        told.session.turn(),
        told.session.turn(),
    ):
        raise ValueError("x")
    assert [event.name for event in told.turns[0].events] == ["exception"]


# --- whose turn -----------------------------------------------------------------------------------


def test_a_handoff_names_later_turns_only(lab: Lab) -> None:
    """Turns under way, and those that have closed and wait, stay the first agent's."""
    told = lab.open(agent="A")
    _ask(told.session)
    told.session.handoff("B", from_="A")
    _answer(told.session)
    _ask(told.session)
    _answer(told.session)
    assert [turn.agent for turn in told.turns] == ["A", "B"]
    assert told.session.identity.agent == "B"


def test_an_agent_named_late_is_that_of_the_turn_under_way(told: Told) -> None:
    _ask(told.session)
    told.session.identify(agent="A")
    _answer(told.session)
    assert [turn.agent for turn in told.turns] == ["A"]


# --- facts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*facts.FACTS, "nlu"])
def test_the_facts_that_are_known_are_those_that_are_written(kind: str) -> None:
    """Nothing that becomes an attribute is warned of, and nothing else is let pass."""
    rows = facts.FACTS.get(kind, facts._CALL)
    content = facts.CONTENT.get(facts._CONTENT_LIKE.get(kind, kind), facts.CONTENT["llm"])
    quiet = USAGE_FIELDS | {"talked_over", "text"}
    assert {*rows, *content} <= known_facts(kind)
    assert known_facts(kind) - {*rows, *content} <= quiet


def test_facts_of_a_kind_of_ones_own_are_attributes(told: Told) -> None:
    with told.session.turn() as turn, turn.stage("nlu", intent="reset", model="m") as nlu:
        pass
    assert nlu.record is not None
    assert (nlu.record.attributes, nlu.record.facts) == ({"intent": "reset"}, {"model": "m"})


def test_words_are_never_attributes(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    """Attributes are written where content is not wanted: what was said stays a fact."""
    caplog.set_level(logging.WARNING)
    with told.session.turn() as turn, turn.stage("rag", text="secret") as rag:
        pass
    assert rag.record is not None
    assert rag.record.attributes == {}
    assert len(caplog.records) == 1


def test_an_unknown_fact_is_warned_of_once(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with told.session.turn() as turn:
        turn.llm(model="m", service_tier="x").start()
        turn.llm(model="m", service_tier="x").start()
    assert len(caplog.records) == 1


def test_a_stage_in_a_call_without_turns_is_an_event_of_the_call(told: Told) -> None:
    with told.session.stage("vad") as vad:
        vad.set_attribute("p", 0.9)
    told.session.end()
    assert [(event.name, event.attributes) for event in told.session.events] == [
        ("vad", {"p": 0.9})
    ]


# --- doors ----------------------------------------------------------------------------------------


def test_dropped_work_is_interrupted_even_if_it_had_ended(told: Told) -> None:
    """Nothing is owed for it either: the turn does not wait for sound of it."""
    _ask(told.session)
    _answer(told.session)
    _ask(told.session)
    model = told.session.stage("llm")
    told.session.agent_started_speaking()
    synthesis = told.session.stage("tts")
    synthesis.stop()
    synthesis.drop()
    model.drop()
    assert synthesis.record is not None
    assert synthesis.record.outcome == "interrupted"
    told.session.agent_stopped_speaking()
    told.session.end()
    assert [s.outcome for s in told.turns[-1].of("llm", "tts")] == ["interrupted"] * 2


def test_how_speech_lasted_is_stated_when_it_stops(told: Told) -> None:
    told.session.agent_started_speaking()
    told.session.agent_stopped_speaking(heard=1.0, synthesized=2.0, leading_silence=0.1, gaps=0.2)
    told.session.end()
    (speech,) = told.turns[0].of("agent_speech")
    expected = {"heard": 1.0, "synthesized": 2.0, "leading_silence": 0.1, "gaps": 0.2}
    assert speech.facts == expected


def test_under_way_is_a_turn_or_what_may_become_one(told: Told) -> None:
    seen = [told.session.under_way]
    told.session.user_started_speaking()
    seen.append(told.session.under_way)
    told.session.end()
    assert [*seen, told.session.under_way] == [False, True, False]


def test_an_exception_is_put_into_words_when_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Formatting a traceback takes long: it is done by whoever writes, not by who fails."""
    formatted: list[BaseException] = []

    def format_exception(error: BaseException) -> list[str]:
        formatted.append(error)
        return ["Traceback"]

    monkeypatch.setattr(traceback, "format_exception", format_exception)
    event = exception_event(ValueError("x"), 0)
    assert formatted == []
    assert event.attributes[EXCEPTION_STACKTRACE] == "Traceback"
