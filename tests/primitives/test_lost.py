"""Calls in which an ending is never told in; turns that end all the same out."""

from tests.primitives.telling import MS, Lab, Told, described, play
from tests.situations import agent, commit, facts, llm, reply, tool, transcript, user
from voicespan.primitives.call import PATIENCE
from voicespan.primitives.session import Session

EXCHANGE = facts(transcript(1000, "Hi"), commit(1100), reply(1500, "Hello.", until=3000))
NEXT = facts(user(20_000, 21_000), transcript(21_100, "Bye"), commit(21_200))
BYE = facts(reply(21_500, "Bye.", until=23_000))


def test_a_commit_ends_the_users_speech_whose_end_was_lost(told: Told) -> None:
    play((told, facts(user(0, None), EXCHANGE, NEXT, BYE)))
    assert [turn.outcome for turn in told.turns] == ["completed", "completed"]
    (speech,) = told.turns[0].of("user_speech")
    assert speech.end == speech.start + 1100 * MS


def test_the_end_of_speech_told_after_the_commit_still_counts(told: Told) -> None:
    """A detector that needs longer to be sure than the turn decision knows the true end."""
    play((told, facts(user(0, 800, hangover=500), EXCHANGE)))
    (speech,) = told.turns[0].of("user_speech")
    assert speech.end == speech.start + 800 * MS


def test_work_that_never_returns_does_not_keep_its_turn_open(told: Told) -> None:
    """It is waited for as long as `stuck_after` says, then closed where its answer ended."""
    script = facts(user(0, 1000), EXCHANGE, tool(1200, None))
    for fact in sorted(script, key=lambda fact: fact.at):
        told.lab.at(fact.at)
        told.tell(fact)
    told.lab.at(60_000)
    assert told.turns == []
    told.lab.at(3000 + (PATIENCE.stuck_after + PATIENCE.grace) // MS)
    (turn,) = told.turns
    assert (turn.outcome, turn.of("tool")[0].outcome) == ("completed", "interrupted")
    assert turn.end == turn.start + 3000 * MS


def test_work_that_never_returned_was_not_cut_by_the_next_question(told: Told) -> None:
    """The agent had finished its answer: what the user says then is no barge-in."""
    play((told, facts(user(0, 1000), EXCHANGE, tool(1200, None), NEXT, BYE)))
    assert [turn.outcome for turn in told.turns] == ["completed", "completed"]
    assert [event.name for event in told.turns[0].events] == ["first_audio"]


def test_words_in_a_pause_between_sentences_are_a_barge_in(told: Told) -> None:
    """Right after a first sentence, with the next being generated, the agent has not finished."""
    play(
        (
            told,
            facts(
                user(0, 1000),
                transcript(1000, "Hi"),
                commit(1100),
                llm(1200, None),
                agent(1500, 2000),
                user(2500, 3000),
                transcript(3000, "Stop"),
                commit(3100),
                reply(3500, "Yes?", until=5000),
            ),
        )
    )
    assert described(told.turns[0]).outcome == "interrupted"


def test_work_without_any_answer_is_waited_for(lab: Lab) -> None:
    """A slow model that nobody has heard yet may be slow."""
    told = lab.open()
    session: Session = told.session
    session.user_wrote("Hi")
    session.stage("llm")
    lab.at(600_000)
    assert session.under_way
