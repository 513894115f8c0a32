"""The table of situations, brought about on real Pipecat calls, becomes the same turns."""

import pytest

from tests.pipecat.calls import CALLS
from tests.pipecat.conftest import Held
from tests.situations import BY_NAME, HERE, ORDER, Expected
from voicespan import attributes as a
from voicespan.schema import problems
from voicespan.testing import TurnView

TTFA_WITHIN = 0.040
BARGE_IN_WITHIN = 0.040
HEARD_WITHIN = 0.060

PIPECAT = {
    # Pipecat tries a failed request once only.
    "llm_failed": (Expected("user", "error", "user_speech stt llm:error", ORDER),),
    # The user goes on within one bracket of the recogniser's: one piece of speech.
    "preemptive_dropped": (
        Expected(
            "user",
            "completed",
            "user_speech stt llm:interrupted llm tts agent_speech",
            ORDER,
            HERE,
            ttfa=0,
        ),
    ),
    # The agent's voice is on, even if the user types.
    "text_only": (
        Expected("user", "completed", "llm tts agent_speech", ORDER, HERE),
        Expected("user", "completed", "llm tts agent_speech", "Thanks.", "Bye."),
    ),
}
"""Where Pipecat itself does otherwise than the facts of the table."""


NO_TRUE_END = frozenset({"preemptive_kept", "preemptive_dropped"})
"""Where the recogniser ends turns, nobody tells Pipecat when the user fell silent."""


@pytest.mark.parametrize("name", CALLS)
def test_a_situation_becomes_the_turns_of_the_table(name: str, held: Held) -> None:
    expected = PIPECAT.get(name, BY_NAME[name].expected)
    turns = held.turns[name]
    assert [described(turn) for turn in turns] == [comparable(turn) for turn in expected]


@pytest.mark.parametrize("name", sorted(CALLS.keys() - NO_TRUE_END))
def test_times_are_those_of_the_transport(name: str, held: Held) -> None:
    """Ground truth is what the script's caller said and its earpiece played."""
    truth = held.calls[name].truth
    for turn in held.turns[name]:
        if turn.ttfa is None:
            continue
        ends = [speech.end.wall for speech in truth.user if speech.end is not None]
        replies = [run.first_played.wall for run in truth.agent]
        start = turn.span.start_time or 0
        played = min(wall for wall in replies if wall * 1e9 > start)
        asked = max(wall for wall in ends if wall < played)
        assert turn.ttfa == pytest.approx(played - asked, abs=TTFA_WITHIN + held.stall)
        assert sum(map(nanoseconds, turn.parts.values())) == nanoseconds(turn.ttfa)


@pytest.mark.parametrize("name", ["barge_in", "barge_in_twice", "false_interruption_cut"])
def test_barge_in_latency_and_heard_seconds_are_those_of_the_transport(
    name: str, held: Held
) -> None:
    truth = held.calls[name].truth
    cut = [run for run in truth.agent if run.cut]
    interrupted = [turn for turn in held.turns[name] if turn.outcome == "interrupted"]
    assert len(interrupted) == len(cut) > 0
    for turn, run in zip(interrupted, cut, strict=True):
        onsets = [speech.onset.wall for speech in truth.user if speech.onset is not None]
        onset = max(wall for wall in onsets if wall < run.last_played.wall)
        latency = run.last_played.wall - onset
        assert turn.barge_in_latency == pytest.approx(latency, abs=BARGE_IN_WITHIN + held.stall)
        assert heard_seconds(turn) == pytest.approx(run.heard, abs=HEARD_WITHIN + held.stall)


@pytest.mark.parametrize("name", CALLS)
def test_every_span_is_in_the_schema_and_every_provider_call_says_whose(
    name: str, held: Held
) -> None:
    for turn in held.turns[name]:
        for span in turn.spans:
            assert problems(span) == []
            attributes = span.attributes or {}
            if attributes[a.VOICE_SPAN_KIND] in (a.KIND_STT, a.KIND_LLM, a.KIND_TTS):
                assert attributes[a.GEN_AI_PROVIDER_NAME]
                assert attributes[a.GEN_AI_REQUEST_MODEL]


def test_usage_is_known_without_any_metrics_flag(held: Held) -> None:
    found = [span.attributes or {} for span in held.only("plain").stages]
    by_kind = {attributes[a.VOICE_SPAN_KIND]: attributes for attributes in found}
    llm, tts, stt = (by_kind[kind] for kind in (a.KIND_LLM, a.KIND_TTS, a.KIND_STT))
    assert llm[a.GEN_AI_USAGE_INPUT_TOKENS] == 120
    assert llm[a.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS] == 64
    assert llm[a.GEN_AI_USAGE_OUTPUT_TOKENS] == 5
    assert llm[a.GEN_AI_RESPONSE_MODEL] == "gpt-4.1-mini-2025-04-14"
    assert tts[a.VOICE_TTS_CHARACTERS] == len(HERE)
    assert tts[a.VOICE_TTS_AUDIO_DURATION] == pytest.approx(1.02, abs=0.01)
    assert float(str(stt[a.VOICE_STT_AUDIO_DURATION])) >= 1.0


def test_a_call_ends_for_its_reason(held: Held) -> None:
    assert held.sessions["plain"].end_reason == "completed"
    assert held.sessions["hang_up_while_agent_speaks"].end_reason == "cancelled"


def described(turn: TurnView) -> Expected:
    """Return an exported turn in the words of the table, without times of its own."""
    quiet = (a.EVENT_FIRST_AUDIO, a.EVENT_EXCEPTION)
    return Expected(
        "user" if turn.initiator == "user" else "agent",
        turn.outcome,
        " ".join(sorted(_stage(span) for span in turn.stages)),
        turn.user_text or "",
        turn.agent_text or "",
        " ".join(name for name in turn.events if name not in quiet),
        None if turn.ttfa is None else 0,
        None if turn.barge_in_latency is None else 0,
    )


def comparable(expected: Expected) -> Expected:
    """Return an expectation without the times and the order of stages that are the table's own.

    Pipecat's services know no words of audio that was cut.
    """
    return Expected(
        expected.initiator,
        expected.outcome,
        " ".join(sorted(expected.stages.split())),
        expected.user,
        "" if "agent_speech:interrupted" in expected.stages else expected.agent,
        expected.events,
        None if expected.ttfa is None else 0,
        None if expected.barge_in is None else 0,
    )


def nanoseconds(seconds: float) -> int:
    """Return seconds as nanoseconds."""
    return round(seconds * 1e9)


def heard_seconds(turn: TurnView) -> float:
    """Return the seconds of the turn's agent speech that were played."""
    spans = [span.attributes or {} for span in turn.stages]
    return sum(
        float(str(s[a.VOICE_AGENT_SPEECH_HEARD])) for s in spans if a.VOICE_AGENT_SPEECH_HEARD in s
    )


def _stage(span: object) -> str:
    attributes = getattr(span, "attributes", None) or {}
    kind = str(attributes[a.VOICE_SPAN_KIND])
    if a.ERROR_TYPE in attributes:
        return f"{kind}:error"
    return f"{kind}:interrupted" if attributes.get(a.VOICE_STAGE_INTERRUPTED) else kind
