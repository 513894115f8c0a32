"""A script of a conversation in; a real Pipecat pipeline run offline, and the truth of it, out.

Nothing here knows voicespan's tracing: the pipeline is built as an application would build it,
with metrics off, so whatever instruments Pipecat has to do so by itself. Calls share nothing and
may run side by side in one event loop.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams
from pipecat.frames.frames import EndFrame, Frame, LLMRunFrame, TTSSpeakFrame
from pipecat.observers.base_observer import BaseObserver
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.llm_service import FunctionCallParams
from pipecat.turns.user_start import TranscriptionUserTurnStartStrategy, VADUserTurnStartStrategy
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from voicespan.demo.milestone import Milestone
from voicespan.demo.pipecat_services import (
    Heard,
    Reply,
    ScriptedLLM,
    ScriptedSTT,
    ScriptedTTS,
    Speech,
    tone,
    voiced,
)
from voicespan.demo.pipecat_transport import CALLER_RATE, CallTransport
from voicespan.demo.truth import AgentSpeech, Instant, UserSpeech

try:  # the names since 1.3 and 1.14
    from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
    from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
    from pipecat.pipeline.worker import PipelineWorker
    from pipecat.workers.runner import WorkerRunner
except ImportError:
    from pipecat.adapters.schemas.function_schema import FunctionSchema
    from pipecat.adapters.schemas.tools_schema import ToolsSchema
    from pipecat.pipeline.runner import PipelineRunner as WorkerRunner
    from pipecat.pipeline.task import PipelineTask as PipelineWorker

Tool = Callable[[FunctionCallParams], Awaitable[None]]
TIMEOUT = 30.0
GRACE = 5.0


class EnergyVAD(VADAnalyzer):
    """Voice activity by loudness alone: the same audio always gives the same answer."""

    def __init__(self) -> None:
        super().__init__(params=VADParams(min_volume=0.0))

    def num_frames_required(self) -> int:
        """Twenty milliseconds, as the caller's frames."""
        return self.sample_rate // 50

    def voice_confidence(self, buffer: bytes) -> float:
        """One or nothing."""
        return float(voiced(buffer))


@dataclass(frozen=True)
class Truth:
    """Who really spoke when, measured at the transport and independent of any frame."""

    user: list[UserSpeech]
    agent: list[AgentSpeech]
    interruptions: list[Instant]


@dataclass
class Bot:
    """One voice agent: its scripted services and how it takes turns."""

    replies: Sequence[Reply] = ()
    speech: Speech = field(default_factory=Speech)
    tools: Mapping[str, Tool] = field(default_factory=dict)
    greeting: str | None = None
    greet_with_llm: bool = False
    strategies: UserTurnStrategies | None = None
    mute: Sequence[Any] = ()
    stt: ScriptedSTT = field(default_factory=ScriptedSTT)
    vad: bool = True
    observers: Sequence[BaseObserver] = ()
    extra: Sequence[FrameProcessor] = ()  # between the language model and the voice
    worker_options: Mapping[str, Any] = field(default_factory=dict)


def turn_strategies(*, silence: float = 0.4) -> UserTurnStrategies:
    """Voice or words start a turn; so many seconds of silence and a transcript end it."""
    return UserTurnStrategies(
        start=[VADUserTurnStartStrategy(), TranscriptionUserTurnStartStrategy()],
        stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=silence)],
    )


class Call:
    """One call in progress, as the test drives and observes it."""

    def __init__(self, bot: Bot) -> None:
        self.transport = CallTransport(voiced)
        self.stt = bot.stt
        self.llm = ScriptedLLM(bot.replies)
        self.tts = ScriptedTTS(bot.speech)
        self.tool_started = Milestone()
        self.started = asyncio.Event()
        self.context = LLMContext(
            [{"role": "system", "content": "You are a helpful voice agent."}],
            tools=_schema(bot.tools),
        )
        for name, tool in bot.tools.items():
            self.llm.register_function(name, self._noted(tool))
        self.worker = PipelineWorker(
            self._pipeline(bot), observers=list(bot.observers), **bot.worker_options
        )
        self.worker.add_event_handler("on_pipeline_started", self._on_started)
        self._run: asyncio.Task[None] | None = None

    @property
    def truth(self) -> Truth:
        """What was really said and heard so far."""
        output = self.transport.output()
        return Truth(self.transport.caller.spoken, output.runs, output.interruptions)

    # What the caller does.

    def begin(self, text: str, *, seconds: float = 1.0, **heard: Any) -> UserSpeech:
        """Start speaking and do not wait."""
        self.stt.expect(Heard(text, **heard))
        return self.transport.caller.say(tone(seconds, CALLER_RATE, hz=180.0), text)

    async def say(self, text: str, *, seconds: float = 1.0, **heard: Any) -> UserSpeech:
        """Speak, and return when the last sound has been captured."""
        speech = self.begin(text, seconds=seconds, **heard)
        await speech.ended.wait()
        return speech

    async def cough(self, *, seconds: float = 0.4) -> UserSpeech:
        """Make a noise that has no words."""
        return await self.say("", seconds=seconds)

    # What the caller waits for. Each call waits for the next one not yet waited for.

    async def agent_spoke(self) -> None:
        """The bot becomes audible."""
        await self.transport.output().audible.next()

    async def agent_done(self) -> None:
        """The bot's current run of audio ends, played or cut."""
        await self.transport.output().stopped.next()

    async def answered(self) -> None:
        """The bot says one thing to its end."""
        await self.agent_spoke()
        await self.agent_done()

    async def llm_requested(self) -> None:
        """The language model receives a request."""
        await self.llm.requested.next()

    async def tool_running(self) -> None:
        """A tool starts."""
        await self.tool_started.next()

    async def pause(self, seconds: float) -> None:
        """Let the call go on: for situations made of time, such as talking over."""
        await asyncio.sleep(seconds)

    # What the application does.

    async def queue(self, *frames: Frame) -> None:
        """Push frames in at the start of the pipeline."""
        await self.worker.queue_frames(list(frames))

    async def end(self) -> None:
        """Hang up in order: what is queued is still said."""
        await self.worker.queue_frame(EndFrame())
        await self._finished()

    async def cancel(self) -> None:
        """Hang up at once."""
        await self.worker.cancel()
        await self._finished()

    async def kill(self) -> None:
        """Cancel the asyncio task the call runs in, as a server shutting down does."""
        if self._run is not None:
            self._run.cancel()
        await self._finished()

    async def play(self, script: Callable[["Call"], Awaitable[None]]) -> None:
        """Run the pipeline, play the script on it and see that both come to an end."""
        self._run = asyncio.create_task(_run(self.worker))
        try:
            await asyncio.wait_for(self._perform(script), TIMEOUT)
        finally:
            await self._stop(self._run)

    async def _perform(self, script: Callable[["Call"], Awaitable[None]]) -> None:
        await self.started.wait()
        await script(self)

    async def _stop(self, run: asyncio.Task[None]) -> None:
        if not run.done():
            await self.worker.cancel()
            await asyncio.wait([run], timeout=GRACE)
        if not run.done():  # a cancel queued behind an EndFrame that is stuck is never seen
            run.cancel()
            await asyncio.wait([run], timeout=GRACE)

    async def _finished(self) -> None:
        if self._run is not None:
            await asyncio.wait([self._run], timeout=TIMEOUT)

    async def _on_started(self, *_: Any) -> None:
        self.started.set()

    def _noted(self, tool: Tool) -> Tool:
        async def handler(params: FunctionCallParams) -> None:
            self.tool_started.reach()
            await tool(params)

        return handler

    def _pipeline(self, bot: Bot) -> Pipeline:
        aggregators = LLMContextAggregatorPair(
            self.context,
            user_params=LLMUserAggregatorParams(
                user_turn_strategies=bot.strategies or turn_strategies(),
                user_mute_strategies=list(bot.mute),
                vad_analyzer=EnergyVAD() if bot.vad else None,
            ),
        )
        return Pipeline(
            [
                self.transport.input(),
                self.stt,
                aggregators.user(),
                self.llm,
                *bot.extra,
                self.tts,
                self.transport.output(),
                aggregators.assistant(),
            ]
        )


async def _run(worker: PipelineWorker) -> None:
    runner = WorkerRunner(handle_sigint=False)
    if hasattr(runner, "add_workers"):
        await runner.add_workers(worker)
        await runner.run()
    else:
        await runner.run(worker)


async def run_call(bot: Bot, script: Callable[[Call], Awaitable[None]]) -> Call:
    """Hold one call from greeting to hang-up; returns it, with its truth."""
    call = Call(bot)

    async def whole(call: Call) -> None:
        if bot.greeting is not None:
            await call.queue(TTSSpeakFrame(bot.greeting))
        elif bot.greet_with_llm:
            await call.queue(LLMRunFrame())
        await script(call)

    await call.play(whole)
    return call


def _schema(tools: Mapping[str, Tool]) -> ToolsSchema:
    return ToolsSchema(
        standard_tools=[
            FunctionSchema(name=name, description=f"Does {name}.", properties={}, required=[])
            for name in tools
        ]
    )
