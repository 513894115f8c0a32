"""Facts told late, and calls told after they were held, in; true times out."""

import pytest

from tests.primitives.telling import EPOCH, MS, HandClock, Told
from voicespan.primitives.clock import NANOSECONDS, SessionClock

LONG_AGO = EPOCH - 60


def _ms(told: Told, at: int | None) -> int | None:
    return None if at is None else round((at - told.session.call.started_at) / MS)


def _replay(told: Told, base: float) -> None:
    with told.session.turn() as turn:
        speech = turn.user_speech()
        speech.start(at=base)
        speech.stop(at=base + 1)
        model = turn.llm(model="m")
        model.start(at=base + 1.2)
        model.stop(at=base + 2)
        answer = turn.agent_speech()
        answer.start(at=base + 2.2)
        answer.stop(at=base + 4)


def test_turns_replayed_in_with_blocks_have_their_true_times(told: Told) -> None:
    """The block is entered now, which says nothing of when its turn was."""
    _replay(told, LONG_AGO)
    _replay(told, LONG_AGO + 10)
    assert told.session.call.started_at == round(LONG_AGO) * NANOSECONDS
    times = [
        [_ms(told, at) for stage in turn.stages for at in (stage.start, stage.end)]
        for turn in told.turns
    ]
    first = [0, 1000, 1200, 2000, 2200, 4000]
    assert times == [first, [at + 10_000 for at in first]]
    spans = [(_ms(told, turn.start), _ms(told, turn.end)) for turn in told.turns]
    assert spans == [(0, 4000), (10_000, 14_000)]


def test_a_turn_that_has_begun_is_not_moved(told: Told) -> None:
    """Once a stage of it has been told, an older one does not bend it or the call."""
    with told.session.turn() as turn:
        turn.user_speech().start()
        told.session.stage("nlu", at=LONG_AGO)
    assert _ms(told, told.turns[0].start) == 0


def test_a_replayed_call_needs_no_with_block(told: Told) -> None:
    """Timeouts run on the time line of the facts."""
    for at, verb in enumerate(("user_started_speaking", "user_stopped_speaking")):
        getattr(told.session, verb)(at=LONG_AGO + at)
    told.session.user_transcript("Hi", at=LONG_AGO + 2)
    told.session.agent_started_speaking(at=LONG_AGO + 5)
    told.session.agent_stopped_speaking(at=LONG_AGO + 6)
    (turn,) = told.turns
    assert (turn.outcome, _ms(told, turn.end)) == ("completed", 6000)


def test_a_late_fact_does_not_move_the_present_back(told: Told) -> None:
    """A turn that waits for facts settles when its grace is over, whatever is told late."""
    told.session.user_started_speaking()
    told.session.user_stopped_speaking()
    told.session.user_transcript("Hi")
    told.session.agent_started_speaking()
    told.session.stage("tts").stop(final=False)
    told.lab.at(40_000)
    told.session.agent_stopped_speaking()
    told.session.event("late", at=EPOCH + 2)
    assert told.turns == []
    told.lab.at(42_001)
    assert len(told.turns) == 1


class _Preempted(HandClock):
    """A clock whose reader is put to sleep for 30 ms after looking at the wall."""

    def wall_ns(self) -> int:
        read = super().wall_ns()
        self.monotonic += 30 * MS
        return read


def test_a_timestamp_is_placed_exactly() -> None:
    """However long its reader is preempted: the same `at` is the same instant."""
    clock = SessionClock(HandClock())
    clock._clock = _Preempted()
    assert {clock.place(EPOCH - 1) for _ in range(3)} == {round(EPOCH - 1) * NANOSECONDS}


@pytest.mark.parametrize("step_ms", [-3_600_000, 3_600_000])
def test_a_timestamp_of_a_stepped_clock_is_placed_by_its_age(step_ms: int) -> None:
    hand = HandClock()
    clock = SessionClock(hand)
    hand.step = step_ms * MS
    assert clock.place(EPOCH + step_ms / 1000 - 1) == round(EPOCH - 1) * NANOSECONDS


def test_what_led_to_a_turn_is_in_it(told: Told) -> None:
    """Voice activity that was found just before the turn began is where the turn begins."""
    with told.session.stage("vad"):
        told.lab.at(500)
    told.lab.at(1000)
    told.session.user_wrote("Hi")
    told.session.end()
    (turn,) = told.turns
    assert (_ms(told, turn.start), _ms(told, turn.stages[0].start)) == (0, 0)


def test_what_was_long_before_a_turn_does_not_stretch_it(told: Told) -> None:
    """A model loaded a minute before the first words lies at their turn's start."""
    with told.session.stage("load"):
        told.lab.at(500)
    told.lab.at(60_000)
    told.session.user_wrote("Hi")
    told.session.end()
    (turn,) = told.turns
    (stage,) = turn.stages
    assert [_ms(told, at) for at in (turn.start, stage.start, stage.end)] == [60_000] * 3


def test_a_recogniser_stopped_late_ended_with_its_words(told: Told) -> None:
    """Its stage is from the onset to the final transcript; later words make it longer."""
    with told.session.turn() as turn:
        stt = turn.stt()
        stt.start()
        told.lab.at(300)
        stt.transcript("a")
        told.lab.at(900)
        stt.stop()
        assert stt.record is not None
        assert _ms(told, stt.record.end) == 300
        told.lab.at(1000)
        stt.transcript("pizza")
    assert _ms(told, stt.record.end) == 1000
