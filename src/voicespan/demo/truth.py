"""Moments at the microphone and the earpiece in; the record of who really spoke when out."""

import asyncio
import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Instant:
    """One moment on both clocks: epoch seconds and monotonic nanoseconds."""

    wall: float
    mono_ns: int

    @classmethod
    def now(cls, *, offset: float = 0.0) -> "Instant":
        """This moment, or the one `offset` seconds from it."""
        return cls(time.time() + offset, time.monotonic_ns() + round(offset * 1e9))


@dataclass
class UserSpeech:
    """The truth of one utterance of the caller; times are set as it reaches the transport."""

    text: str
    onset: Instant | None = None
    end: Instant | None = None
    started: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class AgentSpeech:
    """The truth of one run of the bot's audio: what was played, not what was synthesised."""

    first_played: Instant
    last_played: Instant
    first_audible: Instant | None = None
    heard: float = 0.0
    cut: bool = False
