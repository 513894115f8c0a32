"""A scripted provider in; a real Pipecat pipeline with a speech-to-speech service, offline, out."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from pipecat.frames.frames import LLMRunFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.services.llm_service import LLMService
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService

from tests.pipecat import rig
from tests.pipecat.rig import Call, EnergyVAD, Tool, _schema, turn_strategies
from voicespan.demo.milestone import Milestone
from voicespan.demo.pipecat_services import tone, voiced
from voicespan.demo.pipecat_transport import CALLER_RATE, CallTransport
from voicespan.demo.truth import UserSpeech

TRANSCRIPTION = "gpt-4o-mini-transcribe"


class Server(Protocol):
    """A scripted provider on this machine; `url` is known while it listens."""

    url: str

    def listening(self) -> AbstractAsyncContextManager[Any]:
        """Serve."""


class RealtimeCall(Call):
    """One call with a service that hears and speaks by itself. `vad`: turns are decided locally."""

    def __init__(
        self,
        name: str,
        server: Any,
        service: LLMService,
        *,
        vad: bool = False,
        tools: Mapping[str, Tool] | None = None,
        prompt: str = "",
    ) -> None:
        self.server = server
        self.transport = CallTransport(voiced)
        self.llm = service  # type: ignore[assignment]  # rig.Call has a scripted one
        self.tool_started = Milestone()
        self.started = asyncio.Event()
        self.context = LLMContext(tools=_schema(tools or {}))
        if prompt:
            self.context.add_message({"role": "user", "content": prompt})
        for tool_name, tool in (tools or {}).items():
            service.register_function(tool_name, self._noted(tool))
        self.worker = rig.PipelineWorker(  # type: ignore[attr-defined]  # by its old name before 1.3
            self._realtime_pipeline(vad), conversation_id=name
        )
        self.worker.add_event_handler("on_pipeline_started", self._on_started)
        self._run: asyncio.Task[None] | None = None

    def begin(self, text: str, *, seconds: float = 1.0, **heard: Any) -> UserSpeech:
        """Start speaking and do not wait; what is heard of it is in the server's script."""
        return self.transport.caller.say(tone(seconds, CALLER_RATE, hz=180.0), text)

    def _realtime_pipeline(self, vad: bool) -> Pipeline:
        aggregators = LLMContextAggregatorPair(
            self.context,
            user_params=LLMUserAggregatorParams(
                user_turn_strategies=turn_strategies() if vad else None,
                vad_analyzer=EnergyVAD() if vad else None,
            ),
        )
        return Pipeline(
            [
                self.transport.input(),
                aggregators.user(),
                self.llm,
                self.transport.output(),
                aggregators.assistant(),
            ]
        )


def openai_realtime(
    url: str, *, vad: bool = False, transcribe: bool = True
) -> OpenAIRealtimeLLMService:
    """Pipecat's own service, connected to this machine. `vad`: the server does not detect turns."""
    heard = events.AudioInput(
        transcription=events.InputAudioTranscription(model=TRANSCRIPTION) if transcribe else None,
        turn_detection=False if vad else None,
    )
    return OpenAIRealtimeLLMService(
        api_key="offline",
        base_url=url,
        settings=OpenAIRealtimeLLMService.Settings(
            model="gpt-realtime",
            session_properties=events.SessionProperties(
                audio=events.AudioConfiguration(
                    input=heard, output=events.AudioOutput(voice="marin")
                )
            ),
        ),
    )


async def hold(
    call: RealtimeCall, script: Callable[[RealtimeCall], Awaitable[None]], *, greet: bool = True
) -> None:
    """Hold one call. `greet`: the first thing that happens is that the model is asked to begin."""

    async def whole(_: Call) -> None:
        if greet:
            await call.queue(LLMRunFrame())
        await script(call)
        await call.end()

    await call.play(whole)
