"""The user's frames in: voice activity, transcripts and turn decisions, as verbs on the Session."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from voicespan.attributes import KIND_STT, WAITED_FOR_SILENCE, WAITED_FOR_TRANSCRIPT
from voicespan.integrations.instants import instant_of
from voicespan.integrations.pipecat.server_vad import ServerVad
from voicespan.integrations.pipecat.services import REALTIME, STT, Service
from voicespan.primitives.handles import SttHandle
from voicespan.primitives.session import Session

_AT_ONCE = 0.05
"""A decision taken within this many seconds of a transcript had waited for it."""


class Caller:
    """What the user does."""

    def __init__(self, session: Session, heard: Callable[[float], None]) -> None:
        """Begin in silence. `heard` is told the instant at which all the user said was there."""
        self._session = session
        self._heard = heard
        self._realtime: Service | None = None
        self._has_voice_activity = False
        self._by_turn = False
        self._committed = False
        self._muted = False
        self._transcribed_at: float | None = None
        self._probability: float | None = None
        self._unbilled = 0.0

    def adopt(self, service: Service) -> None:
        """Learn what recognition consumes; called whether or not metrics are enabled."""
        if service.role == REALTIME:
            self._realtime = service
            ServerVad(service, self._server_heard_start, self._server_heard_stop)
        elif service.role == STT:
            service.before("start_stt_usage_metrics", self._consumed)

    def _consumed(self, usage: Any) -> None:
        self._unbilled += float(getattr(usage, "audio_seconds", 0.0) or 0.0)

    def voice_started(self, frame: Any, service: Service) -> None:
        """The VAD heard speech, `start_secs` after it had begun."""
        self._has_voice_activity = True
        onset = frame.timestamp - frame.start_secs
        self._session.user_started_speaking(at=onset)

    def voice_stopped(self, frame: Any, service: Service) -> None:
        """The VAD heard silence, `stop_secs` after it had begun."""
        self._session.user_stopped_speaking(hangover=frame.stop_secs, at=frame.timestamp)
        self._heard(instant_of(frame.timestamp - frame.stop_secs))

    def _server_heard_start(self, at: float, item: str | None) -> None:
        """A realtime provider heard speech; it says so before Pipecat has a frame of it."""
        self._has_voice_activity = True
        self._committed = False
        self._session.user_started_speaking(at=at)

    def _server_heard_stop(self, at: float, item: str | None) -> None:
        """A realtime provider heard the end of the turn: that is its decision, too.

        Its transcript may come when the next utterance has begun: the item tells them apart.
        """
        self._session.user_stopped_speaking(at=at)
        if item is not None and self._realtime is not None and self._realtime.transcribes():
            self._session.stage(KIND_STT, key=item, **self._realtime.recognition())
        self._decided()

    def turn_started(self, frame: Any, service: Service) -> None:
        """A user turn began: the onset, too, where nothing else tells it (server-side VAD)."""
        self._committed = False
        if not self._has_voice_activity and self._transcribed_at is None:
            self._by_turn = True
            self._session.user_started_speaking()

    def turn_stopped(self, frame: Any, service: Service) -> None:
        """The user turn ended."""
        if self._by_turn:
            self._by_turn = False
            self._session.user_stopped_speaking()
        self.committed(frame, service)

    def committed(self, frame: Any, service: Service) -> None:
        """The decision; 1.14 says so twice, around the request that follows from it."""
        decides = self._realtime is not None and self._realtime.decides_turns()
        if not self._committed and not (decides and service.role != REALTIME):
            self._decided()

    def _decided(self) -> None:
        self._committed = True
        waited = None if self._transcribed_at is None else time.monotonic() - self._transcribed_at
        for_transcript = waited is not None and waited <= _AT_ONCE
        self._session.turn_committed(
            waited_for=WAITED_FOR_TRANSCRIPT if for_transcript else WAITED_FOR_SILENCE,
            probability=self._probability,
        )
        self._transcribed_at = self._probability = None
        self._heard(time.monotonic())

    def transcribed(self, frame: Any, service: Service) -> None:
        """Words, interim or final. A muted user's are recognised and then dropped."""
        if self._muted or service.role not in (STT, REALTIME, None):
            return
        final = any(base.__name__ == "TranscriptionFrame" for base in type(frame).__mro__)
        realtime = service.role == REALTIME  # its transcript is by the way: nothing waits for it
        facts = service.recognition() if realtime else service.facts()
        item = getattr(getattr(frame, "result", None), "item_id", None) if realtime else None
        stt = self._session.stage(KIND_STT, key=item, **facts)
        if isinstance(stt, SttHandle):
            stt.transcript(frame.text, final=final, language=_language(frame))
        if final:
            self._transcribed_at = self._transcribed_at if realtime else time.monotonic()
            stt.usage(audio_seconds=self._unbilled or None)
            self._unbilled = 0.0

    def muted(self, frame: Any, service: Service) -> None:
        """What the user says is ignored from here on."""
        self._muted = True

    def unmuted(self, frame: Any, service: Service) -> None:
        """The user counts again."""
        self._muted = False

    def metrics(self, frame: Any, service: Service) -> None:
        """A turn model's opinion of whether the user was done."""
        for data in frame.data:
            probability = getattr(data, "probability", None)
            if isinstance(probability, int | float) and hasattr(data, "is_complete"):
                self._probability = float(probability)


def _language(frame: Any) -> str | None:
    language = getattr(frame, "language", None)
    return str(getattr(language, "value", language)) if language else None
