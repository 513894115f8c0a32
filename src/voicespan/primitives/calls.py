"""Identities in, live sessions out: the calls under way in this process, bounded."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from typing import Any, Final

from voicespan._fork import reset_in_child
from voicespan._guard import warn_once
from voicespan.primitives.clock import Clock, SystemClock
from voicespan.primitives.current import identity_var
from voicespan.primitives.listener import ListenerFactory
from voicespan.primitives.records import Identity
from voicespan.primitives.session import Session
from voicespan.primitives.worker import Scheduler, Worker

MAX_SESSIONS = 10_000
"""Calls under way at most; opening one more ends the oldest, which was surely left open."""


class Calls:
    """Opens sessions for every source, and knows which are under way."""

    def __init__(
        self,
        listeners: tuple[ListenerFactory, ...] = (),
        *,
        clock: Clock | None = None,
        worker: Scheduler | None = None,
        defaults: dict[str, Any] | None = None,
    ) -> None:
        """Give every session these listeners; `defaults` identifies calls not told otherwise."""
        self.clock = clock or SystemClock()
        self.worker = worker or Worker(self.clock)
        self._listeners = listeners
        self._defaults = defaults or {}
        self._open: OrderedDict[int, Session] = OrderedDict()
        self._lock = threading.Lock()
        reset_in_child(self._leave_to_parent)

    def open(
        self, *, session_id: str | None = None, commits: bool = False, **known: object
    ) -> Session:
        """Begin a call. `session_id`: the framework's own; else the external id, else a new one."""
        identity = Identity(session_id="")
        announced = identity_var.get() or {}
        for said in (self._defaults, announced, known):
            identity.learn(said)
        announced.clear()  # in every context that shares it: it was said of one call
        chosen = identity.external_session_id or session_id
        identity.session_id = str(chosen or uuid.uuid4())
        session = Session(
            identity,
            self.clock,
            self.worker,
            listeners=self._listeners,
            commits=commits,
            on_end=self._forget,
        )
        self._remember(session)
        return session

    def listen(self, factory: ListenerFactory) -> None:
        """Give every session opened from now on one more listener."""
        self._listeners = (*self._listeners, factory)

    def under_way(self) -> list[Session]:
        """Return the sessions that have not ended, oldest first."""
        with self._lock:
            return list(self._open.values())

    def end_all(self, reason: str) -> None:
        """End every session under way."""
        for session in self.under_way():
            session.end(reason)

    def _leave_to_parent(self) -> None:
        """Forget every call, in a forked child: they go on, and end, in its parent."""
        self._lock = threading.Lock()
        left, self._open = self._open, OrderedDict()
        for session in left.values():
            session.call.leave_to_parent()

    def _remember(self, session: Session) -> None:
        with self._lock:
            self._open[id(session)] = session
            oldest = next(iter(self._open.values())) if len(self._open) > MAX_SESSIONS else None
        if oldest is not None:
            warn_once("sessions", "more than %d sessions are open; ending the oldest", MAX_SESSIONS)
            oldest.end("lost")

    def _forget(self, session: Session) -> None:
        with self._lock:
            self._open.pop(id(session), None)


class CallsInForce:
    """Which `Calls` opens sessions now: that of the last `instrument()` or `capture()`."""

    def __init__(self) -> None:
        """Begin uninstrumented: sessions work, and nobody listens."""
        self._stack = [Calls()]

    def current(self) -> Calls:
        """Return the calls in force."""
        return self._stack[-1]

    def enter(self, calls: Calls) -> None:
        """Put calls in force."""
        self._stack.append(calls)

    def leave(self, calls: Calls) -> None:
        """Take calls out of force, wherever they stand."""
        if calls in self._stack[1:]:
            self._stack.remove(calls)


in_force: Final = CallsInForce()
