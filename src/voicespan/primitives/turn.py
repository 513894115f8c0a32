"""One turn said outright by the application in, its stages' handles out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from voicespan._guard import guarded, warn_once
from voicespan.attributes import (
    KIND_AGENT_SPEECH,
    KIND_LLM,
    KIND_REALTIME,
    KIND_STT,
    KIND_TOOL,
    KIND_TTS,
    KIND_USER_SPEECH,
)
from voicespan.primitives.checks import is_error, is_name
from voicespan.primitives.handle import inert
from voicespan.primitives.handles import (
    CANCELLED,
    AgentSpeechHandle,
    LlmHandle,
    StageHandle,
    SttHandle,
    ToolHandle,
    TtsHandle,
    UserSpeechHandle,
    handle_of,
)
from voicespan.primitives.records import (
    Event,
    Turn,
    add_event,
    exception_event,
    set_attribute,
)

if TYPE_CHECKING:
    from voicespan.primitives.conversation import Conversation


class TurnHandle:
    """One exchange. In a `with` block it closes and settles with the block.

    Entering joins the turn that is open already, which leaving does not close; until then the
    handle is inert.
    """

    def __init__(self, session: Conversation | None, record: Turn | None = None) -> None:
        """Refer to a turn under way, or to the one that entering will open."""
        self.record = record
        self._session = session
        self._opened = self._joined = False
        self._entered = ExitStack()

    @guarded(None)
    def start(self, *, at: float | None = None) -> None:
        """Open the turn, or join the open one."""
        if self.record is not None:
            self._joined = self._joined or not self._opened
        elif self._session is not None:
            entered = self._session.call.tell(self._session.call.tracker.turn_entered, at)
            self.record, self._opened = entered or (None, False)
            self._joined = not self._opened

    @guarded(None)
    def stop(self, *, at: float | None = None) -> None:
        """Close the turn, unless it was only joined; it settles at once."""
        session = self._session
        if session is not None and not session.ended and not self._joined:
            self._note(session.call.tracker.turn_left, at)

    @guarded(None)
    def fail(self, error: BaseException | str, *, at: float | None = None) -> None:
        """The turn as a whole failed."""

        def note(record: Turn, t: int) -> None:
            if record.error is not None and record.error is error:
                return  # it passes through a turn that was joined
            record.error = error if is_error(error) else "unknown"
            add_event(record.events, exception_event(record.error, t))

        self._note(note, at)

    @guarded(None)
    def interrupt(self, *, at: float | None = None) -> None:
        """The turn was cut short."""

        def note(record: Turn, _: int) -> None:
            record.outcome = "interrupted"

        self._note(note, at)

    @guarded(None)
    def set_attribute(self, name: str, value: object) -> None:
        """Set an attribute of your own on the turn's span."""
        record, session = self.record, self._session
        if record is not None and session is not None and is_name(name, "attribute"):

            def write() -> None:
                if not record.settled:
                    set_attribute(record.attributes, name, value)

            session.call.write(write)

    @guarded(None)
    def event(
        self, name: str, attributes: Mapping[str, Any] | None = None, *, at: float | None = None
    ) -> None:
        """Add an event to the turn's span."""
        if is_name(name, "event"):
            given = dict(attributes) if isinstance(attributes, Mapping) else {}
            self._note(lambda record, t: add_event(record.events, Event(name, t, given)), at)

    @guarded(inert(UserSpeechHandle))
    def user_speech(self) -> UserSpeechHandle:
        """The user speaking."""
        return UserSpeechHandle(self._live, KIND_USER_SPEECH)

    @guarded(inert(SttHandle))
    def stt(self, *, provider: str | None = None, model: str | None = None) -> SttHandle:
        """Speech recognition."""
        return SttHandle(self._live, KIND_STT, **self._of(provider=provider, model=model))

    @guarded(inert(LlmHandle))
    def llm(
        self, *, provider: str | None = None, model: str | None = None, **request: object
    ) -> LlmHandle:
        """One request to a language model; `request`: `temperature`, `max_tokens`, …."""
        facts = self._of(provider=provider, model=model, **request)
        return LlmHandle(self._live, KIND_LLM, **facts)

    @guarded(inert(LlmHandle))
    def realtime(self, *, provider: str | None = None, model: str | None = None) -> LlmHandle:
        """One generation of a speech-to-speech model."""
        return LlmHandle(self._live, KIND_REALTIME, **self._of(provider=provider, model=model))

    @guarded(inert(ToolHandle))
    def tool(
        self, name: str, *, arguments: object = None, call_id: str | None = None
    ) -> ToolHandle:
        """One tool call."""
        facts = self._of(name=name, arguments=arguments, call_id=call_id)
        return ToolHandle(self._live, KIND_TOOL, **facts)

    @guarded(inert(TtsHandle))
    def tts(
        self, *, provider: str | None = None, model: str | None = None, voice: str | None = None
    ) -> TtsHandle:
        """One synthesis of speech."""
        facts = self._of(provider=provider, model=model, voice=voice)
        return TtsHandle(self._live, KIND_TTS, **facts)

    @guarded(inert(AgentSpeechHandle))
    def agent_speech(self) -> AgentSpeechHandle:
        """The agent being heard."""
        return AgentSpeechHandle(self._live, KIND_AGENT_SPEECH)

    @guarded(inert(StageHandle))
    def stage(self, kind: str, **facts: object) -> StageHandle:
        """Any other piece of work, by one of the schema's kinds or a word of your own."""
        return handle_of(kind)(self._live, kind, **self._of(**facts))

    def __enter__(self) -> Self:
        self.start()
        self._attach()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._detach()
        if isinstance(error, CANCELLED):
            if not self._joined:
                self.interrupt()
        elif error is not None:
            self.fail(error)
        self.stop()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, tb)

    @property
    def _live(self) -> Conversation | None:
        if self.record is not None:
            return self._session
        if self._session is not None and not self._session.ended:
            warn_once("turn.inert", "a turn was used before it was entered or started")
        return None

    def _note(self, write: Callable[[Turn, int], object], at: float | None) -> None:
        record, session = self.record, self._session
        if record is not None and session is not None and not record.settled:
            session.call.tell(lambda t: record.settled or write(record, t), at)

    def _of(self, **facts: object) -> dict[str, Any]:
        return {"turn": self.record, "facts": facts}

    @guarded(None)
    def _attach(self) -> None:
        if self._session is not None and self.record is not None:
            self._entered.enter_context(self._session.attached())

    @guarded(None)
    def _detach(self) -> None:
        self._entered.close()
