"""What is said of speech, recognition, models, tools and synthesis in, facts on records out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voicespan._guard import guarded
from voicespan.attributes import (
    KIND_AGENT_SPEECH,
    KIND_LLM,
    KIND_REALTIME,
    KIND_STT,
    KIND_TOOL,
    KIND_TTS,
    KIND_USER_SPEECH,
)
from voicespan.primitives.checks import amount, is_text
from voicespan.primitives.handle import CANCELLED, StageHandle
from voicespan.primitives.records import Stage, add_text

if TYPE_CHECKING:
    from voicespan.primitives.tracker import Tracker

__all__ = [
    "CANCELLED",
    "HANDLES",
    "AgentSpeechHandle",
    "LlmHandle",
    "StageHandle",
    "SttHandle",
    "ToolHandle",
    "TtsHandle",
    "UserSpeechHandle",
    "UtteranceSttHandle",
    "handle_of",
]


class SttHandle(StageHandle):
    """Speech recognition of one utterance."""

    @guarded(None)
    def transcript(
        self,
        text: str,
        *,
        final: bool = True,
        confidence: float | None = None,
        language: str | None = None,
        at: float | None = None,
    ) -> None:
        """Words were recognised. The finals of one utterance are joined, interims only noted."""
        if not is_text(text) or not (text := text.strip()):
            return
        self._join(at)
        write = self._final if final else self._interim
        self._note(lambda record, t: write(record, text, t), at)
        self.facts(confidence=amount(confidence, "confidence"), language=language)

    def _join(self, at: float | None) -> None:
        """Refer to the utterance whose words have come."""

    def _end(self, tracker: Tracker, stage: Stage, at: int) -> None:
        heard = stage.marks.get("transcript") if stage.outcome == "ok" else None
        super()._end(tracker, stage, at if heard is None else min(at, heard))

    def _interim(self, record: Stage, text: str, at: int) -> None:
        if self._session is not None:
            self._session.call.tracker.words(at, record)

    def _final(self, record: Stage, text: str, at: int) -> None:
        at = max(at, record.start)
        add_text(record.facts, text)
        record.marks["transcript"] = at
        if record.end is not None:
            record.end = max(at, record.end)
        self._interim(record, text, at)


class UtteranceSttHandle(SttHandle):
    """Speech recognition reported by events: it joins the present utterance, from its onset.

    One handle may serve a whole call: once its utterance has its words, the next words are
    those of whatever utterance is present then.
    """

    def _join(self, at: float | None) -> None:
        if self.record is not None and (self.record.final or self.record.settled):
            self.record = None
        self.start(at=at)

    def _begin(self, tracker: Tracker, at: int) -> Stage:
        return tracker.find(self._kind, self._key) or tracker.recognition(at, self._key)

    def _final(self, record: Stage, text: str, at: int) -> None:
        record.end = max(at, record.end or record.start)
        record.final = True
        super()._final(record, text, at)


class LlmHandle(StageHandle):
    """One request to a language model, or one generation of a speech-to-speech model."""

    @guarded(None)
    def first_token(self, *, at: float | None = None) -> None:
        """The first token arrived."""
        self.mark("first_token", at=at)

    @guarded(None)
    def messages(
        self, *, input: object = None, output: object = None, system: object = None
    ) -> None:
        """State what was asked and answered: chat messages, or plain text."""
        self.facts(input=input, output=output, system=system)


class ToolHandle(StageHandle):
    """One tool call."""

    @guarded(None)
    def result(self, value: object) -> None:
        """State what the tool returned."""
        self.facts(result=value)


class TtsHandle(StageHandle):
    """One synthesis of speech."""

    @guarded(None)
    def first_byte(self, *, at: float | None = None) -> None:
        """The first audio arrived."""
        self.mark("first_byte", at=at)

    @guarded(None)
    def text(self, text: str) -> None:
        """Add to the text submitted."""
        if is_text(text):
            self._write(lambda record: add_text(record.facts, text))


class UserSpeechHandle(StageHandle):
    """The user speaking."""

    @guarded(None)
    def transcript(self, text: str, *, at: float | None = None) -> None:
        """State what was said."""
        if not is_text(text) or (session := self._session) is None:
            return
        self.facts(text=text)
        self._note(lambda record, t: session.call.tracker.words(t, record), at)

    def _begin(self, tracker: Tracker, at: int) -> Stage:
        return tracker.user_started(at)

    def _end(self, tracker: Tracker, stage: Stage, at: int) -> None:
        tracker.user_stopped(at)


class AgentSpeechHandle(StageHandle):
    """The agent being heard."""

    @guarded(None)
    def transcript(self, text: str) -> None:
        """State what was said aloud."""
        if is_text(text):
            self.facts(text=text)

    @guarded(None)
    def interrupt(
        self, *, heard: float | None = None, final: bool = True, at: float | None = None
    ) -> None:
        """The agent was cut off; `heard`: seconds played until then."""
        if heard is not None:
            self.facts(heard=amount(heard, "heard"))
        self._finish("interrupted", at, final=final)

    def _begin(self, tracker: Tracker, at: int) -> Stage:
        return tracker.agent_started(at, self._key)

    def _end(self, tracker: Tracker, stage: Stage, at: int) -> None:
        tracker.agent_stopped(at, interrupted=stage.outcome == "interrupted")


HANDLES: dict[str, type[StageHandle]] = {
    KIND_STT: UtteranceSttHandle,
    KIND_LLM: LlmHandle,
    KIND_REALTIME: LlmHandle,
    KIND_TOOL: ToolHandle,
    KIND_TTS: TtsHandle,
    KIND_USER_SPEECH: UserSpeechHandle,
    KIND_AGENT_SPEECH: AgentSpeechHandle,
}
"""What `Session.stage(kind)` returns; any other kind is a plain `StageHandle`."""


def handle_of(kind: object) -> type[StageHandle]:
    """Return what a stage of this kind is described with; what is no kind refuses to start."""
    return HANDLES.get(kind, StageHandle) if isinstance(kind, str) else StageHandle
