"""Gemini Live in Pipecat, through Google's client: what the caller lived through, turn by turn."""

import warnings
from collections.abc import Mapping

import pytest
import pytest_asyncio

from tests.pipecat.gemini_rig import MODEL, gemini_live
from tests.pipecat.gemini_server import GeminiServer
from tests.pipecat.realtime_calls import (
    AUDIO_USAGE,
    CLOCK,
    HELLO,
    LONG,
    NOON,
    READY,
    TIME,
    Played,
    Situation,
    assert_identified,
    assert_silence,
    assert_whole,
    clock,
    facts,
    hangs_up,
    kinds,
    one_exchange,
    play,
    seconds_between,
    stages,
    talks_over_audio,
    two_exchanges,
)
from tests.pipecat.realtime_server import Calls, Heard, Reply
from voicespan import attributes as a

OVER = (Heard("tell me about clocks"), Heard("stop"))

SITUATIONS = {
    "plain": Situation(two_exchanges, (TIME, Heard("and now")), (HELLO, NOON, NOON)),
    "manual": Situation(two_exchanges, (TIME, Heard("and now")), (HELLO, NOON, NOON), vad=True),
    "late_words": Situation(one_exchange, (Heard("what time is it", delay=0.6),), (HELLO, NOON)),
    "tool": Situation(
        one_exchange, (TIME,), (HELLO, Reply(calls=(CLOCK,)), NOON), tools={"clock": clock}
    ),
    "tools": Situation(
        one_exchange,
        (TIME,),
        (HELLO, Reply(calls=(CLOCK,)), Reply(calls=(Calls("clock", {}, "call_2"),)), NOON),
        tools={"clock": clock},
    ),
    "barge_in": Situation(talks_over_audio, OVER, (HELLO, READY, NOON)),
    "noticed_first": Situation(talks_over_audio, OVER, (HELLO, LONG, NOON)),
    "hang_up": Situation(hangs_up, (Heard("tell me about clocks"),), (HELLO, LONG)),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calls() -> Mapping[str, Played]:
    """Every situation, all at once in one process; the user's voice is followed locally."""
    with warnings.catch_warnings():  # Pipecat configures the session the way Google deprecates
        warnings.filterwarnings("ignore", "Setting `LiveConnectConfig.generation_config`")
        return await play(
            SITUATIONS,
            GeminiServer,
            lambda url, of: gemini_live(url, manual=of.vad),
            vad=True,
            prompt="Greet the caller.",
        )


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_call_ends_with_its_turns_and_nothing_open(calls: Mapping[str, Played]) -> None:
    """Held side by side, none shows anything of another."""
    for name, call in calls.items():
        assert_whole(name, call)
        for turn in call.turns:
            models = {a.KIND_STT: MODEL, a.KIND_REALTIME: MODEL}
            assert_identified(turn, "gcp.gemini", models)
        assert (call.turns[0].initiator, call.turns[0].agent_text) == ("agent", HELLO.text)


@pytest.mark.parametrize("name", ["plain", "manual", "late_words"])
async def test_an_exchange_is_one_turn(calls: Mapping[str, Played], name: str) -> None:
    """Whoever detects the end of the user's turn; the usage comes after the response's end."""
    call = calls[name]
    for number, turn in enumerate(call.turns[1:], 1):
        assert (turn.initiator, turn.outcome) == ("user", "completed")
        assert kinds(turn) == [a.KIND_USER_SPEECH, a.KIND_STT, a.KIND_REALTIME, a.KIND_AGENT_SPEECH]
        words = SITUATIONS[name].heard[number - 1].text
        assert (turn.user_text, turn.agent_text) == (f"{words}.", NOON.text)
        assert turn.attributes[a.VOICE_TURN_PREEMPTIVE] is False
        assert_silence(call, turn, number - 1)
        (generation,) = stages(turn, a.KIND_REALTIME)
        assert facts(generation, AUDIO_USAGE) == AUDIO_USAGE


async def test_a_decision_nobody_waited_for_owns_nothing(calls: Mapping[str, Played]) -> None:
    """The server heard the end by itself: what Pipecat decided locally was not waited for."""
    for turn in calls["plain"].turns[1:]:
        assert turn.parts["llm"] == pytest.approx(turn.ttfa, abs=0.01)
        assert a.VOICE_ENDPOINTING_DELAY not in turn.attributes
    call = calls["manual"]
    for turn in call.turns[1:]:
        assert turn.parts["endpointing"] == pytest.approx(0.6, abs=call.tolerance)


@pytest.mark.parametrize(("name", "rounds"), [("tool", 1), ("tools", 2)])
async def test_tools_stand_between_generations(
    calls: Mapping[str, Played], name: str, rounds: int
) -> None:
    """Gemini goes on by itself with the result; only its last message tells the usage."""
    call = calls[name]
    _, turn = call.turns
    between = [a.KIND_REALTIME, a.KIND_TOOL] * rounds
    assert kinds(turn)[2:] == [*between, a.KIND_REALTIME, a.KIND_AGENT_SPEECH]
    assert (turn.outcome, turn.agent_text) == ("completed", NOON.text)
    *_, last = stages(turn, a.KIND_REALTIME)
    assert facts(last, AUDIO_USAGE) == AUDIO_USAGE
    assert_silence(call, turn, 0)
    assert turn.parts["tool"] == pytest.approx(0.4 * rounds, abs=call.tolerance)
    assert {tool.result["time"] for tool in turn.tools} == {"12:00"}


@pytest.mark.parametrize("name", ["barge_in", "noticed_first"])
async def test_talking_over_the_answer_cuts_it(calls: Mapping[str, Played], name: str) -> None:
    """Gemini ends no response that was interrupted; its usage comes all the same."""
    call = calls[name]
    _, cut, answer = call.turns
    assert (cut.outcome, answer.outcome) == ("interrupted", "completed")
    (generation,) = stages(cut, a.KIND_REALTIME)
    cut_short = {a.VOICE_STAGE_INTERRUPTED: True if name == "noticed_first" else None}
    assert facts(generation, AUDIO_USAGE | cut_short) == AUDIO_USAGE | cut_short
    assert cut.agent_text is not None
    assert LONG.text.startswith(cut.agent_text)
    assert (answer.user_text, answer.agent_text) == ("stop.", NOON.text)
    assert_silence(call, answer, 1)


async def test_the_latency_of_a_barge_in(calls: Mapping[str, Played]) -> None:
    """Known where the local detection was first; Gemini does not say when the caller began."""
    call = calls["barge_in"]
    cut = call.turns[1]
    silent = seconds_between(call.user[1].onset, call.agent[1].last_played)
    assert cut.barge_in_latency == pytest.approx(silent, abs=call.tolerance)


async def test_hanging_up_ends_everything(calls: Mapping[str, Played]) -> None:
    """The call was cancelled while the agent spoke."""
    call = calls["hang_up"]
    assert (call.turns[-1].outcome, call.session.end_reason) == ("abandoned", "cancelled")
