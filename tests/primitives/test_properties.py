"""Any facts in any order, wrong ones included, in; what holds for every call out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.primitives.telling import Lab, Told, described
from voicespan import _guard
from voicespan.primitives.exchange import GENERATION
from voicespan.primitives.records import Stage, Turn

KEYS = st.sampled_from([None, None, None, "a", "b"])
KINDS = st.sampled_from(["llm", "tool", "tts", "realtime", "stt", "nlu", "user_speech"])
ENDS = st.sampled_from(["stop", "stop", "stop", "fail", "interrupt"])


@dataclass(frozen=True)
class Move:
    """Wait so many ms, then do something; `late`: say that it was so many ms ago."""

    wait: int
    verb: str
    said: tuple[tuple[str, Any], ...] = ()
    late: int | None = None


def _moves(lateness: st.SearchStrategy[int | None]) -> st.SearchStrategy[list[Move]]:
    def verb(name: str, /, **said: st.SearchStrategy[Any]) -> st.SearchStrategy[Move]:
        given_said = st.tuples(*(st.tuples(st.just(k), v) for k, v in said.items()))
        waits = st.sampled_from([0, 1, 80, 300, 700, 1500, 2100, 11_000])
        return st.builds(Move, waits, st.just(name), given_said, lateness)

    one = st.one_of(
        verb("user_started_speaking"),
        verb("user_stopped_speaking", hangover=st.sampled_from([0.0, 0.2, 3.0])),
        verb("user_transcript", text=st.sampled_from(["hi", "", "yes"]), final=st.booleans()),
        verb("turn_committed", key=KEYS),
        verb("agent_started_speaking", key=KEYS),
        verb("agent_paused"),
        verb("agent_resumed"),
        verb("agent_stopped_speaking", interrupted=st.booleans()),
        verb("agent_idle"),
        verb("stage", kind=KINDS, key=KEYS),
        verb("stage", kind=st.sampled_from(["llm", "tts"]), key=KEYS),
        verb("end_stage", which=st.integers(0, 9), how=ENDS),
        verb("event", name=st.just("guardrail:x")),
        verb("error", error=st.just("boom")),
        verb("enter_turn"),
        verb("leave_turn"),
        verb("flush"),
    )
    return st.lists(one, max_size=40)


NOW: st.SearchStrategy[int | None] = st.none()
ANY_TIME: st.SearchStrategy[int | None] = st.sampled_from(
    [None, 0, 0, 50, 400, 2500, 60_000, -5000]
)


def _perform(told: Told, move: Move) -> None:
    said = dict(move.said)
    at = None if move.late is None else told.lab.clock.wall_ns() / 1e9 - move.late / 1000
    session = told.session
    if move.verb == "stage":
        told.handles[str(len(told.handles))] = session.stage(said["kind"], key=said["key"], at=at)
    elif move.verb == "end_stage":
        if (handle := told.handles.get(str(said["which"]))) is not None:
            how = {"error": "broken"} if said["how"] == "fail" else {}
            getattr(handle, said["how"])(at=at, **how)
    elif move.verb == "enter_turn":
        session.turn().start(at=at)
    elif move.verb == "leave_turn":
        if (turn := session.current_turn) is not None:
            turn.stop(at=at)
    elif move.verb == "flush":
        session.call.flush()
    else:
        getattr(session, move.verb)(at=at, **said)


def _hold(moves: Sequence[Move], *, commits: bool) -> Told:
    """Hold a whole call; anything that went wrong inside is raised."""
    told = Lab().open(commits=commits)
    with _guard.strict():
        elapsed = 0
        for move in moves:
            elapsed += move.wait
            told.lab.at(elapsed)
            _perform(told, move)
            _check_progress(told)
        told.session.end()
    return told


def _check_progress(told: Told) -> None:
    """Whoever wakes at the deadline finds something to do, so no timer can spin."""
    call = told.session.call
    told.lab.worker.advance(told.lab.clock.monotonic)
    deadline = call.tracker.deadline()
    assert deadline is None or deadline > call._present()


def _stages(told: Told) -> list[Stage]:
    return [stage for turn in told.turns for stage in turn.stages]


@settings(max_examples=200, deadline=None)
@given(_moves(ANY_TIME), st.booleans())
def test_any_facts_in_any_order_make_well_formed_turns(moves: list[Move], commits: bool) -> None:
    """No crash, no negative duration, nothing left open, everything settled exactly once."""
    told = _hold(moves, commits=commits)
    assert told.recorder.endings == 1
    assert sorted(turn.number for turn in told.turns) == list(range(1, len(told.turns) + 1))
    for turn in told.turns:
        assert turn.end is not None
        assert turn.outcome is not None
        assert turn.end >= turn.start
        assert turn.barge_in_latency is None or turn.barge_in_latency >= 0
        for stage in turn.stages:
            assert stage.turn is turn
            assert stage.end is not None
            assert stage.start <= stage.end <= turn.end
            assert all(mark >= stage.start for mark in stage.marks.values())


@settings(max_examples=200, deadline=None)
@given(_moves(ANY_TIME), st.booleans())
def test_every_stage_finds_exactly_one_turn(moves: list[Move], commits: bool) -> None:
    """What is announced as placed is in that turn when it settles, once; nothing is in two.

    In none may be only what was heard and made no words or no turn, and what began outside
    turns, neither to answer the user nor before another turn came.
    """
    told = _hold(moves, commits=commits)
    announced = Counter((id(stage), id(turn)) for stage, turn in told.recorder.placements)
    assert set(announced.values()) <= {1}
    assert announced.keys() == {(id(stage), id(stage.turn)) for stage in _stages(told)}
    placed = {id(stage) for stage in _stages(told)}
    assert len(placed) == len(_stages(told))
    for handle in told.handles.values():
        if (stage := handle.record) is not None and id(stage) not in placed:
            assert stage.kind not in GENERATION


@settings(max_examples=200, deadline=None)
@given(_moves(NOW), st.booleans())
def test_turns_follow_each_other(moves: list[Move], commits: bool) -> None:
    """Told as it happens, turns settle in order and overlap only where somebody talks over."""
    told = _hold(moves, commits=commits)
    turns = sorted(told.turns, key=lambda turn: turn.number)
    assert [turn.start for turn in turns] == sorted(turn.start for turn in turns)
    for earlier, later in pairwise(turns):
        assert later.start >= _cannot_begin_before(earlier, later)


def _cannot_begin_before(earlier: Turn, later: Turn) -> int:
    """The earlier turn's end, unless the later one begins with words over it."""
    assert earlier.end is not None
    over = later.initiator == "user" or any(stage.key for stage in earlier.stages)
    return earlier.start if over else earlier.end


@settings(max_examples=200, deadline=None)
@given(_moves(ANY_TIME), st.booleans())
def test_the_same_facts_make_the_same_turns(moves: list[Move], commits: bool) -> None:
    """Nothing depends on identity, hashing or the machine's time."""
    first, second = (_hold(moves, commits=commits) for _ in range(2))
    assert [described(turn) for turn in first.turns] == [described(turn) for turn in second.turns]
    assert [(t.start, t.end) for t in first.turns] == [(t.start, t.end) for t in second.turns]


@settings(max_examples=200, deadline=None)
@given(_moves(NOW), st.booleans())
def test_a_quiet_call_settles_without_being_ended(moves: list[Move], commits: bool) -> None:
    """Once nothing more can come, what is closed has settled within its grace."""
    told = Lab().open(commits=commits)
    elapsed = 0
    with _guard.strict():
        for move in moves:
            elapsed += move.wait
            told.lab.at(elapsed)
            _perform(told, move)
        told.lab.at(elapsed + 60_000)
        closed = [turn for turn in told.session.call.tracker.unsettled() if turn.end is not None]
        assert closed == []
        told.session.end()
