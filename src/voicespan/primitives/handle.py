"""What is said of one stage of a turn in, facts on its record out."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from voicespan._guard import guarded, warn_once
from voicespan.attributes import KIND_SESSION, KIND_TURN
from voicespan.primitives.checks import is_amount, is_error, is_name, known
from voicespan.primitives.facts import state
from voicespan.primitives.records import (
    Event,
    Stage,
    StageOutcome,
    Turn,
    add_event,
    exception_event,
    set_attribute,
    set_fact,
)
from voicespan.usage import USAGE_FIELDS

if TYPE_CHECKING:
    from voicespan.primitives.conversation import Conversation
    from voicespan.primitives.tracker import Tracker

CANCELLED = (CancelledError, GeneratorExit)
"""What is raised into code whose work is no longer wanted: barge-in does this."""
_JITTER = 100_000_000

H = TypeVar("H", bound="StageHandle")


def _nowhere(_: StageHandle) -> AbstractContextManager[None]:
    return nullcontext()


class StageHandle:
    """One stage of a turn. Every method takes `at=` (epoch seconds), guards itself, never raises.

    In a `with` block cancellation interrupts the stage and any other exception fails it; both
    pass through. Without one, `start()` and `stop()` do: both may be called twice.
    """

    def __init__(
        self,
        session: Conversation | None,
        kind: str,
        *,
        key: Hashable | None = None,
        turn: Turn | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Describe a stage; it begins when started. Without a session the handle is inert."""
        self.record: Stage | None = None
        self._session = session
        self._kind = kind
        self._key = key
        self._turn = turn
        self._facts = known(**(facts or {}))
        self._entered = ExitStack()

    @guarded(None)
    def start(self, *, at: float | None = None) -> None:
        """Begin, or join the stage of the same kind and key that may still change."""
        if self._session is None or not _is_kind(self._kind):
            return
        if self.record is None:
            tracker = self._session.call.tracker
            self.record = self._session.call.tell(lambda t: self._begin(tracker, t), at)
        if self.record is not None:
            self.facts(**self._facts)

    @guarded(None)
    def stop(self, *, final: bool = True, at: float | None = None) -> None:
        """End well. `final=False`: the turn waits a little for facts (usage, say).

        A second `stop()` says that they have come.
        """
        self._finish("ok", at, final=final)

    @guarded(None)
    def fail(self, error: BaseException | str, *, at: float | None = None) -> None:
        """End in an error."""
        if not is_error(error):
            error = "unknown"
        self._started(at)
        self._finish("error", at, error=error)

    @guarded(None)
    def interrupt(self, *, final: bool = True, at: float | None = None) -> None:
        """End because it was cut short; `final=False` as in `stop()`."""
        self._finish("interrupted", at, final=final)

    @guarded(None)
    def drop(self, *, at: float | None = None) -> None:
        """What it made is thrown away, even if it had ended: nothing will come of it."""
        record, session = self.record, self._session
        if record is None or session is None or record.open or record.settled:
            self._finish("interrupted", at)
        else:
            session.call.tell(lambda _: session.call.tracker.dropped(record), at)

    @guarded(None)
    def set_attribute(self, name: str, value: object) -> None:
        """Set an attribute of your own on the stage's span."""
        if is_name(name, "attribute"):
            self._write(lambda record: set_attribute(record.attributes, name, value))

    @guarded(None)
    def event(
        self, name: str, attributes: Mapping[str, Any] | None = None, *, at: float | None = None
    ) -> None:
        """Add an event to the stage's span."""
        if is_name(name, "event"):
            given = dict(attributes) if isinstance(attributes, Mapping) else {}
            self._note(lambda record, t: add_event(record.events, Event(name, t, given)), at)

    @guarded(None)
    def facts(self, **facts: object) -> None:
        """State facts an integration knows: `provider`, `model`, …; None is no fact."""
        if facts := known(**facts):
            self._write(lambda record: state(record, facts))

    @guarded(None)
    def mark(self, name: str, *, at: float | None = None) -> None:
        """Mark an instant; the first of its name counts."""

        def note(record: Stage, t: int) -> None:
            if name not in record.marks:
                set_fact(record.marks, name, max(t, record.start))

        self._note(note, at)

    @guarded(None)
    def usage(self, **consumed: float | None) -> None:
        """Add to what the call consumed, in the names and units of `voicespan.usage.Usage`."""
        for name, amount in known(**consumed).items():
            if name not in USAGE_FIELDS or not is_amount(amount):
                warn_once(f"usage.{name}", "no usage: %s", name)
                del consumed[name]
        self._write(lambda record: _add(record.facts, consumed))

    @guarded(_nowhere)
    def attached(self) -> AbstractContextManager[None]:
        """Return a context manager within which other code's spans are children of this stage."""
        if self._session is None or self.record is None:
            return nullcontext()
        return self._session.attached(self.record)

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
        if error is None:
            self.stop()
        elif isinstance(error, CANCELLED):
            self.interrupt()
        else:
            self.fail(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, tb)

    def _begin(self, tracker: Tracker, at: int) -> Stage:
        found = tracker.find(self._kind, self._key)
        if found is not None and (found.open or not found.final):
            return found
        stage = Stage(self._kind, at, key=self._key)
        state(stage, self._facts)
        tracker.started(stage, self._turn)
        return stage

    def _end(self, tracker: Tracker, stage: Stage, at: int) -> None:
        stage.close(at)
        tracker.stopped(stage)

    def _started(self, at: float | None = None) -> Stage | None:
        if self.record is None:
            self.start(at=at)
        return self.record

    def _note(self, write: Callable[[Stage, int], object], at: float | None) -> None:
        record = self._started(at)
        if record is not None and self._session is not None:
            self._session.call.tell(lambda t: record.settled or write(record, t), at)

    def _write(self, write: Callable[[Stage], object]) -> None:
        record = self._started()
        if record is not None and self._session is not None:
            self._session.call.write(lambda: record.settled or write(record))

    def _finish(
        self,
        outcome: StageOutcome,
        at: float | None,
        *,
        error: BaseException | str | None = None,
        final: bool = True,
    ) -> None:
        record, session = self.record, self._session
        if session is None or (record is not None and record.settled):
            return
        if record is None:
            what = f"a {self._kind} was stopped that had not been started"
            session.call.write(lambda: warn_once("stage.stop", what))
            return

        def end(t: int) -> None:
            if not record.open:  # ended already, here or with its turn: only its facts were missing
                record.final = record.final or final
                return
            if t < record.start - _JITTER:
                warn_once("stage.order", "a %s ends before it began", self._kind)
            record.outcome, record.error, record.final = outcome, error, final
            if error is not None:
                add_event(record.events, exception_event(error, max(t, record.start)))
            self._end(session.call.tracker, record, t)

        session.call.tell(end, at)

    @guarded(None)
    def _attach(self) -> None:
        self._entered.enter_context(self.attached())

    @guarded(None)
    def _detach(self) -> None:
        self._entered.close()


def _is_kind(kind: object) -> bool:
    if kind in (KIND_SESSION, KIND_TURN):
        warn_once("stage.kind", "%s is no kind of stage", kind)
        return False
    return is_name(kind, "stage")


def _add(facts: dict[str, Any], consumed: Mapping[str, float | None]) -> None:
    for name, amount in known(**consumed).items():
        facts[name] = facts.get(name, 0) + amount


def inert(handle: type[H]) -> Callable[..., H]:
    """Return what a guarded factory falls back to: it makes handles that do nothing."""
    return lambda *_, **__: handle(None, "")
