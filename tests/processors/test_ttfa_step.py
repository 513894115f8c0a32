"""Real spans of a turn in, the turn with its time to first audio out; nothing else changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.processors.turns import (
    COMMITTED,
    FIRST,
    PLAIN,
    PLAIN_PARTS,
    Stage,
    at,
    kind_of,
    play,
    recorded,
    timed,
    tracer_into,
)
from voicespan import attributes as a
from voicespan.processors import TTFA
from voicespan.processors.draft import Draft
from voicespan.processors.foreign import rewrite, to_draft

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

TTFA_NAME, ANSWER = a.VOICE_TURN_TIME_TO_FIRST_AUDIO, a.VOICE_TURN_TIME_TO_ANSWER
WITHOUT_USER_SPEECH = tuple(stage for stage in PLAIN if stage[0] != "user_speech")
ANSWERED: tuple[Stage, ...] = (
    *PLAIN,
    ("tool", 2500, 4000, {}),
    ("llm", 4000, 4500, {FIRST: 0.2}),
    ("tts", 4200, 5000, {FIRST: 0.2}),
    ("agent_speech", 4500, 6000, {}),
)
DROPPED: tuple[Stage, ...] = (
    *PLAIN,
    ("llm", 1900, 1990, {FIRST: 0.01, a.VOICE_STAGE_INTERRUPTED: True}),
    ("tts", 300, 400, {FIRST: 0.05, a.VOICE_STAGE_INTERRUPTED: True}),
)
CANNED: tuple[Stage, ...] = (
    ("user_speech", 0, 1000, {}),
    ("tts", 1400, 1600, {FIRST: 0.1}),
    ("agent_speech", 1600, 2000, {}),
    ("llm", 1400, 2800, {FIRST: 1.0}),
    ("tts", 2500, 3500, {FIRST: 0.2}),
    ("agent_speech", 2800, 4000, {}),
)
RESUMED: tuple[Stage, ...] = (
    ("user_speech", -2000, -1200, {}),
    *PLAIN,
    ("user_speech", 2800, 2900, {}),  # over the agent's reply
)

CASES: dict[str, tuple[tuple[Stage, ...], dict[str, float]]] = {
    "plain": (PLAIN, {TTFA_NAME: 1.0, **PLAIN_PARTS}),
    "counted from the last user speech before the reply": (
        RESUMED,
        {TTFA_NAME: 1.0, **PLAIN_PARTS},
    ),
    "without user speech, from the transcript": (
        WITHOUT_USER_SPEECH,
        {TTFA_NAME: 0.8, "endpointing": 0.25, "llm": 0.25, "tts": 0.2, "output": 0.1},
    ),
    "work that was dropped does not count": (DROPPED, {TTFA_NAME: 1.0, **PLAIN_PARTS}),
    "a tool's answer after a filler": (ANSWERED, {TTFA_NAME: 1.0, ANSWER: 3.5, **PLAIN_PARTS}),
    "an answer after a filler that needed no model": (
        CANNED,
        {TTFA_NAME: 0.6, ANSWER: 1.8, "endpointing": 0.4, "tts": 0.1, "output": 0.1},
    ),
    "no reply": (PLAIN[:3], {}),
    "nobody spoke": (PLAIN[2:], {}),
}


def enriched(*stages: Stage, turn: dict[str, Any] | None = None) -> list[ReadableSpan]:
    return rewrite(recorded(*stages, turn=turn), (TTFA(),))


@pytest.mark.parametrize("case", CASES)
def test_a_turn_is_timed_by_its_spans(case: str) -> None:
    stages, expected = CASES[case]
    if case.startswith("without"):  # the decision is told from the user's end, here the transcript
        turn = {a.VOICE_ENDPOINTING_DELAY: 0.25, a.VOICE_ENDPOINTING_SOURCE: "silence"}
        assert timed(enriched(*stages, turn=turn)) == pytest.approx(expected)
    else:
        assert timed(enriched(*stages)) == pytest.approx(expected)


def test_every_part_is_written_as_a_double_also_when_it_is_zero() -> None:
    (turn,) = (span for span in enriched() if kind_of(span) == a.KIND_TURN)
    written = {name: (turn.attributes or {})[name] for name in a.TTFA_ATTRIBUTES.values()}
    assert {type(value) for value in written.values()} == {float}
    assert written[a.VOICE_TURN_TTFA_TOOL] == 0.0


def test_parts_sum_to_the_whole_at_nanoseconds() -> None:
    """Seconds are differences: as doubles they keep the nanosecond the epoch itself would lose."""
    odd: tuple[Stage, ...] = (
        ("user_speech", 0, 1000, {}),
        ("llm", 1401, 1950, {FIRST: 0.123456789}),
        ("tts", 1600, 2500, {FIRST: 0.198765432}),
        ("agent_speech", 2000, 3000, {}),
    )
    (turn,) = (span for span in enriched(*odd) if kind_of(span) == a.KIND_TURN)
    told: Any = turn.attributes
    parts = [round(told[name] * 10**9) for name in a.TTFA_ATTRIBUTES.values()]
    assert sum(parts) == round(told[TTFA_NAME] * 10**9) == 10**9
    assert round(told[a.VOICE_TURN_TTFA_TTS] * 10**9) == 198_765_432


def test_what_waited_for_the_transcript_says_so() -> None:
    turn = {a.VOICE_ENDPOINTING_DELAY: 0.4, a.VOICE_ENDPOINTING_SOURCE: "transcript"}
    expected = {TTFA_NAME: 1.0, **PLAIN_PARTS, "endpointing": 0.2, "transcription": 0.2}
    assert timed(enriched(turn=turn)) == pytest.approx(expected)


def test_a_speech_to_speech_response_is_the_models() -> None:
    stages: tuple[Stage, ...] = (
        ("user_speech", 0, 1000, {}),
        ("realtime", 1300, 3000, {FIRST: 0.4}),
        ("agent_speech", 1900, 3000, {}),
    )
    expected = {TTFA_NAME: 0.9, "endpointing": 0.3, "llm": 0.6}
    assert timed(enriched(*stages, turn={})) == pytest.approx(expected)


@pytest.mark.parametrize(
    "turn",
    [{a.VOICE_TURN_INITIATOR: "agent", **COMMITTED}, {TTFA_NAME: 9.0, **COMMITTED}],
    ids=["opened by the agent", "timed already"],
)
def test_some_turns_are_left_alone(turn: dict[str, Any]) -> None:
    spans = recorded(turn=turn)
    assert rewrite(spans, (TTFA(),)) == spans


@pytest.mark.parametrize("wrong", ["soon", True, float("nan"), 1e300])
def test_a_delay_that_is_no_duration_is_a_missing_fact(wrong: Any) -> None:
    told = timed(enriched(turn={a.VOICE_ENDPOINTING_DELAY: wrong}))
    assert told[TTFA_NAME] == 1.0
    assert "endpointing" not in told


def test_only_the_turn_becomes_a_new_span() -> None:
    before = recorded()
    after = rewrite(before, (TTFA(),))
    changed = [kind_of(new) for old, new in zip(before, after, strict=True) if new is not old]
    assert changed == [a.KIND_TURN]


def test_the_turns_of_one_batch_do_not_mix() -> None:
    """Turns of one long trace have only their parents to be told apart by."""
    exporter = InMemorySpanExporter()
    tracer = tracer_into(SimpleSpanProcessor(exporter))
    session = tracer.start_span("session")
    play(tracer, under=session)
    longer: Stage = ("user_speech", 0, 1500, {})
    play(tracer, (longer, *PLAIN[1:]), under=session)
    spans = rewrite(exporter.get_finished_spans(), (TTFA(),))
    turns = [span.attributes or {} for span in spans if kind_of(span) == a.KIND_TURN]
    assert [turn.get(TTFA_NAME) for turn in turns] == [1.0, 0.5]


def test_drafts_without_spans_are_told_apart_by_session_and_number() -> None:
    """Our own drafts are enriched before there is a span whose parent could be asked."""
    drafts: list[Draft] = []
    for number, played in ((1, 2000), (2, 1500)):
        times = {"turn": (0, 9), "user_speech": (0, 1000), "agent_speech": (played, 3000)}
        for kind, (start, end) in times.items():
            told: dict[str, Any] = {a.SESSION_ID: "s", a.VOICE_TURN_NUMBER: number}
            told[a.VOICE_SPAN_KIND] = kind
            drafts.append(Draft(kind, at(start), at(end), attributes=told))
    TTFA()(drafts)
    assert [draft.attributes.get(TTFA_NAME) for draft in drafts[::3]] == [1.0, 0.5]


def test_spans_outside_the_schema_are_nobodys_stages() -> None:
    exporter = InMemorySpanExporter()
    tracer_into(SimpleSpanProcessor(exporter)).start_span("GET /").end()
    (span,) = exporter.get_finished_spans()
    assert TTFA()([to_draft(span)])[0].attributes == {}
