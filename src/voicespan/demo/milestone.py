"""Something that happens again and again in; whoever waits for its next occurrence out."""

import asyncio


class Milestone:
    """Counts occurrences; each `next()` consumes one, waiting only if it is still to come.

    Because nothing is lost between two waits, a script that asks "and then?" sees every
    occurrence exactly once however the event loop interleaves it with the conversation.
    """

    def __init__(self) -> None:
        self.count = 0
        self._consumed = 0
        self._waiters: list[asyncio.Event] = []

    def reach(self) -> None:
        """Record one occurrence and wake everyone who waits."""
        self.count += 1
        for waiter in self._waiters:
            waiter.set()
        self._waiters.clear()

    async def next(self) -> int:
        """Wait for the first occurrence not yet consumed; return its number, from 1."""
        self._consumed += 1
        number = self._consumed
        while self.count < number:
            waiter = asyncio.Event()
            self._waiters.append(waiter)
            await waiter.wait()
        return number

    def skip(self) -> None:
        """Forget what has happened so far: the next wait is for something new."""
        self._consumed = self.count
