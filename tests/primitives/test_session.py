"""Verbs and handles, used well and badly, in; records and at most one logged warning out."""

import asyncio
import contextvars
import gc
import logging
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from tests.primitives.telling import EPOCH, MS, Lab, Told, described, play
from tests.situations import agent, facts, llm, reply, transcript, tts, user
from voicespan import _guard
from voicespan.primitives.current import current_session, identity_var
from voicespan.primitives.handles import LlmHandle, StageHandle, UtteranceSttHandle
from voicespan.primitives.listener import Listener
from voicespan.primitives.session import Session

ASKED = facts(user(0, 1000), transcript(1200, "Hi"))


def _answered(told: Told) -> None:
    play((told, facts(ASKED, reply(1500, "Hello.", until=3000))))


# --- bad use --------------------------------------------------------------------------------------


def _begin_in_closed_turn(session: Session) -> None:
    with session.turn() as turn:
        pass
    turn.llm().start()


BAD: dict[str, Callable[[Session], Any]] = {
    "kind is None": lambda s: s.stage(None),  # type: ignore[arg-type]  # on purpose, as all below
    "kind is empty": lambda s: s.stage(""),
    "kind is a list": lambda s: s.stage([]),  # type: ignore[arg-type]
    "kind is a turn": lambda s: s.stage("turn"),
    "turn of no kind": lambda s: s.turn().__enter__().stage(None).start(),
    "text is None": lambda s: s.user_transcript(None),  # type: ignore[arg-type]
    "confidence is text": lambda s: s.user_transcript("hi", confidence="high"),  # type: ignore[arg-type]
    "hangover is text": lambda s: (
        s.user_started_speaking(),
        s.user_stopped_speaking(hangover="x"),  # type: ignore[arg-type]
    ),
    "hangover is nan": lambda s: (
        s.user_started_speaking(),
        s.user_stopped_speaking(hangover=float("nan")),
    ),
    "waited for nothing known": lambda s: s.turn_committed(waited_for="luck"),  # type: ignore[arg-type]
    "delay is negative": lambda s: s.turn_committed(delay=-1.0),
    "event without name": lambda s: s.event(None),  # type: ignore[arg-type]
    "handoff to nobody": lambda s: s.handoff(None),  # type: ignore[arg-type]
    "error is None": lambda s: s.error(None),  # type: ignore[arg-type]
    "stage failed of nothing": lambda s: s.stage("llm").fail(None),  # type: ignore[arg-type]
    "turn failed of nothing": lambda s: s.turn().__enter__().fail(None),
    "stage is no handle": lambda s: s.error("boom", stage=3),  # type: ignore[arg-type]
    "mos is text": lambda s: s.transport_quality(mos="good"),  # type: ignore[arg-type]
    "outcome is None": lambda s: s.outcome(None),  # type: ignore[arg-type]
    "identity of no kind": lambda s: s.identify(shoe_size=43),
    "identity of an object": lambda s: s.identify(user_id=object()),
    "at is text": lambda s: s.event("x", at="now"),  # type: ignore[arg-type]
    "at is nan": lambda s: s.event("x", at=float("nan")),
    "at is milliseconds": lambda s: s.event("x", at=EPOCH * 1000),
    "at is monotonic": lambda s: s.event("x", at=12_345.6),
    "at is in the future": lambda s: s.event("x", at=EPOCH + 3600),
    "at is before the start": lambda s: (s.event("x"), s.event("y", at=EPOCH - 3600)),
    "user stops unstarted": lambda s: s.user_stopped_speaking(),
    "agent stops unstarted": lambda s: s.agent_stopped_speaking(),
    "stage ends before it began": lambda s: (
        s.event("x", at=EPOCH - 2),
        s.stage("llm").stop(at=EPOCH - 1),
    ),
    "stage stops unstarted": lambda s: s.turn().__enter__().llm().stop(),
    "turn used before entered": lambda s: s.turn().llm().start(),
    "usage unknown": lambda s: s.stage("llm").usage(bananas=3),
    "usage negative": lambda s: s.stage("llm").usage(input_tokens=-3),
    "attribute without name": lambda s: s.stage("llm").set_attribute(None, 1),  # type: ignore[arg-type]
    "end twice": lambda s: (s.end(), s.end()),
    "verb after the end": lambda s: (s.end(), s.user_started_speaking(), s.event("x")),
    "stage after the end": lambda s: (s.end(), s.stage("llm").stop()),
    "turn after the end": lambda s: (s.end(), s.turn().__enter__().llm().start()),
    "stage of a turn that is over": _begin_in_closed_turn,
}


@pytest.mark.parametrize("name", BAD)
def test_bad_use_is_logged_once_and_never_raises(
    name: str, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever misuses us is told so in one line, the call goes on, and repeating adds no line."""
    other = told.lab.open()
    with caplog.at_level(logging.WARNING, logger="voicespan"):
        BAD[name](told.session)
        assert len(caplog.records) == 1
        assert caplog.records[0].exc_info is None or name == "stage is no handle"
        BAD[name](other.session)
        assert len(caplog.records) == 1


@pytest.mark.parametrize("name", BAD)
def test_bad_use_leaves_a_call_that_works(name: str, told: Told) -> None:
    """What follows a mistake is recorded as if nothing had been."""
    BAD[name](told.session)
    if told.session.ended:
        return
    told.lab.at(30_000)
    told.session.end()
    assert all(stage.end is not None for turn in told.turns for stage in turn.stages)


def test_a_word_of_ones_own_is_a_kind(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    """Kinds we do not know are the user's: they are recorded, without a word."""
    with told.session.turn() as turn, turn.stage("moderation", engine="x"):
        pass
    assert described(told.turns[0]).stages == "moderation"
    assert not caplog.records


def test_good_use_logs_nothing(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    """An ordinary call is silent."""
    with told.session:
        _answered(told)
    assert not caplog.records


# --- handles --------------------------------------------------------------------------------------


def test_start_and_stop_are_idempotent(told: Told) -> None:
    """The first stop counts; a late frame reopens nothing."""
    stage = told.session.stage("llm", key="r1")
    stage.start()
    told.lab.at(500)
    stage.stop()
    told.lab.at(900)
    stage.stop()
    stage.interrupt()
    assert stage.record is not None
    assert stage.record.end == stage.record.start + 500 * MS
    assert stage.record.outcome == "ok"


def test_a_stage_that_has_ended_for_good_is_not_joined_but_followed(told: Told) -> None:
    """Two rounds of a model under one speech id are two stages, in the turn of that id."""
    told.session.user_wrote("Hi")
    first = told.session.stage("llm", key="r1")
    assert told.session.stage("llm", key="r1").record is first.record
    first.stop(final=False)
    assert told.session.stage("llm", key="r1").record is first.record
    first.stop()
    second = told.session.stage("llm", key="r1")
    assert second.record is not first.record
    second.stop()
    told.session.end()
    (turn,) = told.turns
    assert turn.of("llm") == [first.record, second.record]


def test_stop_not_final_waits_for_facts(told: Told) -> None:
    """Usage that comes after the last token is still in the turn, which waits for it."""
    play_until = facts(ASKED, llm(1300, None), agent(1600, 2000))
    for fact in play_until:
        told.lab.at(fact.at)
        told.tell(fact)
    model = told.handles["llm@1300"]
    model.stop(final=False)
    told.lab.at(2500)
    assert told.turns == []
    model.usage(input_tokens=7)
    model.stop()
    assert [stage.facts.get("input_tokens") for stage in told.turns[0].of("llm")] == [7]


def test_stop_not_final_settles_after_the_grace(told: Told) -> None:
    """A fact that never comes holds nothing up for longer than the grace."""
    for fact in facts(ASKED, llm(1300, None), agent(1600, 2000)):
        told.lab.at(fact.at)
        told.tell(fact)
    told.handles["llm@1300"].stop(final=False)
    told.lab.at(3999)
    assert told.turns == []
    told.lab.at(4001)
    assert len(told.turns) == 1


def test_stage_cut_with_its_turn_stays_interrupted_and_takes_late_facts(told: Told) -> None:
    """The source learns of the cut after us: its `stop()` and usage must not undo it."""
    script = facts(
        user(0, 1000),
        transcript(1200, "Hi"),
        llm(1300, 1700),
        tts(1500, None, "A long story."),
        agent(1800, 3000, cut=True),
        user(2800, None),
    )
    for fact in script:
        told.lab.at(fact.at)
        told.tell(fact)
    speech = told.handles["tts@1500"]
    assert speech.record is not None
    assert (speech.record.end, speech.record.outcome) == (told.lab.clock.wall_ns(), "interrupted")
    assert told.turns == []
    told.lab.at(3100)
    speech.usage(characters=13)
    speech.stop()
    told.session.user_transcript("No.")
    (turn,) = told.turns
    assert speech.record.outcome == "interrupted"
    assert (speech.record.end or 0) <= (turn.end or 0)
    assert speech.record.facts["characters"] == 13


def test_cancelled_with_block_interrupts_and_lets_the_cancellation_through(told: Told) -> None:
    """Barge-in cancels tasks: the stage is interrupted, not failed."""

    async def answer() -> None:
        with told.session.turn() as turn, turn.llm(provider="openai"):
            await asyncio.sleep(3600)

    async def run() -> None:
        task = asyncio.create_task(answer())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert described(told.turns[0]).stages == "llm:interrupted"
    assert told.turns[0].outcome == "interrupted"


def test_generator_closed_inside_a_stage_interrupts_it(told: Told) -> None:
    """A token stream that is closed half way was cut short, too."""

    def tokens() -> Any:
        with told.session.stage("llm") as model:
            assert model.record is not None
            yield 1

    stream = tokens()
    next(stream)
    stream.close()
    told.session.end()
    assert described(told.turns[0]).stages == "llm:interrupted"


def test_exceptions_pass_through_unchanged(told: Told) -> None:
    """The user's own error is recorded on the stage and reaches the user."""
    error = ValueError("mine")
    with (
        pytest.raises(ValueError, match="mine") as raised,
        told.session.turn() as turn,
        turn.tool("pay"),
    ):
        raise error
    assert raised.value is error
    (stage,) = told.turns[0].stages
    assert (stage.outcome, stage.error) == ("error", error)
    assert told.turns[0].outcome == "error"


def test_a_handle_is_inert_before_its_turn_is_entered(told: Told) -> None:
    """An unentered turn records nothing."""
    turn = told.session.turn()
    with turn.llm() as model:
        model.first_token()
    told.session.end()
    assert told.turns == []


def test_a_with_block_settles_at_once(told: Told) -> None:
    """Whoever closes a turn explicitly need not wait for it."""
    with told.session.turn() as turn:
        with turn.user_speech() as speech:
            speech.transcript("Hi")
        with turn.llm(model="m") as model:
            model.messages(output="Hello.")
        with turn.agent_speech() as spoken:
            spoken.transcript("Hello.")
    (expected,) = [described(turn) for turn in told.turns]
    assert (expected.outcome, expected.stages) == ("completed", "user_speech llm agent_speech")
    assert (expected.user, expected.agent) == ("Hi", "Hello.")


def test_a_turn_left_while_the_agent_is_audible_leaves_nobody_audible(told: Told) -> None:
    """The next turn is a new one, not speech over the last."""
    with told.session.turn():
        told.session.agent_started_speaking()
    with told.session.turn() as turn, turn.user_speech() as speech:
        speech.transcript("Hi")
    assert [described(turn).stages for turn in told.turns] == [
        "agent_speech:interrupted",
        "user_speech",
    ]


def test_one_recogniser_handle_serves_many_utterances(told: Told) -> None:
    """A handle kept by an integration follows the utterance under way."""
    recogniser = told.session.stage("stt", provider="deepgram")
    assert isinstance(recogniser, UtteranceSttHandle)
    for start in (0, 10_000):
        told.lab.at(start)
        told.session.user_started_speaking()
        told.lab.at(start + 1000)
        told.session.user_stopped_speaking()
        recogniser.transcript(f"Hi {start}")
        for fact in reply(start + 1500, "Hello.", until=start + 3000):
            told.lab.at(fact.at)
            told.tell(fact)
    assert [described(turn).user for turn in told.turns] == ["Hi 0", "Hi 10000"]
    assert [stage.facts.get("provider") for turn in told.turns for stage in turn.of("stt")] == [
        "deepgram",
        "deepgram",
    ]


def test_several_finals_of_one_utterance_are_joined(told: Told) -> None:
    """A recogniser may finalise a sentence in pieces."""
    play(
        (
            told,
            facts(
                user(0, 2000),
                transcript(900, "My name"),
                transcript(1500, "is", final=False),
                transcript(2200, "is Ann."),
            ),
        )
    )
    (stage,) = told.turns[0].of("stt")
    assert (stage.facts["text"], stage.start, stage.end) == (
        "My name is Ann.",
        told.turns[0].start,
        told.turns[0].start + 2200 * MS,
    )


def test_interim_words_make_a_turn(told: Told) -> None:
    """Whoever hangs up in mid-sentence had begun a turn once words were heard."""
    play((told, facts(user(0, 1000), transcript(700, "I", final=False))))
    told.session.end()
    assert described(told.turns[0]).outcome == "no_response"


# --- time -----------------------------------------------------------------------------------------


def test_clock_step_cannot_bend_a_turn(told: Told) -> None:
    """NTP sets the wall clock back an hour in the middle of a turn; no duration notices."""
    told.session.user_started_speaking()
    told.lab.at(1000)
    told.session.user_stopped_speaking()
    told.lab.clock.step = -3_600_000 * MS
    told.lab.at(1500)
    told.session.user_transcript("Hi", at=told.lab.clock.wall_ns() / 1e9 - 0.1)
    told.lab.at(2000)
    told.session.agent_started_speaking()
    told.lab.at(3000)
    told.session.agent_stopped_speaking()
    (turn,) = told.turns
    assert [(stage.start - turn.start, (stage.end or 0) - turn.start) for stage in turn.stages] == [
        (0, 1000 * MS),
        (0, 1400 * MS),
        (2000 * MS, 3000 * MS),
    ]


def test_a_fact_told_late_does_not_hold_back_time(told: Told) -> None:
    """One report of the distant past must not postpone what the present is waiting for."""
    for fact in ASKED:
        told.lab.at(fact.at)
        told.tell(fact)
    told.lab.at(6000)
    told.session.event("crm", at=EPOCH + 0.2)
    told.lab.at(6001)
    told.session.event("now")
    told.lab.at(12_000)
    assert [turn.outcome for turn in told.turns] == ["no_response"]


def test_late_keyed_facts_find_their_turn(told: Told) -> None:
    """Metrics that come when the next turn is under way belong to the one whose key they bear."""
    for fact in facts(
        user(0, 1000), transcript(1200, "Hi"), llm(1300, None, key="r1"), agent(1600, 2500)
    ):
        told.lab.at(fact.at)
        told.tell(fact)
    told.handles["llm@1300"].stop(final=False)
    told.lab.at(3000)
    told.session.user_started_speaking()
    told.session.user_transcript("And")
    told.session.stage("llm", key="r1").usage(output_tokens=9)
    told.session.stage("rag", key="r1", at=EPOCH + 1.25).stop()
    told.session.end()
    first, second = told.turns
    assert described(first).stages == "user_speech stt llm agent_speech rag"
    assert first.of("llm")[0].facts["output_tokens"] == 9
    assert described(second).stages == "user_speech:interrupted stt"


def test_agent_that_speaks_on_under_its_key_continues_its_turn(told: Told) -> None:
    """Playout that stops and goes on is one answer if its key says so."""
    told.session.stage("tts", key="s1").stop(final=False)
    for start in (0, 2000):
        told.lab.at(start)
        told.session.agent_started_speaking(key="s1")
        told.lab.at(start + 1500)
        told.session.agent_stopped_speaking()
    told.session.end()
    assert [described(turn).stages for turn in told.turns] == ["tts agent_speech agent_speech"]


def test_flush_settles_what_has_closed(told: Told) -> None:
    """Flush does not wait for late facts, and leaves the turn under way alone."""
    for fact in facts(ASKED, llm(1300, None), agent(1600, 2500)):
        told.lab.at(fact.at)
        told.tell(fact)
    told.handles["llm@1300"].stop(final=False)
    told.lab.at(3000)
    told.session.user_started_speaking()
    told.session.user_transcript("And")
    assert told.turns == []
    told.session.call.flush()
    assert [turn.number for turn in told.turns] == [1]
    told.session.end()
    assert [turn.number for turn in told.turns] == [1, 2]


# --- the session ----------------------------------------------------------------------------------


def test_identity_said_before_goes_to_the_next_call_only(lab: Lab) -> None:
    """Whoever was announced in this context is not the caller of the call after."""
    identity_var.set({"user_id": "ann"})
    first, second = lab.open(), lab.open()
    assert [told.session.identity.user_id for told in (first, second)] == ["ann", None]


def test_identity_said_later_is_added(told: Told) -> None:
    """A Call SID often comes after the first words."""
    told.session.identify(call_sid="CA1", attributes={"vip": True})
    told.session.identify(user_id=7, attributes={"lang": "en"})
    identity = told.session.identity
    assert (identity.call_sid, identity.user_id) == ("CA1", "7")
    assert identity.attributes == {"vip": True, "lang": "en"}


def test_external_session_id_wins(lab: Lab) -> None:
    """A call is named as its owner names it."""
    told = lab.open(session_id="framework", external_session_id="mine")
    assert told.session.identity.session_id == "mine"


def test_with_block_ends_the_session_and_says_why(lab: Lab) -> None:
    """The block is the current session; its exception is the reason of its end."""
    told = lab.open()
    current: list[Session | None] = []

    def call() -> None:
        with told.session:
            current.append(current_session())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        call()
    assert current == [told.session]
    assert current_session() is None
    assert (told.session.end_reason, told.recorder.endings) == ("error", 1)


def test_session_left_in_another_context_neither_raises_nor_logs(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    """Frameworks tear calls down in another task than the one that set them up."""
    told.session.__enter__()
    contextvars.Context().run(told.session.__exit__, None, None, None)
    assert told.session.ended
    assert not caplog.records
    assert current_session() is None


def test_noise_at_the_end_is_told_of_on_the_session(told: Told) -> None:
    """A cough in a call without turns is not lost."""
    play((told, facts(user(0, 300))))
    told.session.end()
    assert told.turns == []
    assert [event.name for event in told.session.events] == ["noise"]


def test_an_event_on_a_cough_moves_to_its_neighbour(told: Told) -> None:
    """What the application noted while somebody coughed is kept."""
    told.session.user_started_speaking()
    told.session.event("guardrail:x")
    told.session.user_stopped_speaking()
    told.lab.at(30_000)
    told.session.end()
    assert [event.name for event in told.session.events] == ["noise", "guardrail:x"]


def test_a_listener_that_raises_harms_nobody(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """One faulty listener costs its own telemetry, and one line in the log."""

    class Faulty(Listener):
        def placed(self, *_: Any) -> None:
            raise TypeError

        def settled(self, *_: Any) -> None:
            raise TypeError

        def attached(self, *_: Any) -> Any:
            raise TypeError

        def ended(self) -> None:
            raise TypeError

    def unborn(session: Session) -> Listener:
        raise TypeError

    lab.calls._listeners = (unborn, lambda session: Faulty(), *lab.calls._listeners)
    session = lab.calls.open()
    told = Told(lab, session, session.call.listeners[-1])  # type: ignore[arg-type]  # the Recorder
    with session:
        _answered(told)
    assert len(told.turns) == 1
    assert sorted(record.message.split()[1] for record in caplog.records) == [
        "listener",
        "listener.attached",
        "listener.ended",
        "listener.new",
    ]


def test_guarded_factory_that_fails_returns_an_inert_handle(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody gets a None to call methods on."""

    def broken(*_: Any) -> None:
        raise TypeError

    monkeypatch.setattr(told.session.call.tracker, "started", broken)
    with told.session.stage("llm") as stage:
        stage.mark("x")
        stage.facts(model="m")
    assert isinstance(stage, StageHandle)


def test_nothing_keeps_an_ended_session(lab: Lab) -> None:
    """Timers, the list of calls and the worker let go of a call that has ended."""
    told = lab.open()
    told.session.user_started_speaking()
    told.session.user_stopped_speaking()
    told.session.end()
    reference = weakref.ref(told.session)
    del told
    gc.collect()
    assert reference() is None


def test_verbs_from_many_threads_keep_the_books(told: Told) -> None:
    """Every stage begun on any thread is in exactly one turn, ended."""
    _guard.reset()

    def work(name: int) -> None:
        for index in range(50):
            with told.session.stage("llm", key=(name, index)) as model:
                assert isinstance(model, LlmHandle)
                model.first_token()
                model.usage(input_tokens=1)
            told.session.event("x")

    with _guard.strict():
        told.session.stage("tool")
        threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        told.session.end()
    stages = [stage for turn in told.turns for stage in turn.of("llm")]
    assert len(stages) == 400
    assert sum(stage.facts["input_tokens"] for stage in stages) == 400


def test_two_threads_ending_a_session_end_it_once(lab: Lab) -> None:
    """Hang-up and shutdown race."""
    for _ in range(20):
        told = lab.open()
        threads = [threading.Thread(target=told.session.end) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert told.recorder.endings == 1
