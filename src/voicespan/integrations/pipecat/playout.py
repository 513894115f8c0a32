"""What the output transport writes in: when the agent was heard, how much of it, and what words."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from voicespan.attributes import KIND_AGENT_SPEECH
from voicespan.integrations.instants import epoch_of
from voicespan.integrations.pipecat.services import Service
from voicespan.integrations.pipecat.synthesis import seconds_of
from voicespan.primitives.handles import StageHandle
from voicespan.primitives.session import Session

MAX_WORDS = 512
"""Pieces of text kept that belong to audio which has not been played yet."""

_LATE = 0.2
"""`BotStoppedSpeaking` this many seconds after the last audio came from a time-out."""

_GAP = 0.1
"""Audio that comes this many seconds after what was played before it has run out left a gap."""

_SILENT = 20
"""Peak amplitude (of 32767) up to which audio counts as silence, as Pipecat's `is_silence`."""


class Playout:
    """What the caller hears of the agent, one run of audio after the other."""

    def __init__(self, session: Session) -> None:
        """Begin in silence."""
        self._session = session
        self._run: Run | None = None
        self._last: Run | None = None
        self._early: deque[str] = deque(maxlen=MAX_WORDS)
        self._pieces: deque[str] = deque(maxlen=MAX_WORDS)

    def started(self, frame: Any, service: Service) -> None:
        """The first frame is about to be written: what the caller hears begins."""
        self._run = Run(self._session.stage(KIND_AGENT_SPEECH))
        self._run.words += self._early
        self._early.clear()

    def played(self, frame: Any, service: Service) -> None:
        """A chunk was written. One more may follow the end of a cut: it was on its way."""
        if self._run is not None:
            self._run.add(frame)
        elif self._last is not None and self._last.cut:
            last, self._last = self._last, None
            last.add(frame)
            if last.speech.record is not None:
                self._session.agent_played_on(last.speech.record, heard=last.heard)

    def spoken(self, frame: Any, service: Service) -> None:
        """Take words down.

        A realtime service's are pieces ahead of their audio; others come at their time, the first
        just before it.
        """
        if getattr(frame, "includes_inter_frame_spaces", False):
            self._pieces.append(frame.text)
        elif self._run is None:
            self._early.append(frame.text)
        else:
            self._run.words.append(frame.text)

    def response_started(self) -> None:
        """A realtime answer begins: words of one that was cut unheard are nobody's."""
        if self._run is None:
            self._pieces.clear()

    def interrupted(self) -> None:
        """What is playing is cut; it stops in a moment."""
        self._early.clear()
        if self._run is not None:
            self._run.cut = True

    def stopped(self, made: float) -> None:
        """The caller hears nothing more; `made`: seconds that had been synthesised."""
        run, self._run = self._run, None
        if run is None:
            return
        if self._pieces:
            run.words.append("".join(self._pieces))
            self._pieces.clear()
        self._session.agent_stopped_speaking(
            **run.facts(made),
            interrupted=run.cut,
            text=run.text,
            final=not run.cut,
            at=epoch_of(run.last_at) if time.monotonic() - run.last_at > _LATE else None,
        )
        self._last = run

    def over(self, made: float) -> None:
        """The call ended: what is being said is not heard any further."""
        if self._run is not None:
            self._run.speech.facts(**self._run.facts(made))
            self._run = None


class Run:
    """One run of agent audio, as the transport wrote it."""

    def __init__(self, speech: StageHandle) -> None:
        """Begin with nothing written of `speech`."""
        self.speech = speech
        self.heard = 0.0
        self.cut = False
        self.words: list[str] = []
        self.last_at = time.monotonic()
        self._leading_silence = 0.0
        self._gaps = 0.0
        self._voiced = False

    @property
    def text(self) -> str | None:
        """The words played, None where the synthesiser tells none."""
        return " ".join(word.strip() for word in self.words) or None

    def facts(self, made: float) -> dict[str, float]:
        """Return what was heard, in seconds; `made`: so many had been synthesised."""
        return {
            "heard": self.heard,
            "synthesized": max(self.heard, made),
            "leading_silence": self._leading_silence,
            "gaps": self._gaps,
        }

    def add(self, frame: Any) -> None:
        """Count a chunk."""
        length, now = seconds_of(frame), time.monotonic()
        late = now - self.last_at - length
        self._gaps += late if late > _GAP else 0.0
        self.heard += length
        self.last_at = now
        if not self._voiced:
            silence = _silence_before_sound(frame)
            self._leading_silence += min(silence, length)
            self._voiced = silence < length


def _silence_before_sound(frame: Any) -> float:
    """Return the seconds of 16-bit audio before the first sample that is not silent."""
    samples = memoryview(frame.audio)[: len(frame.audio) // 2 * 2].cast("h")
    sound = next((i for i, sample in enumerate(samples) if abs(sample) > _SILENT), len(samples))
    return sound / (int(frame.sample_rate) * int(frame.num_channels))
