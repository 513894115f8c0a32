"""A fact and its time in, what it changed published to the listeners out: one lock per call."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeGuard, TypeVar

from voicespan._guard import guard, warn_once
from voicespan.primitives.clock import NANOSECONDS, Clock, SessionClock
from voicespan.primitives.exchange import Patience
from voicespan.primitives.ledger import Naming, Placed
from voicespan.primitives.listener import Listener
from voicespan.primitives.records import Event, add_event
from voicespan.primitives.tracker import Tracker
from voicespan.primitives.worker import Scheduler

T = TypeVar("T")

PATIENCE = Patience(no_response_after=10 * NANOSECONDS, grace=2 * NANOSECONDS)
_SKEW = NANOSECONDS
_OLDEST = 1_000_000_000
"""The year 2001: what is below it on a machine that is not is a monotonic time, not an epoch's."""


class Call:
    """The state of one call, safe to tell from any thread.

    A call may be told after the fact (`at` in the past): timeouts then run on the time line of
    the facts, not on the present.
    """

    def __init__(
        self, clock: Clock, worker: Scheduler, *, commits: bool, agent: Naming = lambda: None
    ) -> None:
        """Begin now, without listeners; `agent` says what the agent is called just now."""
        self.listeners: Sequence[Listener] = ()
        self.tracker = Tracker(PATIENCE, commits=commits, agent=agent)
        self.worker = worker
        self.events: list[Event] = []
        self.lock = threading.RLock()
        self._machine = clock
        self._clock = SessionClock(clock)
        self._lag = 0
        self.wakes_at: int | None = None
        self._told = False
        self.started_at = self._clock.now()
        self.ended_at: int | None = None

    def tell(self, fact: Callable[[int], T], at: object = None) -> T | None:
        """Apply a fact at epoch second `at` (default now) and publish what changed.

        Returns what `fact` does with its time (nanoseconds), None once the call has ended.
        """
        with self.lock:
            if self._over():
                return None
            instant = self.instant(at)
            self.tracker.advance(self._present())
            result = fact(instant)
            self._told = self._told or bool(self.events) or not self.tracker.blank
            self._publish()
            self._schedule()
            return result

    def write(self, change: Callable[[], object]) -> None:
        """Change a record where time plays no part; nothing once the call has ended."""
        with self.lock:
            if not self._over():
                change()

    def instant(self, at: object = None) -> int:
        """Return `at` (epoch seconds, default now) on the call's own clock, in nanoseconds."""
        now = self._clock.now()
        if at is None:
            self._lag = 0
            return now
        if not self._is_time(at):
            warn_once("at.type", "`at` is not a time in epoch seconds: %r; using now", at)
            return now
        placed = self._clock.place(at)
        if placed > now:
            if placed > now + _SKEW:
                warn_once("at.future", "`at` lies in the future; using now")
            placed = now
        if placed < self.started_at:
            placed = self._before_the_start(placed)
        late = max(0, now - placed)  # told late is one fact; told after the fact, a whole call
        self._lag = min(self._lag, late) if self._told else late
        return placed

    def now(self) -> int:
        """Return the present on the call's own clock, in nanoseconds."""
        return self._clock.now()

    def start_at(self, at: object) -> None:
        """Let the call begin at epoch second `at`, unless something has been told already."""
        with self.lock:
            if not self._told and at is not None:
                self.started_at = min(self.started_at, self.instant(at))

    def end(self, at: object = None) -> bool:
        """End the call: everything settles, the listeners are told. False if it had ended."""
        with self.lock:
            if self.ended_at is not None:
                return False
            ended_at = self.now()
            with guard("call.end"):
                ended_at = self.instant(at)
                self.tracker.advance(self._present())
                for event in self.tracker.ended(ended_at):
                    add_event(self.events, event)
                self._publish()
            self.ended_at = ended_at
            for listener in self.listeners:
                with guard("listener.ended"):
                    listener.ended()
            return True

    def flush(self) -> None:
        """Settle every closed turn at once."""
        with self.lock:
            self.tracker.settle_all()
            self._publish()

    def leave_to_parent(self) -> None:
        """Be over, unannounced, in a forked child: the call is its parent's."""
        self.lock = threading.RLock()
        self.listeners = ()
        self.ended_at = self.now()

    def tick(self) -> None:
        """Let time pass: what has taken too long is given up on."""
        with self.lock:
            self.wakes_at = None
            if self.ended_at is None:
                self.tracker.advance(self._present())
                self._publish()
                self._schedule()

    def _over(self) -> bool:
        if self.ended_at is not None:
            warn_once("session.ended", "something was reported after its session had ended")
        return self.ended_at is not None

    def _present(self) -> int:
        return self._clock.now() - self._lag

    def _is_time(self, at: object) -> TypeGuard[float]:
        if isinstance(at, bool) or not isinstance(at, int | float) or not abs(at) < 1e11:
            return False
        return at >= _OLDEST or self._machine.wall_ns() < _OLDEST * NANOSECONDS

    def _before_the_start(self, placed: int) -> int:
        if not self._told:
            self.started_at = placed
        elif placed < self.started_at - _SKEW:
            warn_once("at.past", "`at` lies before the session's start; using that")
        return max(placed, self.started_at)

    def _publish(self) -> None:
        for change in self.tracker.take():
            for listener in self.listeners:
                with guard("listener"):
                    if isinstance(change, Placed):
                        listener.placed(change.stage, change.turn)
                    else:
                        listener.settled(change.turn)

    def _schedule(self) -> None:
        deadline = self.tracker.deadline()
        if deadline is None:
            return
        due = self._machine.monotonic_ns() + max(0, deadline - self._present())
        if self.wakes_at is None or due < self.wakes_at:
            self.wakes_at = due
            self.worker.call_at(due, partial(_wake, weakref.ref(self), due))


def _wake(reference: weakref.ref[Call], due: int) -> None:
    """Tick a call that still exists, unless another timer has taken this one's place."""
    call = reference()
    if call is not None and call.wakes_at == due:
        call.tick()
