"""A tracing variant in, CPU seconds per audio frame through five Pipecat processors out.

One frame is under way at a time, as on a call, where one comes every 20 ms; the next is pushed as
soon as the last has come through. In bulk, all are pushed at once: every task is then woken once
for many frames, which is kinder to observers than a call is. The CPU is the whole process's:
observers' tasks and exporters' threads count.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    OutputAudioRawFrame,
    StartFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.utils.tracing.service_decorators import traced_tts

from bench.pipeline import Arrival, Passing, observed, play
from bench.rounds import Measure, Sample
from bench.variants import Tracing, switch_on

if TYPE_CHECKING:
    from pipecat.pipeline.worker import PipelineWorker

IN_RATE, OUT_RATE = 16_000, 24_000
IN_AUDIO = bytes(IN_RATE // 50 * 2)  # 20 ms
OUT_AUDIO = b"\x00\x10" * (OUT_RATE // 25)  # 40 ms, the chunk a transport writes; audible


class Voice(TTSService):
    """Speech synthesis of so many frames, each made when the last one has been played."""

    def __init__(self, arrival: Arrival, frames: int) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(model="bench", voice="sine", language=None),
        )
        self._arrival = arrival
        self._frames = frames
        self.cpu: asyncio.Future[tuple[float, float]] = asyncio.get_running_loop().create_future()

    @traced_tts  # as on every service of Pipecat's own
    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Speak; the first frame, which starts things, is not measured."""
        before = 0.0
        for number in range(self._frames + 1):
            yield TTSAudioRawFrame(OUT_AUDIO, OUT_RATE, 1, context_id=context_id)
            await self._arrival.came()
            if number == 0:
                before = time.process_time()
        self.cpu.set_result((before, time.process_time()))


class Speaker(BaseOutputTransport):
    """An output transport whose device takes audio at once."""

    def __init__(self) -> None:
        super().__init__(TransportParams(audio_out_enabled=True, audio_out_sample_rate=OUT_RATE))

    async def start(self, frame: StartFrame) -> None:
        """Begin playing."""
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Play a chunk."""
        return True


def prepare(variant: str) -> Measure:
    """Switch a variant on; both directions are one sample."""
    tracing = switch_on(variant)

    def measure(size: int) -> Sample:
        heard = asyncio.run(_input(tracing, size, in_flight=1))
        bulk = asyncio.run(_input(tracing, size, in_flight=size))
        said = asyncio.run(_output(tracing, size))
        if tracing.spans is not None and tracing.spans() == 0:
            raise AssertionError(f"{variant} traced nothing")
        return {"input": heard / size, "bulk": bulk / size, "output": said / size}

    return measure


async def _input(tracing: Tracing, size: int, *, in_flight: int) -> float:
    arrival = Arrival(InputAudioRawFrame)
    first, *others = (Passing() for _ in range(4))

    async def script(worker: PipelineWorker) -> float:
        gc.collect()
        before = time.process_time()
        for pushed in range(1, size + 1):
            frame = InputAudioRawFrame(IN_AUDIO, IN_RATE, 1)
            await first.queue_frame(frame, FrameDirection.DOWNSTREAM)
            while arrival.count <= pushed - in_flight:
                await arrival.came()
        while arrival.count < size:
            await arrival.came()
        await observed(worker)
        return time.process_time() - before

    return await play([first, *others, arrival], tracing.options, script)


async def _output(tracing: Tracing, size: int) -> float:
    arrival = Arrival(OutputAudioRawFrame)
    voice = Voice(arrival, size)
    processors: list[FrameProcessor] = [voice, Speaker(), Passing(), Passing()]

    async def script(worker: PipelineWorker) -> float:
        gc.collect()
        await worker.queue_frame(TTSSpeakFrame("Hello."))
        before, after = await voice.cpu
        lagging = time.process_time()
        await observed(worker)
        return after - before + time.process_time() - lagging

    return await play([*processors, arrival], tracing.options, script)
