"""Clock readings and framework timestamps in, nanoseconds on a session's own steady clock out."""

from __future__ import annotations

import time
from typing import Protocol

NANOSECONDS = 1_000_000_000
STEADY = 5_000_000
"""A wall clock within so many nanoseconds of where it should be has not been stepped."""


class Clock(Protocol):
    """Two readings in nanoseconds: wall time (may step) and monotonic time (never does)."""

    def wall_ns(self) -> int:
        """Return nanoseconds since the epoch."""
        ...

    def monotonic_ns(self) -> int:
        """Return nanoseconds on a clock that never steps."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def wall_ns(self) -> int:
        """Return `time.time_ns()`."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Return `time.monotonic_ns()`."""
        return time.monotonic_ns()


class SessionClock:
    """One session's time line: epoch nanoseconds fixed at its start, advanced monotonically.

    A wall timestamp is placed by its *age at receipt*, so a stepped wall clock cannot bend a turn.
    """

    def __init__(self, clock: Clock) -> None:
        """Anchor the time line to `clock`'s present."""
        self._clock = clock
        self._offset = clock.wall_ns() - clock.monotonic_ns()

    def now(self) -> int:
        """Return the present on this time line, in nanoseconds."""
        return self._clock.monotonic_ns() + self._offset

    def place(self, at: float) -> int:
        """Return where a wall timestamp (epoch seconds) lies on this time line, in nanoseconds."""
        before, wall, after = (
            self._clock.monotonic_ns(),
            self._clock.wall_ns(),
            self._clock.monotonic_ns(),
        )
        return round(at * NANOSECONDS) - self._stepped(wall - after, wall - before)

    def _stepped(self, least: int, most: int) -> int:
        """Return how far the wall clock was stepped; its offset now is from `least` to `most`.

        However long the thread was preempted between the readings: what may be 0 is 0.
        """
        if least - STEADY <= self._offset <= most + STEADY:
            return 0
        return most - self._offset


def seconds(nanoseconds: int) -> float:
    """Return nanoseconds as seconds."""
    return nanoseconds / NANOSECONDS
