"""The table of situations in, real Pipecat calls that bring each of them about out.

Only what cannot happen on Pipecat is missing: playout that pauses and resumes (cut audio never
does), and speech over the agent that is decided on while the agent talks on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pipecat.frames.frames import LLMMessagesAppendFrame, TTSSpeakFrame
from pipecat.services.llm_service import FunctionCallParams
from pipecat.turns.user_start import MinWordsUserTurnStartStrategy
from pipecat.turns.user_turn_strategies import EagerUserTurnStrategies, UserTurnStrategies

from tests.pipecat.eager import EagerSTT
from tests.pipecat.rig import Bot, Call, turn_strategies
from tests.situations import HERE, ORDER
from voicespan.demo.pipecat_services import Reply, Speech, ToolCall

Script = Callable[[Call], Awaitable[None]]
CALLS: dict[str, tuple[Callable[[], Bot], Script]] = {}

say = Reply.say
LONG = "It is on its way, and it left our warehouse early this morning, as I can see here."
LOOK_UP = Reply(tools=(ToolCall("look_up", {"order": 417}, "call_a"),))


def call(name: str, bot: Callable[[], Bot]) -> Callable[[Script], Script]:
    """Register how a situation is brought about."""

    def register(script: Script) -> Script:
        CALLS[name] = (bot, script)
        return script

    return register


async def look_up(params: FunctionCallParams) -> None:
    await asyncio.sleep(0.3)
    await params.result_callback({"status": "on its way"})


async def look_up_slowly(params: FunctionCallParams) -> None:
    await asyncio.sleep(1.2)
    await params.result_callback({"stock": 3})


async def look_up_with_filler(params: FunctionCallParams) -> None:
    await params.llm.push_frame(TTSSpeakFrame("One moment."))
    await asyncio.sleep(1.5)
    await params.result_callback({"status": "on its way"})


async def look_up_in_vain(params: FunctionCallParams) -> None:
    await asyncio.sleep(0.2)
    raise TimeoutError("database down")


def only_words_interrupt() -> UserTurnStrategies:
    """Three words take the floor; less is a backchannel."""
    strategies = turn_strategies()
    strategies.start = [MinWordsUserTurnStartStrategy(min_words=3)]
    return strategies


@call("greeting", lambda: Bot(greeting="Hello!"))
async def greeting(c: Call) -> None:
    await c.answered()
    await c.end()


@call("plain", lambda: Bot(replies=[say(HERE)]))
async def plain(c: Call) -> None:
    await c.say(ORDER)
    await c.answered()
    await c.end()


def eager(*replies: Reply, predictions: dict[str, str] | None = None) -> Bot:
    """A recogniser that ends turns itself, and says early that it is about to."""
    return Bot(
        replies=replies,
        vad=False,
        stt=EagerSTT(predictions=predictions),
        strategies=EagerUserTurnStrategies(),
    )


@call("preemptive_kept", lambda: eager(say(HERE)))
async def preemptive_kept(c: Call) -> None:
    await c.say(ORDER, delay=0.7)
    await c.answered()
    await c.end()


@call("preemptive_dropped", lambda: eager(say("Wrong."), say(HERE), predictions={ORDER: "Where?"}))
async def preemptive_dropped(c: Call) -> None:
    await c.say(ORDER, delay=0.7)
    await c.answered()
    await c.end()


@call(
    "tools",
    lambda: Bot(
        replies=[
            Reply(
                tools=(
                    ToolCall("look_up", {"order": 417}, "call_a"),
                    ToolCall("check_stock", {}, "call_b"),
                )
            ),
            say(HERE),
        ],
        tools={"look_up": look_up, "check_stock": look_up_slowly},
    ),
)
async def tools(c: Call) -> None:
    await c.say(ORDER)
    await c.answered()
    await c.end()


@call("filler", lambda: Bot(replies=[LOOK_UP, say(HERE)], tools={"look_up": look_up_with_filler}))
async def filler(c: Call) -> None:
    await c.say(ORDER)
    await c.answered()
    await c.answered()
    await c.end()


@call("resumed_user", lambda: Bot(replies=[say(HERE)], strategies=turn_strategies(silence=0.9)))
async def resumed_user(c: Call) -> None:
    await c.say("Where is", seconds=0.6)
    await c.pause(0.5)
    await c.say("my order?", seconds=0.6)
    await c.answered()
    await c.end()


@call("cough", lambda: Bot(replies=[say(HERE), say("Bye.")]))
async def cough(c: Call) -> None:
    await c.say(ORDER)
    await c.answered()
    await c.cough()
    await c.pause(3.0)
    await c.say("Thanks.", seconds=0.6)
    await c.answered()
    await c.end()


@call("cough_first", lambda: Bot(replies=[say(HERE)]))
async def cough_first(c: Call) -> None:
    await c.cough()
    await c.pause(3.0)
    await c.say(ORDER)
    await c.answered()
    await c.end()


@call("backchannel", lambda: Bot(replies=[say(HERE)], strategies=only_words_interrupt()))
async def backchannel(c: Call) -> None:
    await c.say(ORDER)
    await c.agent_spoke()
    await c.pause(0.2)
    await c.say("Uh-huh.", seconds=0.3, delay=0.1)
    await c.agent_done()
    await c.end()


@call("cough_over_agent", lambda: Bot(replies=[say(HERE)], strategies=only_words_interrupt()))
async def cough_over_agent(c: Call) -> None:
    await c.say(ORDER)
    await c.agent_spoke()
    await c.pause(0.2)
    await c.cough(seconds=0.3)
    await c.agent_done()
    await c.end()


@call("false_interruption_cut", lambda: Bot(replies=[say(LONG)]))
async def false_interruption_cut(c: Call) -> None:
    await c.say(ORDER)
    await c.agent_spoke()
    await c.pause(1.0)
    await c.cough()
    await c.pause(3.0)
    await c.end()


@call("barge_in", lambda: Bot(replies=[say(LONG), say("I see.")]))
async def barge_in(c: Call) -> None:
    await c.say(ORDER)
    await c.agent_spoke()
    await c.pause(1.2)
    await c.say("No, the other.")
    await c.agent_done()
    await c.answered()
    await c.end()


@call("barge_in_while_generating", lambda: Bot(replies=[say(LONG, first_token=3.0), say(HERE)]))
async def barge_in_while_generating(c: Call) -> None:
    await c.say(ORDER)
    await c.llm_requested()
    await c.pause(0.4)
    await c.say("The blue one.")
    await c.answered()
    await c.end()


@call("barge_in_twice", lambda: Bot(replies=[say(LONG), say(LONG), say("Bye.")]))
async def barge_in_twice(c: Call) -> None:
    await c.say(ORDER)
    for words in ("No.", "Stop."):
        await c.agent_spoke()
        await c.pause(0.8)
        await c.say(words, seconds=0.6)
        await c.agent_done()
    await c.answered()
    await c.end()


@call("proactive_prompt", lambda: Bot(replies=[say(HERE)]))
async def proactive_prompt(c: Call) -> None:
    await c.say(ORDER)
    await c.answered()
    await c.pause(0.5)
    c.llm.then(say("Still there?"))
    message: Any = {"role": "system", "content": "Ask whether the caller is still there."}
    await c.queue(LLMMessagesAppendFrame(messages=[message], run_llm=True))
    await c.answered()
    await c.end()


@call("llm_failed", lambda: Bot(replies=[Reply(error=RuntimeError("503")), say(HERE)]))
async def llm_failed(c: Call) -> None:
    await c.say(ORDER)
    await c.llm_requested()
    await c.pause(1.0)
    await c.end()


@call(
    "tool_failed",
    lambda: Bot(replies=[LOOK_UP, say("I cannot tell.")], tools={"look_up": look_up_in_vain}),
)
async def tool_failed(c: Call) -> None:
    await c.say(ORDER)
    await c.answered()
    await c.end()


@call("tts_failed", lambda: Bot(replies=[say(HERE)], speech=Speech(failure="quota")))
async def tts_failed(c: Call) -> None:
    await c.say(ORDER)
    await c.llm_requested()
    await c.pause(1.5)
    await c.end()


@call("hang_up_while_agent_speaks", lambda: Bot(replies=[say(LONG)]))
async def hang_up_while_agent_speaks(c: Call) -> None:
    await c.say(ORDER)
    await c.agent_spoke()
    await c.pause(0.8)
    await c.cancel()


@call("hang_up_while_user_speaks", lambda: Bot(greeting="Hello!"))
async def hang_up_while_user_speaks(c: Call) -> None:
    await c.answered()
    speech = c.begin("I would like to", seconds=3.0)
    await speech.started.wait()
    await c.pause(1.0)
    await c.cancel()


@call("text_only", lambda: Bot(replies=[say(HERE), say("Bye.")]))
async def text_only(c: Call) -> None:
    for words in (ORDER, "Thanks."):
        message: Any = {"role": "user", "content": words}
        await c.queue(LLMMessagesAppendFrame(messages=[message], run_llm=True))
        await c.answered()
    await c.end()
