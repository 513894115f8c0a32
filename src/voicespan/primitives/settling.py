"""Closed turns in, each one out when nothing of it is missing: in their order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from voicespan.primitives.records import Turn

MAX_SETTLING = 64
"""Closed turns held at most; the oldest settles at once when one more closes."""

Until = Callable[[Turn, int], int]
"""A closed turn and when its grace ends in, the instant at which it may settle out."""


@dataclass(slots=True)
class _Closed:
    turn: Turn
    due: int


class Settling:
    """The turns that have closed and still wait for late facts, by number."""

    def __init__(self, grace: int) -> None:
        """Give each closed turn `grace` nanoseconds."""
        self._grace = grace
        self._closed: list[_Closed] = []

    def add(self, turn: Turn, now: int) -> None:
        """Take over a turn that closed at `now`."""
        self._closed.append(_Closed(turn, now + self._grace))
        self._closed.sort(key=lambda closed: closed.turn.number)

    def remove(self, turn: Turn) -> None:
        """Give a turn back: it goes on."""
        self._closed = [closed for closed in self._closed if closed.turn is not turn]

    def turns(self) -> list[Turn]:
        """Return the turns held, oldest first."""
        return [closed.turn for closed in self._closed]

    def due(self, until: Until) -> int | None:
        """Return when the next turn settles if nothing more is said of it, or None."""
        return next((until(closed.turn, closed.due) for closed in self._closed), None)

    def release(self, now: int, until: Until) -> list[Turn]:
        """Remove and return the turns whose time has come or that are too many, oldest first.

        None overtakes the one before it: they are told in the order in which they happened.
        """
        ready = []
        for index, closed in enumerate(self._closed):
            surplus = len(self._closed) - index > MAX_SETTLING
            if not surplus and until(closed.turn, closed.due) > now:
                break
            ready.append(closed.turn)
        del self._closed[: len(ready)]
        return ready

    def release_all(self) -> list[Turn]:
        """Remove and return every turn held, oldest first."""
        turns = self.turns()
        self._closed.clear()
        return turns
