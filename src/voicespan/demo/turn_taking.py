"""Voice activity in, the decision that the caller takes the turn out: not at every hum."""

import asyncio

from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_start import BaseUserTurnStartStrategy
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies


class InsistentVoice(BaseUserTurnStartStrategy):  # type: ignore[no-untyped-call]  # theirs
    """Any voice starts a turn; while the bot speaks only one that goes on for `insists` seconds.

    The seconds count from the VAD's start frame and end with its stop frame.
    """

    def __init__(self, *, insists: float = 0.5) -> None:
        super().__init__()
        self._insists = insists
        self._bot_speaking = False
        self._insisting: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Follow who is speaking."""
        if isinstance(frame, BotStartedSpeakingFrame | BotStoppedSpeakingFrame):
            self._bot_speaking = isinstance(frame, BotStartedSpeakingFrame)
        elif isinstance(frame, VADUserStartedSpeakingFrame) and not self._bot_speaking:
            await self.trigger_user_turn_started()
            return ProcessFrameResult.STOP
        elif isinstance(frame, VADUserStartedSpeakingFrame):
            self._insisting = asyncio.create_task(self._insist())
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            await self.cleanup()
        elif isinstance(frame, TranscriptionFrame) and self._bot_speaking:
            # "Uh huh" is not part of what is said next.
            await self.trigger_reset_aggregation()  # type: ignore[no-untyped-call]  # theirs
        return ProcessFrameResult.CONTINUE

    async def cleanup(self) -> None:
        """Stop waiting for the voice to insist."""
        if self._insisting is not None:
            self._insisting.cancel()
            self._insisting = None

    async def _insist(self) -> None:
        await asyncio.sleep(self._insists)
        self._insisting = None
        await self.trigger_user_turn_started()


def turn_taking() -> UserTurnStrategies:
    """Insistent voice starts a turn; silence and a transcript end it, at Pipecat's usual pace."""
    return UserTurnStrategies(start=[InsistentVoice()], stop=[SpeechTimeoutUserTurnStopStrategy()])
