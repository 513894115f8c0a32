"""A live caller in, paced audio frames through Pipecat, and the exact truth of who spoke when out.

Real subclasses of Pipecat's transports: 20 ms of 16 kHz audio arrive in real time, and what the
bot says is "played" in real time, so that queues, interruptions and cut-offs behave as on a call.
"""

import asyncio
import time
from collections.abc import Callable

from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    StartFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import BaseTransport, TransportParams

from voicespan.demo.milestone import Milestone
from voicespan.demo.truth import AgentSpeech, Instant, UserSpeech

CALLER_RATE = 16_000
FRAME_SECONDS = 0.02
FRAME_BYTES = round(CALLER_RATE * FRAME_SECONDS) * 2
JITTER_SECONDS = 0.02  # a chunk this late still follows the last one without a gap


class Caller:
    """The person on the phone: silent unless told to say something.

    `line` is what their voice passes through: a frame in, the frame that arrives out.
    """

    def __init__(self, line: Callable[[bytes], bytes] = bytes) -> None:
        self._line = line
        self.spoken: list[UserSpeech] = []
        self._pending: list[tuple[UserSpeech, bytes, bool]] = []

    def say(self, pcm: bytes, text: str = "") -> UserSpeech:
        """Speak from the next frame on (or after what is being said); returns its record."""
        speech = UserSpeech(text)
        starts = range(0, len(pcm), FRAME_BYTES)
        for start in starts:
            frame = pcm[start : start + FRAME_BYTES].ljust(FRAME_BYTES, b"\0")
            self._pending.append((speech, frame, start == starts[-1]))
        self.spoken.append(speech)
        return speech

    def next_frame(self) -> bytes:
        """The 20 ms just captured: it began 20 ms ago."""
        if not self._pending:
            return self._line(bytes(FRAME_BYTES))
        speech, frame, last = self._pending.pop(0)
        if speech.onset is None:
            speech.onset = Instant.now(offset=-FRAME_SECONDS)
            speech.started.set()
        if last:
            speech.end = Instant.now()
            speech.ended.set()
        return self._line(frame)


class CallerInput(BaseInputTransport):
    """Pushes the caller's audio at real-time pace."""

    def __init__(self, params: TransportParams, caller: Caller) -> None:
        super().__init__(params)
        self._caller = caller
        self._feeder: asyncio.Task[None] | None = None

    async def start(self, frame: StartFrame) -> None:
        """Begin listening."""
        await super().start(frame)
        await self.set_transport_ready(frame)
        self._feeder = self.create_task(self._feed())

    async def stop(self, frame: EndFrame) -> None:
        """Stop listening at the end of the pipeline."""
        await self._stop_feeding()
        await super().stop(frame)

    async def cancel(self, frame: CancelFrame) -> None:
        """Stop listening at once."""
        await self._stop_feeding()
        await super().cancel(frame)

    async def cleanup(self) -> None:
        """Stop listening if nothing else did."""
        await self._stop_feeding()
        await super().cleanup()  # type: ignore[no-untyped-call]  # Pipecat leaves it unannotated

    async def _stop_feeding(self) -> None:
        feeder, self._feeder = self._feeder, None
        if feeder is not None:
            await self.cancel_task(feeder)

    async def _feed(self) -> None:
        due = time.monotonic()
        while True:
            due += FRAME_SECONDS
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await self.push_audio_frame(
                InputAudioRawFrame(self._caller.next_frame(), CALLER_RATE, 1)
            )


class EarpieceOutput(BaseOutputTransport):
    """Plays the bot's audio in real time and writes down what was heard."""

    def __init__(self, params: TransportParams, is_voice: Callable[[bytes], bool]) -> None:
        super().__init__(params)
        self._is_voice = is_voice
        self._run: AgentSpeech | None = None
        self._free_at = 0.0
        self.runs: list[AgentSpeech] = []
        self.interruptions: list[Instant] = []
        self.started = Milestone()
        self.audible = Milestone()
        self.stopped = Milestone()

    async def start(self, frame: StartFrame) -> None:
        """Begin playing."""
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Note the moment an interruption reaches the earpiece."""
        if isinstance(frame, InterruptionFrame):
            self.interruptions.append(Instant.now())
            if self._run is not None:
                self._run.cut = True
        elif isinstance(frame, CancelFrame) and self._run is not None:
            self._run.cut = True
        await super().process_frame(frame, direction)

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Delimit runs where the base class does: at its own bot started and stopped."""
        if direction is FrameDirection.DOWNSTREAM:
            if isinstance(frame, BotStartedSpeakingFrame):
                self.started.reach()
            elif isinstance(frame, BotStoppedSpeakingFrame):
                self._run = None
                self.stopped.reach()
        await super().push_frame(frame, direction)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Play one chunk; returns, as WebRTC transports do, when it has been played."""
        seconds = len(frame.audio) / (frame.sample_rate * frame.num_channels * 2)
        now = time.monotonic()
        begin = self._free_at if now - self._free_at < JITTER_SECONDS else now
        self._free_at = begin + seconds
        run = self._run_at(Instant.now(offset=begin - now), frame.audio)
        try:
            await asyncio.sleep(self._free_at - now)
        finally:  # an interruption may cut the chunk short
            self._free_at = min(self._free_at, time.monotonic())
            run.heard += max(0.0, self._free_at - begin)
            run.last_played = Instant.now(offset=self._free_at - time.monotonic())
        return True

    def _run_at(self, moment: Instant, audio: bytes) -> AgentSpeech:
        if self._run is None:
            self._run = AgentSpeech(moment, moment)
            self.runs.append(self._run)
        if self._run.first_audible is None and self._is_voice(audio):
            self._run.first_audible = moment
            self.audible.reach()
        return self._run


class CallTransport(BaseTransport):
    """Both ends of one phone call."""

    def __init__(
        self, is_voice: Callable[[bytes], bool], *, line: Callable[[bytes], bytes] = bytes
    ) -> None:
        super().__init__()
        params = TransportParams(
            audio_in_enabled=True, audio_out_enabled=True, audio_out_end_silence_secs=0
        )
        self.caller = Caller(line)
        self._input = CallerInput(params, self.caller)
        self._output = EarpieceOutput(params, is_voice)

    def input(self) -> CallerInput:
        """The caller's microphone."""
        return self._input

    def output(self) -> EarpieceOutput:
        """The caller's earpiece."""
        return self._output
