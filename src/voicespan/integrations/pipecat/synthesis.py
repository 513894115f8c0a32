"""Text given to a speech synthesiser and its audio in, one `tts` stage per speech context out."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from voicespan._guard import guarded
from voicespan.attributes import KIND_TTS
from voicespan.integrations.pipecat.services import TTS, Service
from voicespan.primitives.handles import StageHandle, TtsHandle
from voicespan.primitives.session import Session

MAX_CONTEXTS = 64
"""Speech contexts remembered, open and over."""


class Synthesis:
    """What is made to be heard. A context is one answer, however many sentences it has."""

    def __init__(self, session: Session) -> None:
        """Begin with nothing to say."""
        self._session = session
        self._open: OrderedDict[Any, StageHandle] = OrderedDict()
        self._seconds: dict[Any, float] = {}
        self._over: OrderedDict[Any, None] = OrderedDict()
        self._made = 0.0

    def adopt(self, service: Service) -> None:
        """Wrap the method to which text is given."""
        if service.role != TTS:
            return

        def around(original: Any) -> Any:
            def run_tts(text: str, *args: Any, **kwargs: Any) -> Any:
                self._submitted(service, text, args[0] if args else kwargs.get("context_id"))
                return original(text, *args, **kwargs)

            return run_tts

        service.wrap("run_tts", around)

    def take_made(self) -> float:
        """Return the seconds of audio made since this was last asked."""
        made, self._made = self._made, 0.0
        return made

    def was_cut(self, frame: Any) -> bool:
        """Return whether audio belongs to a context that has been interrupted."""
        return getattr(frame, "context_id", None) in self._over

    def audio(self, frame: Any) -> None:
        """Audio came from the synthesiser."""
        context = getattr(frame, "context_id", None)
        tts = self._open.get(context)
        if tts is None:
            return
        if context not in self._seconds:
            tts.mark("first_byte")
        length = seconds_of(frame)
        self._seconds[context] = self._seconds.get(context, 0.0) + length
        self._made += length

    def stopped(self, frame: Any, service: Service) -> None:
        """A context has all its audio."""
        context = getattr(frame, "context_id", None)
        if context in self._open:
            self._close(context).stop()

    def interrupted(self) -> None:
        """What has not been played is dropped; no open context gets a `TTSStopped` any more."""
        for context in list(self._open):
            self._close(context).interrupt()
            self._over[context] = None
        while len(self._over) > MAX_CONTEXTS:
            self._over.popitem(last=False)

    def failed(self, error: BaseException | str) -> None:
        """The synthesiser failed, and every open context with it."""
        for context in list(self._open):
            self._close(context).fail(error)

    @guarded(None)
    def _submitted(self, service: Service, text: str, context: Any) -> None:
        if context in self._over:  # half a sentence, flushed after its context was interrupted
            return
        tts = self._session.stage(KIND_TTS, key=context, **service.facts())
        if isinstance(tts, TtsHandle):
            tts.text(text)
            tts.usage(characters=len(text))
        self._open[context] = tts
        if len(self._open) > MAX_CONTEXTS:
            self._close(next(iter(self._open)))

    def _close(self, context: Any) -> StageHandle:
        tts = self._open.pop(context)
        tts.usage(audio_seconds=self._seconds.pop(context, None))
        return tts


def seconds_of(frame: Any) -> float:
    """Return how long a frame of 16-bit audio lasts."""
    return len(frame.audio) / (2 * int(frame.sample_rate) * int(frame.num_channels))
