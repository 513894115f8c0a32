"""A Pipecat voice agent on real providers, traced by one line. Keys come from the environment.

    pip install 'voicespan[pipecat]' 'pipecat-ai[deepgram,openai,cartesia,webrtc,runner,silero]'
    export DEEPGRAM_API_KEY=... OPENAI_API_KEY=... CARTESIA_API_KEY=...
    export OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318
    python examples/pipecat_agent.py        # then open the page it prints

`opentelemetry-instrument python examples/pipecat_agent.py` does the same without the line.
"""

import os
from typing import Any

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import LLMRunFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.runner.types import RunnerArguments, SmallWebRTCRunnerArguments
from pipecat.services.cartesia.tts import CartesiaTTSService
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport
from pipecat.workers.runner import WorkerRunner

import voicespan

voicespan.instrument(agent="support", agent_version="v1")


async def order_status(params: FunctionCallParams, order: int) -> None:
    """Look up where an order is.

    Args:
        params: Given by Pipecat.
        order: The order's number.
    """
    await params.result_callback({"order": order, "status": "out for delivery"})


async def bot(arguments: RunnerArguments) -> None:
    """Hold one call."""
    if not isinstance(arguments, SmallWebRTCRunnerArguments):
        raise TypeError("this example talks WebRTC to a browser: run it without --transport")
    transport = SmallWebRTCTransport(
        arguments.webrtc_connection, TransportParams(audio_in_enabled=True, audio_out_enabled=True)
    )
    context = LLMContext(
        [{"role": "system", "content": "You answer questions about orders, briefly."}],
        tools=[order_status],
    )
    aggregators = LLMContextAggregatorPair(
        context, user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    )
    pipeline = Pipeline(
        [
            transport.input(),
            DeepgramSTTService(api_key=os.environ["DEEPGRAM_API_KEY"]),
            aggregators.user(),
            OpenAILLMService(api_key=os.environ["OPENAI_API_KEY"]),
            CartesiaTTSService(api_key=os.environ["CARTESIA_API_KEY"]),
            transport.output(),
            aggregators.assistant(),
        ]
    )
    worker = PipelineWorker(pipeline)

    @transport.event_handler("on_client_connected")
    async def greet(*_: Any) -> None:
        await worker.queue_frame(LLMRunFrame())

    @transport.event_handler("on_client_disconnected")
    async def hang_up(*_: Any) -> None:
        await worker.cancel()

    runner = WorkerRunner()
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
