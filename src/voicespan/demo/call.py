"""Nothing in, one call held in real time out: what the caller does, and what is answered.

The caller follows the agent as a person would (by ear), so the same call comes out each time.
"""

import asyncio
from dataclasses import dataclass

from pipecat.frames.frames import EndFrame, TTSSpeakFrame

from voicespan.demo.agent import Agent
from voicespan.demo.pipecat_services import Heard, Reply, ToolCall, voiced
from voicespan.demo.pipecat_transport import CallTransport
from voicespan.demo.recordings import LineNoise, recording
from voicespan.demo.truth import AgentSpeech, UserSpeech

LONGEST = 90.0
"""Seconds after which the call is given up on; it takes about 30."""

GREETING = "Hello, Nordic Parcel. How can I help?"
REPLIES = (
    Reply.say("Sure. What is your order number?", first_token=0.35),
    Reply(tools=(ToolCall("lookup_order", {"number": "417"}),), first_token=0.45),
    Reply.say(
        "Order 417 is with the courier. It will reach you on Friday, between nine and noon, at"
        " the address you gave us when you placed the order.",
        first_token=0.3,
    ),
    Reply.say(
        "Yes, as long as the parcel has not left the depot. What is the new address?",
        first_token=0.95,  # a slow moment of the model
    ),
    # Pipecat asks the model again when a voice without words has cut the agent off.
    Reply.say("Sorry, I missed that. Shall I text you a link?", first_token=0.3),
    Reply.say("You are welcome. Goodbye!", first_token=0.3),
)


@dataclass(frozen=True)
class Truth:
    """Who really spoke when, measured at the microphone and the earpiece."""

    user: list[UserSpeech]
    agent: list[AgentSpeech]


class Person:
    """The caller: speaks from recordings, listens to the earpiece."""

    def __init__(self, transport: CallTransport, agent: Agent) -> None:
        self._voice = transport.caller
        self._ear = transport.output()
        self._agent = agent

    async def says(self, name: str, text: str, *, after: float, transcribed: float = 0.3) -> None:
        """Say a clip `after` seconds from now; its words are recognised `transcribed` after it."""
        await asyncio.sleep(after)
        self._agent.stt.expect(Heard(text, delay=transcribed))
        await self._voice.say(recording(name), text).ended.wait()

    async def hums(self, *, after: float) -> None:
        """Make a noise long enough to be taken for speech, in which there are no words."""
        await asyncio.sleep(after)
        self._agent.stt.expect(Heard(""))
        await self._voice.say(recording("cough") * 2).ended.wait()

    async def hears_the_agent(self) -> None:
        """Wait until the agent can be heard."""
        await self._ear.audible.next()

    async def hears_it_end(self) -> None:
        """Wait until the agent has said what it had to say, or was cut."""
        await self._ear.stopped.next()


async def converse(person: Person) -> None:
    """Hold the caller's side of the conversation."""
    await person.hears_the_agent()
    await person.hears_it_end()

    await person.says("order_status", "Hi, where is my order?", after=0.4)
    await person.hears_the_agent()
    await person.hears_it_end()

    await person.says("order_number", "It's order four one seven.", after=0.3)
    await person.hears_the_agent()
    await person.says("uh_huh", "Uh huh.", after=1.3)  # the agent talks on
    await person.says("barge_in", "Wait, can you change the address?", after=0.9)  # and is cut
    await person.hears_it_end()

    await person.hears_the_agent()
    await person.hums(after=1.0)  # the agent stops for nothing
    await person.hears_it_end()
    await person.hears_the_agent()
    await person.hears_it_end()

    await person.says("thanks", "Great, that is all. Thank you, bye.", after=0.3, transcribed=1.1)
    await person.hears_the_agent()
    await person.hears_it_end()


async def hold_call() -> Truth:
    """Hold the call, from greeting to hang-up; takes half a minute."""
    transport = CallTransport(voiced, line=LineNoise())
    agent = Agent(transport)
    for reply in REPLIES:
        agent.llm.then(reply)
    async with asyncio.timeout(LONGEST), asyncio.TaskGroup() as running:
        running.create_task(agent.run())
        await agent.started.wait()
        await agent.worker.queue_frame(TTSSpeakFrame(GREETING))
        await converse(Person(transport, agent))
        await agent.worker.queue_frame(EndFrame())
    return Truth(transport.caller.spoken, transport.output().runs)
