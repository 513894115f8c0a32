"""A script in; a speech-to-text service that predicts the end of a turn before it commits, out.

Pipecat 1.14 calls this eager end of turn (Deepgram Flux has it); older versions have no such
thing, and importing this module there fails.
"""

from collections.abc import AsyncGenerator, Mapping

from pipecat.frames.frames import (
    Frame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
)
from pipecat.turns.eager_end_of_turn_mixin import EagerEndOfTurnSTTServiceMixin

from voicespan.demo.pipecat_services import ScriptedSTT, voiced


class EagerSTT(EagerEndOfTurnSTTServiceMixin, ScriptedSTT):
    """Owns turn detection: proposes start and stop, and predicts the stop `eager_after` silence.

    `predictions` maps a final transcript to the different text predicted for it, if any.
    """

    def __init__(
        self, *, eager_after: float = 0.15, predictions: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(enable_eager_end_of_turn=True)
        self._eager_after = eager_after
        self._predictions = predictions or {}

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Transcribe as before, with the proposals and the prediction around it."""
        idle = self._heard is None
        async for frame in super().run_stt(audio):
            yield frame
            if isinstance(frame, TranscriptionFrame):
                self._eager_end_of_turn_pending = False
                await self.broadcast_frame(ProposedUserStoppedSpeakingFrame)
        if idle and self._heard is not None:
            await self.broadcast_frame(ProposedUserStartedSpeakingFrame)
        await self._predict(voice=voiced(audio))

    async def _predict(self, *, voice: bool) -> None:
        if voice:
            await self._cancel_eager_end_of_turn()  # type: ignore[no-untyped-call]  # theirs
            return
        due = self._silence >= self._eager_after and not self.eager_end_of_turn_pending
        if self._heard is not None and due:
            text = self._predictions.get(self._heard.text, self._heard.text)
            await self._push_eager_end_of_turn(text, user_id=self._user_id)
