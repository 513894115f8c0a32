"""A realtime provider's own voice activity detection in, when the user really spoke out.

OpenAI and those that speak its protocol tell where in the audio they were sent speech began and
ended. Pipecat's frames carry neither (`_handle_evt_speech_started`, `_handle_evt_speech_stopped`:
OpenAI 0.0.105 → 1.14; xAI, Inworld and Azure have them too), so their handlers are wrapped, and
the audio that is sent is counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from voicespan.integrations.instants import epoch_of
from voicespan.integrations.pipecat.services import Service, setting

Boundary = Callable[[float, str | None], None]
"""Takes the epoch second of a boundary of speech, and the utterance's id."""

_PREFIX, _SILENCE = 0.3, 0.5
"""What OpenAI and its like use unless told otherwise; they say so before anybody listens."""

_DETECTION = ("audio.input.turn_detection", "turn_detection")

_OLDEST = 30.0
"""A position further back than this many seconds is none on the audio that was counted."""


class ServerVad:
    """Follows one service; `started` and `stopped` are told the true boundaries.

    The positions include the prefix before speech and the silence after it that the session is
    configured with. Semantic detection has no fixed silence: there the end is the latest possible.
    """

    def __init__(self, service: Service, started: Boundary, stopped: Boundary) -> None:
        """Wrap the methods of a service that has them."""
        self._started = started
        self._stopped = stopped
        self._sent = 0.0
        self._sent_at = time.monotonic()
        self._prefix, self._silence = _PREFIX, _SILENCE
        asked = setting(service.processor, "_settings.session_properties")
        self._learn(setting(asked, *_DETECTION))
        service.before("_send_user_audio", self._sending)
        service.before("_disconnect", self._restart)
        service.before("_handle_evt_session_updated", self._configured)
        service.before("_handle_evt_speech_started", self._speech_started)
        service.before("_handle_evt_speech_stopped", self._speech_stopped)

    def _sending(self, frame: Any) -> None:
        self._sent += len(frame.audio) / (2 * frame.sample_rate * frame.num_channels)
        self._sent_at = time.monotonic()

    def _restart(self, *_: Any) -> None:
        self._sent = 0.0

    def _configured(self, event: Any) -> None:
        """Learn what is in force: the provider states its defaults, too."""
        self._learn(setting(event.session, *_DETECTION))

    def _learn(self, detection: Any) -> None:
        if detection is not None:
            self._prefix = _seconds(getattr(detection, "prefix_padding_ms", None))
            self._silence = _seconds(getattr(detection, "silence_duration_ms", None))

    def _speech_started(self, event: Any) -> None:
        at = self._at(getattr(event, "audio_start_ms", None), self._prefix)
        self._started(at, getattr(event, "item_id", None))

    def _speech_stopped(self, event: Any) -> None:
        at = self._at(getattr(event, "audio_end_ms", None), -self._silence)
        self._stopped(at, getattr(event, "item_id", None))

    def _at(self, position: int | None, correction: float) -> float:
        """Return when what lies `correction` seconds from a position in the audio was captured."""
        if position is not None:
            age = self._sent - _seconds(position) - correction
            if 0.0 <= age <= _OLDEST:
                return epoch_of(self._sent_at - age)
        return time.time() + min(correction, 0.0)


def _seconds(milliseconds: Any) -> float:
    return float(milliseconds or 0) / 1000
