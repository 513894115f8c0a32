"""Hand-computed turns in, time to first audio out; then what holds for any times at all."""

from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicespan.attributes import TTFA_PARTS
from voicespan.ttfa import Breakdown, Generation, Synthesis, ToolCall, TurnTimes, ttfa

# Times are ns; the tables below count in ms, which changes nothing.
PLAIN = TurnTimes(
    user_end=0,
    played=1000,
    transcript=200,
    committed=400,
    waited_for="silence",
    generations=(Generation(450, speakable=700, end=950),),
    syntheses=(Synthesis(700, first_byte=900),),
)
PREEMPTIVE = replace(
    PLAIN,
    generations=(Generation(220, speakable=350, end=600),),
    syntheses=(Synthesis(400, first_byte=600),),
    played=650,
)
HELD = replace(PREEMPTIVE, syntheses=(Synthesis(350, first_byte=380),), played=450)
TWO_ROUNDS = replace(
    PLAIN,
    played=2000,
    generations=(Generation(400, end=600), Generation(1000, speakable=1500, end=1900)),
    tools=(ToolCall(610, 980),),
    syntheses=(Synthesis(1500, first_byte=1900),),
)
REALTIME = TurnTimes(0, 900, committed=300, generations=(Generation(310, realtime=True),))

CASES = {
    "silence": (
        PLAIN,
        {"endpointing": 400, "application": 50, "llm": 250, "tts": 200, "output": 100},
    ),
    "transcript": (
        replace(PLAIN, waited_for="transcript"),
        {"endpointing": 200, "transcription": 200, "application": 50}
        | {"llm": 250, "tts": 200, "output": 100},
    ),
    "unknown gate, transcript there": (
        replace(PLAIN, waited_for=None),
        {"endpointing": 200, "transcription": 200, "application": 50}
        | {"llm": 250, "tts": 200, "output": 100},
    ),
    "unknown gate, transcript later": (
        replace(PLAIN, waited_for=None, transcript=430),
        {"endpointing": 400, "transcription": 30, "application": 20}
        | {"llm": 250, "tts": 200, "output": 100},
    ),
    "transcript before the user's end": (
        replace(PLAIN, waited_for="transcript", transcript=-50),
        {"endpointing": 400, "application": 50, "llm": 250, "tts": 200, "output": 100},
    ),
    "preemptive text": (PREEMPTIVE, {"endpointing": 400, "tts": 200, "output": 50}),
    "preemptive text, hook after the decision": (
        replace(PREEMPTIVE, syntheses=(Synthesis(500, first_byte=600),)),
        {"endpointing": 400, "application": 100, "tts": 100, "output": 50},
    ),
    "preemptive request, text after the decision": (
        replace(PREEMPTIVE, generations=(Generation(220, 450),), syntheses=(Synthesis(450, 600),)),
        {"transcription": 200, "application": 20, "llm": 230, "tts": 150, "output": 50},
    ),
    "preemptive text before the user's end": (
        TurnTimes(0, 300, -90, -20, "silence", (Generation(-80, -30),), (), (Synthesis(-20, 200),)),
        {"tts": 200, "output": 100},
    ),
    "preemptive audio held": (HELD, {"endpointing": 400, "output": 50}),
    "preemptive audio after the decision": (
        replace(HELD, syntheses=(Synthesis(350, first_byte=420),)),
        {"transcription": 200, "application": 20, "llm": 130, "tts": 70, "output": 30},
    ),
    "model writes until its sentence is complete": (
        replace(PLAIN, syntheses=(Synthesis(800, 900),)),
        {"endpointing": 400, "application": 50, "llm": 350, "tts": 100, "output": 100},
    ),
    "text waits after the model's end": (
        replace(
            PLAIN, generations=(Generation(450, 700, end=750),), syntheses=(Synthesis(800, 900),)
        ),
        {"endpointing": 400, "application": 100, "llm": 300, "tts": 100, "output": 100},
    ),
    "two rounds": (
        TWO_ROUNDS,
        {"endpointing": 400, "application": 30, "llm": 700, "tool": 370, "tts": 400, "output": 100},
    ),
    "parallel tools: the last result gates": (
        replace(TWO_ROUNDS, tools=(ToolCall(610, 980), ToolCall(620, 700), ToolCall(650, 800))),
        {"endpointing": 400, "application": 30, "llm": 700, "tool": 370, "tts": 400, "output": 100},
    ),
    "tools one after the other": (
        replace(TWO_ROUNDS, tools=(ToolCall(610, 800), ToolCall(810, 980))),
        {"endpointing": 400, "application": 40, "llm": 700, "tool": 360, "tts": 400, "output": 100},
    ),
    "three rounds": (
        replace(
            TWO_ROUNDS,
            generations=(
                Generation(400, end=500),
                Generation(600, end=700),
                Generation(1000, 1500),
            ),
            tools=(ToolCall(500, 600), ToolCall(700, 1000)),
        ),
        {"endpointing": 400, "llm": 700, "tool": 400, "tts": 400, "output": 100},
    ),
    "a tool called while the model wrote on": (
        replace(TWO_ROUNDS, tools=(ToolCall(550, 1000),)),
        {"endpointing": 400, "llm": 650, "tool": 450, "tts": 400, "output": 100},
    ),
    "a tool that was done before the model was": (
        replace(TWO_ROUNDS, tools=(ToolCall(500, 550),)),
        {"endpointing": 400, "application": 400, "llm": 700, "tts": 400, "output": 100},
    ),
    "an application's own tool": (
        replace(PLAIN, generations=(Generation(600, 700),), tools=(ToolCall(450, 600),)),
        {"endpointing": 400, "application": 50, "tool": 150, "llm": 100, "tts": 200, "output": 100},
    ),
    "a retried request": (
        replace(PLAIN, generations=(Generation(400, end=500), Generation(520, 700, 900))),
        {"endpointing": 400, "llm": 280, "tts": 200, "output": 100, "unattributed": 20},
    ),
    "a dropped preemptive request": (
        replace(PLAIN, generations=(Generation(100, end=410), Generation(450, 700, 900))),
        {"endpointing": 400, "application": 50, "llm": 250, "tts": 200, "output": 100},
    ),
    "filler": (
        replace(PLAIN, played=600, syntheses=(Synthesis(420, 550), Synthesis(700, 900))),
        {"endpointing": 400, "application": 20, "tts": 130, "output": 50},
    ),
    "realtime": (REALTIME, {"endpointing": 300, "application": 10, "llm": 590}),
    "realtime, server VAD": (replace(REALTIME, committed=None), {"endpointing": 310, "llm": 590}),
    "realtime, transcript beside the path": (
        replace(REALTIME, transcript=305),
        {"endpointing": 300, "application": 10, "llm": 590},
    ),
    "realtime, two rounds": (
        replace(
            REALTIME,
            committed=None,
            generations=(
                Generation(310, end=400, realtime=True),
                Generation(500, realtime=True),
            ),
            tools=(ToolCall(400, 500),),
        ),
        {"endpointing": 310, "llm": 490, "tool": 100},
    ),
    "no commit": (
        replace(PLAIN, committed=None, waited_for=None),
        {"transcription": 200, "llm": 250, "tts": 200, "output": 100, "unattributed": 250},
    ),
    "no commit, but it waited for silence": (
        replace(PLAIN, committed=None),
        {"llm": 250, "tts": 200, "output": 100, "unattributed": 450},
    ),
    "no transcript": (
        replace(PLAIN, transcript=None, waited_for="transcript"),
        {"application": 50, "llm": 250, "tts": 200, "output": 100, "unattributed": 400},
    ),
    "no transcript, silence": (
        replace(PLAIN, transcript=None),
        {"endpointing": 400, "application": 50, "llm": 250, "tts": 200, "output": 100},
    ),
    "neither": (
        replace(PLAIN, committed=None, transcript=None, waited_for=None),
        {"llm": 250, "tts": 200, "output": 100, "unattributed": 450},
    ),
    "no first byte": (
        replace(PLAIN, syntheses=(Synthesis(700),)),
        {"endpointing": 400, "application": 50, "llm": 250, "unattributed": 300},
    ),
    "no first byte of preemptive audio": (
        replace(HELD, syntheses=(Synthesis(350),)),
        {"unattributed": 450},
    ),
    "no synthesis": (
        replace(PLAIN, syntheses=()),
        {"endpointing": 400, "application": 50, "llm": 250, "unattributed": 300},
    ),
    "no synthesis, preemptive text": (
        replace(PREEMPTIVE, syntheses=()),
        {"endpointing": 400, "unattributed": 250},
    ),
    "no speakable text, but the model's end": (
        replace(TWO_ROUNDS, generations=(Generation(400, end=600), Generation(1000, end=1480))),
        {"endpointing": 400, "application": 50, "llm": 680, "tool": 370, "tts": 400, "output": 100},
    ),
    "no speakable text while the model wrote": (
        replace(PLAIN, generations=(Generation(450, end=950),)),
        {"endpointing": 400, "application": 50, "tts": 200, "output": 100, "unattributed": 250},
    ),
    "no speakable text of a preemptive request": (
        replace(
            PREEMPTIVE, generations=(Generation(220, end=600),), syntheses=(Synthesis(420, 600),)
        ),
        {"tts": 180, "output": 50, "unattributed": 420},
    ),
    "no model end, text waits": (
        replace(PLAIN, generations=(Generation(450, 700),), syntheses=(Synthesis(800, 900),)),
        {"endpointing": 400, "application": 50, "llm": 250, "tts": 100, "output": 100}
        | {"unattributed": 100},
    ),
    "no tool": (
        replace(TWO_ROUNDS, tools=()),
        {"endpointing": 400, "llm": 700, "tts": 400, "output": 100, "unattributed": 400},
    ),
    "no tool end": (
        replace(TWO_ROUNDS, tools=(ToolCall(610, None),)),
        {"endpointing": 400, "llm": 700, "tts": 400, "output": 100, "unattributed": 400},
    ),
    "only the two ends": (TurnTimes(0, 500), {"unattributed": 500}),
    "an instant": (TurnTimes(0, 0), {}),
}


@pytest.mark.parametrize(("turn", "owned"), CASES.values(), ids=CASES.keys())
def test_every_instant_has_its_owner(turn: TurnTimes, owned: dict[str, int]) -> None:
    breakdown = ttfa(turn)
    assert breakdown is not None
    assert {part: ns for part, ns in breakdown.parts.items() if ns} == owned
    assert tuple(breakdown.parts) == TTFA_PARTS
    assert breakdown.total == sum(owned.values())


@pytest.mark.parametrize(
    "turn",
    [
        replace(PLAIN, user_end=None),  # the agent opened the turn
        replace(PLAIN, played=None),  # nobody answered
        replace(PLAIN, played=-1),  # the audio began before the user's end: no reply to it
    ],
    ids=["agent-opened", "unanswered", "audio before"],
)
def test_a_turn_without_a_reply_has_no_time_to_first_audio(turn: TurnTimes) -> None:
    assert ttfa(turn) is None


def test_many_rounds_do_not_exhaust_the_stack() -> None:
    rounds = range(0, 40_000, 20)
    turn = TurnTimes(
        0,
        40_000,
        committed=0,
        generations=tuple(Generation(at, at, at + 10) for at in rounds),
        tools=tuple(ToolCall(at + 10, at + 20) for at in rounds[:-1]),
    )
    breakdown = ttfa(turn)
    assert breakdown is not None
    assert breakdown.parts["tool"] == 10 * (len(rounds) - 1)


TIMES = st.integers(-20, 60)
MAYBE = st.none() | TIMES
Gate = Literal["silence", "transcript"] | None
GATES: st.SearchStrategy[Gate] = st.sampled_from([None, "silence", "transcript"])
TURNS = st.builds(
    TurnTimes,
    MAYBE,
    MAYBE,
    MAYBE,
    MAYBE,
    GATES,
    st.lists(st.builds(Generation, TIMES, MAYBE, MAYBE, st.booleans()), max_size=4).map(tuple),
    st.lists(st.builds(ToolCall, TIMES, MAYBE), max_size=4).map(tuple),
    st.lists(st.builds(Synthesis, TIMES, MAYBE), max_size=4).map(tuple),
)


@st.composite
def cascades(draw: st.DrawFn) -> TurnTimes:
    """A whole pipeline turn, every fact known, each stage after its inputs."""

    def after(*times: int) -> int:
        return max(times) + draw(st.integers(0, 9))

    transcript, silence = after(0), after(0)
    gate: Gate = draw(st.sampled_from(["silence", "transcript"]))
    committed = after(silence, *([transcript] if gate == "transcript" else []))
    start = after(transcript, *([] if draw(st.booleans()) else [committed]))
    generations, tools = [], []
    for _ in range(draw(st.integers(0, 2))):
        called = after(start)
        tools.append(ToolCall(called, after(called)))
        generations.append(Generation(start, end=called))
        start = after(tools[-1].end or 0) + 1
    speakable = after(start)
    generations.append(Generation(start, speakable, after(speakable)))
    submitted = after(speakable, *([] if draw(st.booleans()) else [committed]))
    byte = after(submitted)
    return TurnTimes(
        user_end=0,
        played=after(byte, committed),
        transcript=transcript,
        committed=committed,
        waited_for=gate,
        generations=tuple(generations),
        tools=tuple(tools),
        syntheses=(Synthesis(submitted, byte),),
    )


def _owned(turn: TurnTimes) -> Breakdown:
    breakdown = ttfa(turn)
    assert breakdown is not None
    return breakdown


def _gained(whole: TurnTimes, poorer: TurnTimes) -> set[str]:
    """The parts that own more once facts are gone."""
    before, after = _owned(whole).parts, _owned(poorer).parts
    return {part for part in TTFA_PARTS if after[part] > before[part]}


@given(TURNS)
def test_parts_sum_exactly_whatever_the_order_of_the_times(turn: TurnTimes) -> None:
    breakdown = ttfa(turn)
    if turn.user_end is None or turn.played is None or turn.played < turn.user_end:
        assert breakdown is None
        return
    assert breakdown is not None
    assert tuple(breakdown.parts) == TTFA_PARTS
    assert min(breakdown.parts.values()) >= 0
    assert sum(breakdown.parts.values()) == breakdown.total == turn.played - turn.user_end


def _moved(time: int | None, by: int) -> int | None:
    return None if time is None else time + by


def _shifted(turn: TurnTimes, by: int) -> TurnTimes:
    return TurnTimes(
        user_end=_moved(turn.user_end, by),
        played=_moved(turn.played, by),
        transcript=_moved(turn.transcript, by),
        committed=_moved(turn.committed, by),
        waited_for=turn.waited_for,
        generations=tuple(
            Generation(g.start + by, _moved(g.speakable, by), _moved(g.end, by), g.realtime)
            for g in turn.generations
        ),
        tools=tuple(ToolCall(t.start + by, _moved(t.end, by)) for t in turn.tools),
        syntheses=tuple(
            Synthesis(s.submitted + by, _moved(s.first_byte, by)) for s in turn.syntheses
        ),
    )


@given(TURNS, st.integers(-(10**19), 10**19))
def test_only_differences_matter(turn: TurnTimes, by: int) -> None:
    assert ttfa(_shifted(turn, by)) == ttfa(turn)


@given(cascades())
def test_a_whole_cascade_leaves_nothing_unattributed(turn: TurnTimes) -> None:
    assert _owned(turn).parts["unattributed"] == 0


@given(cascades())
def test_a_lost_first_byte_names_nobody_else(turn: TurnTimes) -> None:
    silent = tuple(replace(synthesis, first_byte=None) for synthesis in turn.syntheses)
    assert _gained(turn, replace(turn, syntheses=silent)) <= {"unattributed"}


@given(cascades())
def test_lost_facts_of_the_models_name_nobody_else(turn: TurnTimes) -> None:
    *rounds, last = turn.generations
    for poorer in (replace(last, speakable=None), replace(last, end=None), Generation(last.start)):
        assert _gained(turn, replace(turn, generations=(*rounds, poorer))) <= {"unattributed"}


@given(cascades())
def test_a_lost_tool_result_names_nobody_else(turn: TurnTimes) -> None:
    decided = replace(turn, committed=min(turn.committed or 0, turn.generations[0].start))
    lost = tuple(ToolCall(tool.start, None) for tool in turn.tools)
    assert _gained(decided, replace(decided, tools=lost)) <= {"unattributed"}


@given(cascades(), GATES)
def test_a_lost_transcript_names_only_the_application(turn: TurnTimes, gate: Gate) -> None:
    """After the decision nobody can tell that the request still waited for the text."""
    turn = replace(turn, waited_for=gate)
    assert _gained(turn, replace(turn, transcript=None)) <= {"unattributed", "application"}
