"""Every call of the table held once, all at the same time in one loop, and what voicespan saw."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from loguru import logger

import voicespan
from tests.pipecat.calls import CALLS
from tests.pipecat.rig import Call, run_call
from voicespan.testing import Captured, TurnView, capture

TICK = 0.005


class Held:
    """The calls by name: what really happened, and the turns voicespan made of it.

    `stall`: the longest time for which the loop was not its own, in seconds. On a busy machine
    a frame is late by as much before anybody, Pipecat included, can see it.
    """

    def __init__(self, captured: Captured, calls: dict[str, Call], stall: float) -> None:
        self.calls = calls
        self.stall = stall
        self.sessions = {session.session_id: session for session in captured.sessions}
        self.turns = {
            name: tuple(turn for turn in captured.turns if turn.session_id == name)
            for name in calls
        }

    def only(self, name: str) -> TurnView:
        """Return the one turn of a call that has one."""
        (turn,) = self.turns[name]
        return turn


@contextmanager
def quiet_pipecat() -> Iterator[None]:
    """Pipecat logs every frame's fate to standard error."""
    logger.disable("pipecat")
    yield
    logger.enable("pipecat")


async def _hold(name: str) -> Call:
    bot, script = CALLS[name]
    voicespan.identify(external_session_id=name)  # of the next call in this task
    return await run_call(bot(), script)


async def _hold_all() -> tuple[dict[str, Call], float]:
    watch = asyncio.create_task(_longest_stall())
    calls = await asyncio.gather(*(asyncio.create_task(_hold(name)) for name in CALLS))
    watch.cancel()
    return dict(zip(CALLS, calls, strict=True)), await watch


async def _longest_stall() -> float:
    longest = 0.0
    while True:
        due = time.monotonic() + TICK
        try:
            await asyncio.sleep(TICK)
        except asyncio.CancelledError:
            return longest
        longest = max(longest, time.monotonic() - due)


@pytest.fixture(scope="session")
def held() -> Held:
    """Hold every call of the table."""
    with quiet_pipecat(), capture(mask=None) as captured:
        calls, stall = asyncio.run(_hold_all())
    return Held(captured, calls, stall)
