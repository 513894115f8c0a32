"""A call from beginning to end in, its events and endings out: one object, for every source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from contextvars import Token
from types import TracebackType
from typing import Any, Self

from voicespan._guard import guard, guarded, warn_once
from voicespan.attributes import (
    EVENT_HANDOFF,
    VOICE_HANDOFF_FROM,
    VOICE_HANDOFF_TO,
)
from voicespan.primitives.call import Call
from voicespan.primitives.checks import amount, is_error, is_name, is_text, known
from voicespan.primitives.clock import Clock
from voicespan.primitives.conversation import Conversation
from voicespan.primitives.current import session_var
from voicespan.primitives.handles import CANCELLED, StageHandle
from voicespan.primitives.listener import ListenerFactory
from voicespan.primitives.records import (
    Event,
    Identity,
    add_event,
    exception_event,
)
from voicespan.primitives.worker import Scheduler


class Session(Conversation):
    """One call. Every verb takes `at=` (epoch seconds, default now), guards itself, never raises.

    In a `with` (or `async with`) block it is the current session and ends with the block.
    """

    def __init__(
        self,
        identity: Identity,
        clock: Clock,
        worker: Scheduler,
        *,
        listeners: tuple[ListenerFactory, ...] = (),
        commits: bool = False,
        on_end: Callable[[Session], None] = lambda _: None,
    ) -> None:
        """Begin a call. `commits`: its source reports turn decisions (see `Tracker`)."""
        self.identity = identity
        self.quality: dict[str, Any] = {}
        self.outcome_text: str | None = None
        self.end_reason: str | None = None
        super().__init__(Call(clock, worker, commits=commits, agent=lambda: identity.agent))
        self.events = self.call.events
        self._on_end = on_end
        self._entered = ExitStack()
        self._token: Token[Session | None] | None = None
        for listener in listeners:
            with guard("listener.new"):
                self.call.listeners = (*self.call.listeners, listener(self))

    # --- the rest --------------------------------------------------------------------------------

    @guarded(None)
    def event(
        self, name: str, attributes: Mapping[str, Any] | None = None, *, at: float | None = None
    ) -> None:
        """Something happened: it is put on the turn under way, else the last, else the session."""
        if not is_name(name, "event"):
            return
        given = dict(attributes) if isinstance(attributes, Mapping) else {}
        self.call.tell(lambda t: self._happened(Event(name, t, given)), at)

    @guarded(None)
    def handoff(self, to: str, from_: str | None = None, *, at: float | None = None) -> None:
        """Another agent took over; later turns carry its name."""
        if not is_name(to, "handoff"):
            return
        self.event(
            EVENT_HANDOFF,
            {VOICE_HANDOFF_TO: to} | ({VOICE_HANDOFF_FROM: from_} if from_ else {}),
            at=at,
        )
        with self.call.lock:
            self.identity.agent = to

    @guarded(None)
    def error(
        self,
        error: BaseException | str,
        *,
        stage: StageHandle | None = None,
        at: float | None = None,
    ) -> None:
        """Something failed: the given stage, else the turn under way as a whole."""
        if not is_error(error):
            return
        if stage is not None:
            stage.fail(error, at=at)
        else:
            self.call.tell(lambda t: self._failed(error, t), at)

    @guarded(None)
    def transport_quality(
        self,
        *,
        mos: float | None = None,
        packet_loss: float | None = None,
        jitter: float | None = None,
        at: float | None = None,
    ) -> None:
        """The line's quality, the last said: MOS 1 to 5, packet loss as a fraction, jitter in s."""
        said = {"mos": mos, "packet_loss": packet_loss, "jitter": jitter}
        self.quality.update(known(**{name: amount(value, name) for name, value in said.items()}))

    @guarded(None)
    def outcome(self, text: str) -> None:
        """What came of the call, in the application's words (`"resolved"`)."""
        if is_text(text, "outcome"):
            self.outcome_text = text

    @guarded(None)
    def identify(self, **known: object) -> None:
        """Learn more of who is calling: `user_id`, `call_sid`, …; `attributes` are added."""
        with self.call.lock:
            self.identity.learn(known)
            self.call.tracker.named(self.identity.agent)

    @guarded(None)
    def start(self, *, at: float | None = None) -> None:
        """Let the call begin at `at`; it has begun when it was made otherwise."""
        self.call.start_at(at)

    @guarded(None)
    def end(self, reason: str | None = None, *, at: float | None = None) -> None:
        """The call is over; every turn settles. Ending twice is once."""
        if not self._end(reason or "ended", at):
            warn_once("session.end", "a session was ended twice")

    def __enter__(self) -> Self:
        self._enter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._exit(error)

    async def __aenter__(self) -> Self:
        self._enter()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._exit(error)

    @guarded(None)
    def _enter(self) -> None:
        self._token = session_var.set(self)
        self._entered.enter_context(self.attached())

    @guarded(None)
    def _exit(self, error: BaseException | None) -> None:
        self._end(_reason(error), None)
        self._entered.close()
        token, self._token = self._token, None
        if token is not None and session_var.get() is self:
            try:
                session_var.reset(token)
            except ValueError:  # left in another context than entered: another task, say
                session_var.set(None)

    def _end(self, reason: str, at: float | None) -> bool:
        with self.call.lock:
            if self.ended:
                return False
            self.end_reason = str(reason)
            self.call.end(at)
        self._on_end(self)
        return True

    def _happened(self, event: Event) -> None:
        if not self.call.tracker.happened(event):
            add_event(self.events, event)

    def _failed(self, error: BaseException | str, at: int) -> None:
        self._happened(exception_event(error, at))
        if (turn := self.call.tracker.turn) is not None:
            turn.error = error


def _reason(error: BaseException | None) -> str:
    if error is None:
        return "completed"
    return "cancelled" if isinstance(error, CANCELLED) else "error"
