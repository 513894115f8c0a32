"""Far too much of everything in; state that stays within its documented bounds out."""

import logging
import sys
from itertools import count

import pytest

from tests.primitives.telling import Lab, Told
from tests.situations import facts, reply, transcript, user
from voicespan.primitives import calls
from voicespan.primitives.ledger import MAX_STAGES, MAX_WAITING
from voicespan.primitives.overlap import MAX_PIECES
from voicespan.primitives.records import (
    MAX_ATTRIBUTES,
    MAX_EVENTS,
    MAX_FACTS,
    MAX_IDENTITY_ATTRIBUTES,
    MAX_TEXT,
)
from voicespan.primitives.settling import MAX_SETTLING

MANY = 3


def _ask(told: Told, text: str = "Hi") -> None:
    told.session.user_started_speaking()
    told.session.user_stopped_speaking()
    told.session.user_transcript(text)


def test_stages_of_a_turn(told: Told) -> None:
    """A runaway tool loop fills a turn, and the answer is still heard in it."""
    _ask(told)
    for _ in range(MANY * MAX_STAGES):
        told.session.stage("tool").stop()
    told.session.agent_started_speaking()
    told.session.agent_stopped_speaking()
    (turn,) = told.turns
    assert (len(turn.stages), turn.outcome) == (MAX_STAGES + 1, "completed")


def test_speech_of_a_turn(told: Told) -> None:
    """So does somebody who starts and stops for ever."""
    for _ in range(MANY * MAX_STAGES):
        told.session.user_started_speaking()
        told.session.user_stopped_speaking()
    told.session.user_transcript("Hi")
    told.session.end()
    assert len(told.turns[0].stages) <= 2 * MAX_STAGES


def test_events(told: Told) -> None:
    """Events are kept up to a bound per session, turn and stage."""
    for _ in range(MANY * MAX_EVENTS):
        told.session.event("x")
    _ask(told)
    with told.session.stage("llm") as stage:
        for _ in range(MANY * MAX_EVENTS):
            told.session.event("x")
            stage.event("x")
    assert stage.record is not None
    turn = told.session.current_turn
    assert turn is not None
    assert turn.record is not None
    sizes = [len(told.session.events), len(turn.record.events), len(stage.record.events)]
    assert sizes == [MAX_EVENTS] * 3


def test_attributes(told: Told) -> None:
    """Attributes of the user's own are kept up to a bound per turn and stage; known ones change."""
    with told.session.turn() as turn, turn.llm() as stage:
        for index in range(MANY * MAX_ATTRIBUTES):
            turn.set_attribute(f"a{index}", 0)
            stage.set_attribute(f"a{index}", 0)
        turn.set_attribute("a0", 1)
    assert turn.record is not None
    assert stage.record is not None
    assert len(turn.record.attributes) == len(stage.record.attributes) == MAX_ATTRIBUTES
    assert turn.record.attributes["a0"] == 1


def test_attributes_of_a_call(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    """So are those of the call, which every span carries; whoever sets too many is told once."""
    caplog.set_level(logging.WARNING)
    for index in range(MANY * MAX_IDENTITY_ATTRIBUTES):
        told.session.identify(attributes={f"a{index}": 0})
    assert len(told.session.identity.attributes) == MAX_IDENTITY_ATTRIBUTES
    assert len(caplog.records) == 1


def test_marks_and_facts(told: Told) -> None:
    """Whatever an integration marks and states of a stage, it is only so much."""
    stage = told.session.stage("llm")
    for index in range(MANY * MAX_FACTS):
        stage.mark(f"m{index}")
        stage.facts(**{f"f{index}": 0})
    assert stage.record is not None
    assert len(stage.record.marks) == len(stage.record.facts) == MAX_FACTS


def test_text(told: Told) -> None:
    """Text that is told piece by piece is kept up to a bound per stage and turn."""
    piece = "x" * (MAX_TEXT // 2)
    with told.session.turn() as turn:
        stt, tts = turn.stt(), turn.tts()
        for _ in range(MANY):
            told.session.user_wrote(piece)
            stt.transcript(piece)
            tts.text(piece)
    assert turn.record is not None
    assert stt.record is not None
    assert tts.record is not None
    assert sum(map(len, turn.record.written)) == MAX_TEXT
    assert len(stt.record.facts["text"]) == len(tts.record.facts["text"]) == MAX_TEXT


def test_messages_of_a_turn(told: Told) -> None:
    """Somebody who types without waiting for an answer fills their turn with so many messages."""
    with told.session.turn() as turn:
        for _ in range(MANY * MAX_EVENTS):
            told.session.user_wrote("Hi")
    assert turn.record is not None
    assert len(turn.record.written) == MAX_EVENTS


def test_stages_that_wait_for_a_turn(told: Told) -> None:
    """Work outside any turn waits for one; the latest is kept."""
    for index in range(MANY * MAX_WAITING):
        told.session.stage("nlu", key=index).stop()
    _ask(told)
    told.session.end()
    kept = [stage.key for stage in told.turns[0].of("nlu")]
    assert kept == list(range(2 * MAX_WAITING, 3 * MAX_WAITING))


def test_coughs(told: Told) -> None:
    """Noises without a turn to note them on are kept up to a bound."""
    for index in range(MANY * MAX_WAITING):
        told.lab.at(index * 5000)
        told.session.user_started_speaking()
        told.session.user_stopped_speaking()
    told.session.end()
    assert len(told.session.events) == MAX_WAITING


def test_turns_that_settle(told: Told) -> None:
    """Closed turns that wait for facts are written out, oldest first, when there are too many."""
    for _ in range(MANY * MAX_SETTLING):
        _ask(told)
        told.session.stage("llm").stop(final=False)
        told.session.agent_started_speaking()
        told.session.agent_stopped_speaking()
    unsettled = told.session.call.tracker.unsettled()
    assert len(unsettled) == MAX_SETTLING
    assert [turn.number for turn in told.turns] == list(range(1, 2 * MAX_SETTLING + 1))


def test_pieces_of_an_overlap(told: Told) -> None:
    """Somebody who stutters over the agent for ever is one utterance of bounded size."""
    told.session.agent_started_speaking()
    for _ in range(MANY * MAX_PIECES):
        told.session.user_started_speaking()
        told.session.user_stopped_speaking()
    overlap = told.session.call.tracker._talkover.undecided
    assert overlap is not None
    assert len(overlap.stages) == MAX_PIECES


def test_sessions(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions left open are ended, the oldest first, when there are too many."""
    monkeypatch.setattr(calls, "MAX_SESSIONS", 5)
    opened = [lab.open().session for _ in range(8)]
    assert lab.calls.under_way() == opened[3:]
    assert [session.end_reason for session in opened[:3]] == ["lost"] * 3


def test_timers(told: Told) -> None:
    """A call that lives for long does not leave a timer behind with every turn."""
    for index in range(200):
        start = index * 4000
        play_now = facts(
            user(start, start + 500),
            transcript(start + 600, "Hi"),
            reply(start + 700, "Ho", until=start + 2000),
        )
        for fact in play_now:
            told.lab.at(fact.at)
            told.tell(fact)
    assert len(told.lab.worker._timers._heap) <= 16


def test_a_long_call_does_not_grow(told: Told) -> None:
    """After any number of turns the tracker holds what it held after one."""
    tracker = told.session.call.tracker

    def size() -> int:
        ledger = tracker._ledger
        return len(ledger.unsettled()) + len(ledger.waiting) + len(ledger.unclaimed)

    sizes = set()
    for index in range(50):
        start = index * 10_000
        script = facts(
            user(start, start + 500),
            transcript(start + 600, "Hi"),
            reply(start + 700, "Ho", until=start + 2000),
        )
        for fact in script:
            told.lab.at(fact.at)
            told.tell(fact)
        told.lab.at(start + 6000)
        sizes.add(size())
    assert sizes == {0}


def test_cost_of_a_fact_is_linear_in_the_stages_of_its_turn(told: Told) -> None:
    """Twice the stages cost at most about twice the calls: nothing compares each with each."""

    def calls_for(stages: int) -> int:
        call = told.lab.open()
        _ask(call)
        for _ in range(stages):
            call.session.stage("tool").stop()
        counter = count()

        def profile(*_: object) -> None:
            next(counter)

        sys.setprofile(profile)
        try:
            call.session.stage("llm", key="k").stop()
        finally:
            sys.setprofile(None)
        return next(counter)

    assert calls_for(400) < 2.5 * calls_for(200)
