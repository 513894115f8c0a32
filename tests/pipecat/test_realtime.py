"""OpenAI Realtime in Pipecat, on the wire: what the caller lived through, turn by turn."""

from collections.abc import Mapping

import pytest
import pytest_asyncio
from opentelemetry.trace import StatusCode

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
    caller_begins,
    clock,
    facts,
    first_after,
    hangs_up,
    hears_a_filler,
    instant_clock,
    kinds,
    one_exchange,
    play,
    seconds_between,
    stages,
    talks_over_audio,
    talks_over_thinking,
    two_exchanges,
    unanswered,
)
from tests.pipecat.realtime_rig import TRANSCRIPTION, openai_realtime
from tests.pipecat.realtime_server import Calls, Heard, RealtimeServer, Reply
from voicespan import attributes as a

SITUATIONS = {
    "plain": Situation(two_exchanges, (TIME, Heard("and now")), (HELLO, NOON, NOON)),
    "local_vad": Situation(two_exchanges, (TIME, Heard("and now")), (HELLO, NOON, NOON), vad=True),
    "tool": Situation(
        one_exchange, (TIME,), (HELLO, Reply(calls=(CLOCK,)), NOON), tools={"clock": clock}
    ),
    "parallel_tools": Situation(
        one_exchange,
        (TIME,),
        (HELLO, Reply(calls=(CLOCK, Calls("clock", {}, "call_2")), done_after=0.1), NOON),
        tools={"clock": instant_clock},
    ),
    "filler": Situation(
        hears_a_filler,
        (TIME,),
        (HELLO, Reply(words=("One", " moment", "."), seconds=0.4, calls=(CLOCK,)), NOON),
        tools={"clock": clock},
    ),
    "barge_in": Situation(
        talks_over_audio, (Heard("tell me about clocks"), Heard("stop")), (HELLO, LONG, NOON)
    ),
    "barge_in_local_vad": Situation(
        talks_over_audio,
        (Heard("tell me about clocks"), Heard("stop")),
        (HELLO, READY, NOON),
        vad=True,
    ),
    "barge_in_while_thinking": Situation(
        talks_over_thinking,
        (Heard("tell me about"), Heard("clocks")),
        (HELLO, Reply(words=LONG.words, seconds=4.0, think=3.0), NOON),
    ),
    "error": Situation(unanswered, (TIME,), (HELLO, Reply(error="overloaded"))),
    "failed": Situation(unanswered, (TIME,), (HELLO, Reply(failed="no luck", usage=None))),
    "late_usage": Situation(
        one_exchange,
        (TIME,),
        (HELLO, Reply(words=NOON.words, seconds=0.4, done_after=1.0)),
    ),
    "late_words": Situation(
        two_exchanges,
        (Heard("what time is it", delay=1.5), Heard("and now", delay=0.6)),
        (HELLO, NOON, NOON),
    ),
    "no_words": Situation(one_exchange, (TIME,), (HELLO, NOON), transcribe=False),
    "no_greeting": Situation(caller_begins, (TIME,), (NOON, NOON), greet=False),
    "hang_up": Situation(hangs_up, (Heard("tell me about clocks"),), (HELLO, LONG)),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calls() -> Mapping[str, Played]:
    """Every situation, all at once in one process."""
    return await play(
        SITUATIONS,
        RealtimeServer,
        lambda url, of: openai_realtime(url, vad=of.vad, transcribe=of.transcribe),
    )


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_call_ends_with_its_turns_and_nothing_open(calls: Mapping[str, Played]) -> None:
    """Held side by side, none shows anything of another."""
    for name, call in calls.items():
        assert_whole(name, call)
        for turn in call.turns:
            models = {a.KIND_STT: TRANSCRIPTION, a.KIND_REALTIME: "gpt-realtime"}
            assert_identified(turn, "openai", models)


async def test_a_greeting_is_the_agents_turn(calls: Mapping[str, Played]) -> None:
    """Nobody waited for it: no time to first audio."""
    for name, call in calls.items():
        if not SITUATIONS[name].greet:
            continue
        greeting = call.turns[0]
        assert (greeting.initiator, greeting.outcome) == ("agent", "completed"), name
        assert kinds(greeting) == [a.KIND_REALTIME, a.KIND_AGENT_SPEECH]
        assert (greeting.ttfa, greeting.agent_text) == (None, HELLO.text)


@pytest.mark.parametrize("name", ["plain", "local_vad", "late_words"])
async def test_an_exchange_is_one_turn(calls: Mapping[str, Played], name: str) -> None:
    """Whoever detects the end of the user's turn, and however late the transcript comes."""
    call = calls[name]
    for number, words in ((1, "what time is it"), (2, "and now")):
        turn = call.turns[number]
        assert (turn.initiator, turn.outcome) == ("user", "completed")
        assert kinds(turn) == [a.KIND_USER_SPEECH, a.KIND_STT, a.KIND_REALTIME, a.KIND_AGENT_SPEECH]
        assert (turn.user_text, turn.agent_text) == (words, NOON.text)
        assert turn.events == ("first_audio",)
        assert turn.attributes[a.VOICE_TURN_PREEMPTIVE] is False
        assert_silence(call, turn, number - 1)
        (generation,) = stages(turn, a.KIND_REALTIME)
        assert facts(generation, AUDIO_USAGE) == AUDIO_USAGE
    assert len(call.turns) == 3


async def test_the_servers_silence_is_endpointing(calls: Mapping[str, Played]) -> None:
    """`audio_end_ms` contains the silence the server waited for: the user's end lies before it."""
    call = calls["plain"]
    stops = call.server.times("input_audio_buffer.speech_stopped")
    for number in (1, 2):
        turn, said = call.turns[number], call.user[number - 1]
        stopped = first_after(stops, said.end)
        waited = seconds_between(said.end, stopped)
        thought = seconds_between(stopped, call.agent[number].first_played)
        assert turn.parts["endpointing"] == pytest.approx(waited, abs=call.tolerance)
        assert turn.parts["llm"] == pytest.approx(thought, abs=call.tolerance)
        (speech,) = stages(turn, a.KIND_USER_SPEECH)
        assert said.onset is not None
        assert said.end is not None
        assert (speech.start_time or 0) / 1e9 == pytest.approx(said.onset.wall, abs=call.tolerance)
        assert (speech.end_time or 0) / 1e9 == pytest.approx(said.end.wall, abs=call.tolerance)


async def test_a_model_that_was_never_asked_outright(calls: Mapping[str, Played]) -> None:
    """The provider said how it detects turns before the pipeline had started."""
    call = calls["no_greeting"]
    turn = call.turns[0]  # Pipecat may ask for another once it has a context: after the answer
    assert (turn.outcome, turn.user_text, turn.agent_text) == (
        "completed",
        "what time is it",
        NOON.text,
    )
    assert_silence(call, turn, 0)


async def test_a_local_decision_is_the_request(calls: Mapping[str, Played]) -> None:
    """Without server detection Pipecat commits the audio and asks for the response itself."""
    call = calls["local_vad"]
    asked = [at for at, event in call.server.received if event["type"] == "response.create"]
    for number in (1, 2):
        turn, said = call.turns[number], call.user[number - 1]
        decided = first_after(asked, said.end)
        waited = seconds_between(said.end, decided)
        assert turn.parts["endpointing"] == pytest.approx(waited, abs=call.tolerance)
        (generation,) = stages(turn, a.KIND_REALTIME)
        assert (generation.start_time or 0) / 1e9 == pytest.approx(decided.wall, abs=call.tolerance)


async def test_a_tool_stands_between_two_generations(calls: Mapping[str, Played]) -> None:
    """The first response is nothing but the call; the second begins with the tool's result."""
    call = calls["tool"]
    _, turn = call.turns
    assert kinds(turn) == [
        a.KIND_USER_SPEECH,
        a.KIND_STT,
        a.KIND_REALTIME,
        a.KIND_TOOL,
        a.KIND_REALTIME,
        a.KIND_AGENT_SPEECH,
    ]
    assert turn.outcome == "completed"
    (tool,) = turn.tools
    assert (tool.name, tool.arguments, tool.result) == ("clock", {"zone": "CET"}, {"time": "12:00"})
    asking, answering = stages(turn, a.KIND_REALTIME)
    (ran,) = stages(turn, a.KIND_TOOL)
    for generation, reason in ((asking, "tool_calls"), (answering, "stop")):
        assert facts(generation, AUDIO_USAGE) == AUDIO_USAGE
        assert (generation.attributes or {})[a.GEN_AI_RESPONSE_FINISH_REASONS] == (reason,)
    assert (answering.start_time or 0) - (ran.end_time or 0) == pytest.approx(0, abs=20e6)
    assert_silence(call, turn, 0)
    assert turn.parts["tool"] == pytest.approx(0.4, abs=call.tolerance)


async def test_tools_called_together_belong_to_one_generation(calls: Mapping[str, Played]) -> None:
    """Even if the first has returned before the second was called."""
    _, turn = calls["parallel_tools"].turns
    assert len(stages(turn, a.KIND_TOOL)) == 2
    assert [facts(s, AUDIO_USAGE) for s in stages(turn, a.KIND_REALTIME)] == [AUDIO_USAGE] * 2
    assert (turn.outcome, turn.agent_text) == ("completed", NOON.text)


async def test_a_filler_and_the_answer_are_one_turn(calls: Mapping[str, Played]) -> None:
    """The caller heard the filler first, and the answer when the tool had returned."""
    call = calls["filler"]
    _, turn = call.turns
    assert len(stages(turn, a.KIND_AGENT_SPEECH)) == 2
    assert len(stages(turn, a.KIND_REALTIME)) == 2
    assert (turn.outcome, turn.agent_text) == ("completed", f"One moment. {NOON.text}")
    assert_silence(call, turn, 0)


@pytest.mark.parametrize("name", ["barge_in", "barge_in_local_vad"])
async def test_talking_over_the_answer_cuts_it(calls: Mapping[str, Played], name: str) -> None:
    """The turn ends where its audio was cut; the provider's late account of it is still its."""
    call = calls[name]
    _, cut, answer = call.turns
    assert (cut.outcome, answer.outcome) == ("interrupted", "completed")
    assert "barge_in" in cut.events
    silent = seconds_between(call.user[1].onset, call.agent[1].last_played)
    assert cut.barge_in_latency == pytest.approx(silent, abs=call.tolerance)
    (generation,) = stages(cut, a.KIND_REALTIME)
    cut_short = {a.VOICE_STAGE_INTERRUPTED: True if name == "barge_in" else None}
    assert facts(generation, AUDIO_USAGE | cut_short) == AUDIO_USAGE | cut_short
    (speech,) = stages(cut, a.KIND_AGENT_SPEECH)
    heard = (speech.attributes or {})[a.VOICE_AGENT_SPEECH_HEARD]
    assert heard == pytest.approx(call.agent[1].heard, abs=call.tolerance)
    assert cut.agent_text is not None
    assert LONG.text.startswith(cut.agent_text)
    assert (answer.user_text, answer.agent_text) == ("stop", NOON.text)
    assert_silence(call, answer, 1)
    assert len(call.server.told("conversation.item.truncate")) == 1


async def test_talking_on_while_the_model_thinks(calls: Mapping[str, Played]) -> None:
    """Nothing was heard of the first response: it is cut, what it cost is known."""
    call = calls["barge_in_while_thinking"]
    cut, answer = call.turns[-2:]
    assert (cut.outcome, answer.outcome) == ("interrupted", "completed")
    (generation,) = stages(cut, a.KIND_REALTIME)
    assert facts(generation, AUDIO_USAGE) == AUDIO_USAGE
    assert (answer.user_text, answer.agent_text) == ("clocks", NOON.text)
    assert_silence(call, answer, 1)


@pytest.mark.parametrize(("name", "message"), [("error", "overloaded"), ("failed", "no luck")])
async def test_a_failure_is_the_turns_outcome(
    calls: Mapping[str, Played], name: str, message: str
) -> None:
    """There never was a response: the request it would have answered is what failed."""
    _, turn = calls[name].turns
    assert (turn.outcome, turn.user_text) == ("error", "what time is it")
    (generation,) = stages(turn, a.KIND_REALTIME)
    assert generation.status.status_code is StatusCode.ERROR
    assert message in (generation.status.description or "")
    assert turn.span.status.status_code is StatusCode.ERROR


async def test_usage_that_comes_after_the_audio_was_heard_counts(
    calls: Mapping[str, Played],
) -> None:
    """`response.done` has it, and may come when the caller has heard everything."""
    call = calls["late_usage"]
    _, turn = call.turns
    done = call.server.times("response.done")[-1]
    assert seconds_between(call.agent[1].last_played, done) > 0.3
    (generation,) = stages(turn, a.KIND_REALTIME)
    assert facts(generation, AUDIO_USAGE) == AUDIO_USAGE
    assert_silence(call, turn, 0)


async def test_without_transcription_there_is_no_recognition(calls: Mapping[str, Played]) -> None:
    """A speech-to-speech model needs no words; the turn is timed all the same."""
    call = calls["no_words"]
    _, turn = call.turns
    assert kinds(turn) == [a.KIND_USER_SPEECH, a.KIND_REALTIME, a.KIND_AGENT_SPEECH]
    assert (turn.user_text, turn.outcome) == (None, "completed")
    assert_silence(call, turn, 0)


async def test_hanging_up_ends_everything(calls: Mapping[str, Played]) -> None:
    """The call was cancelled while the agent spoke."""
    call = calls["hang_up"]
    _, turn = call.turns
    assert (turn.outcome, call.session.end_reason) == ("abandoned", "cancelled")
    assert kinds(turn)[-1] == a.KIND_AGENT_SPEECH
