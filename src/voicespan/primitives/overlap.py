"""Speech over the agent in, what is known of it so far out: since when, with words or not."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from voicespan.attributes import (
    EVENT_BACKCHANNEL,
    EVENT_FALSE_INTERRUPTION,
    EVENT_NOISE,
    KIND_USER_SPEECH,
    VOICE_OVERLAP_DURATION,
)
from voicespan.primitives.clock import seconds
from voicespan.primitives.records import Event, Stage, Turn, WaitedFor

SAME_UTTERANCE = 500_000_000
"""Speech resumed within this many nanoseconds is still the same utterance."""
MAX_PIECES = 128
"""Pieces of one overlap kept: speech and its recognition."""


@dataclass(slots=True)
class Commitment:
    """A turn decision: when it was taken and what it had waited for."""

    at: int
    waited_for: WaitedFor | None = None
    delay: float | None = None
    probability: float | None = None
    preemptive: bool | None = None
    key: Hashable | None = None

    def apply(self, turn: Turn) -> None:
        """Write the decision onto a turn."""
        turn.committed = self.at
        turn.waited_for = self.waited_for
        turn.endpointing_delay = self.delay
        turn.endpointing_probability = self.probability
        turn.preemptive = self.preemptive
        turn.key = turn.key if self.key is None else self.key


@dataclass(slots=True, eq=False)
class Overlap:
    """What the user says while `turn`'s answer is under way: one utterance, undecided.

    `words`: it was understood as words; `excused`: the agent paused for it and has resumed.
    """

    turn: Turn
    stages: list[Stage] = field(default_factory=list)
    words: bool = False
    commitment: Commitment | None = None
    excused: bool = False

    @property
    def onset(self) -> int:
        """When the user began to speak over the agent."""
        return min(stage.start for stage in self.stages)

    @property
    def speaking(self) -> bool:
        """Whether the user is still speaking."""
        return any(stage.open and stage.kind == KIND_USER_SPEECH for stage in self.stages)

    def add(self, stage: Stage) -> None:
        """Take in one more piece of the utterance."""
        if len(self.stages) < MAX_PIECES:
            self.stages.append(stage)

    def silent_for(self, at: int) -> int:
        """Return for how long the user has been silent at `at`: 0 while they speak."""
        if self.speaking:
            return 0
        return max(0, at - max(s.start if s.end is None else s.end for s in self.stages))

    def over_by(self, at: int) -> bool:
        """Return whether speech that begins at `at` is no longer the same utterance."""
        if self.commitment is not None:
            return False
        return self.excused or self.silent_for(at) > SAME_UTTERANCE

    def event(self) -> Event:
        """Return the event that stands for it on a turn that carried on."""
        if self.excused:
            return overlap_event(EVENT_FALSE_INTERRUPTION, self.stages)
        return overlap_event(EVENT_BACKCHANNEL if self.words else EVENT_NOISE, self.stages)


def overlap_event(name: str, stages: list[Stage]) -> Event:
    """Return an event at the onset of the speech in `stages`, with how long it lasted."""
    speech = [stage for stage in stages if stage.kind == KIND_USER_SPEECH] or stages
    start = min(stage.start for stage in speech)
    end = max(stage.end or stage.start for stage in speech)
    return Event(name, start, {VOICE_OVERLAP_DURATION: seconds(end - start)})
