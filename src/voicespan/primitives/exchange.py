"""What happens in one turn in, whether it is being answered and when it is over out."""

from __future__ import annotations

from dataclasses import dataclass, field

from voicespan.attributes import (
    INITIATOR_AGENT,
    KIND_AGENT_SPEECH,
    KIND_LLM,
    KIND_REALTIME,
    KIND_STT,
    KIND_TOOL,
    KIND_TTS,
    KIND_USER_SPEECH,
)
from voicespan.primitives.records import Stage, Turn

GENERATION = frozenset({KIND_LLM, KIND_TOOL, KIND_TTS, KIND_REALTIME})
"""The kinds of work that produce an answer."""
MODEL = frozenset({KIND_LLM, KIND_REALTIME})
"""Those that decide what it is."""
_SOUND = frozenset({KIND_TTS, KIND_REALTIME})
_ANSWERED_BY = {
    KIND_LLM: frozenset({KIND_TTS, KIND_TOOL, KIND_AGENT_SPEECH}),
    KIND_REALTIME: frozenset({KIND_TOOL, KIND_AGENT_SPEECH}),
    KIND_TTS: frozenset({KIND_AGENT_SPEECH}),
    KIND_TOOL: frozenset[str](),
}


@dataclass(slots=True, frozen=True)
class Patience:
    """How long an open turn is waited for, in nanoseconds."""

    no_response_after: int
    grace: int

    @property
    def stuck_after(self) -> int:
        """How long work that goes on behind an answer is waited for: a minute by default."""
        return 6 * self.no_response_after


@dataclass(slots=True, eq=False)
class Exchange:
    """An open turn. `owes`: finished work nothing has come of yet; `failed`: the last try did.

    `explicit`: the application closes it; `cuts`: the turn its first words cut short;
    `talked_over`: when the user began to say what the next turn answers; `entered_at`: where the
    turn began when it was opened, which may turn out to be late.
    """

    turn: Turn
    active_at: int
    explicit: bool = False
    failed: bool = False
    owes: Stage | None = None
    cuts: Turn | None = None
    talked_over: int | None = None
    entered_at: int = field(init=False)

    def __post_init__(self) -> None:
        self.entered_at = self.turn.start

    @property
    def provisional(self) -> bool:
        """Whether nothing yet says that this is a turn at all."""
        return self.turn.number == 0

    @property
    def generating(self) -> bool:
        """Whether a model, tool or synthesis is at work for this turn."""
        return any(s.open and s.kind in GENERATION for s in self.turn.stages)

    @property
    def speaking(self) -> bool:
        """Whether the user is speaking in this turn."""
        return any(stage.open for stage in self.turn.of(KIND_USER_SPEECH))

    @property
    def heard(self) -> bool:
        """Whether the agent has been audible in this turn."""
        return bool(self.turn.of(KIND_AGENT_SPEECH))

    @property
    def read(self) -> bool:
        """Whether this is a turn in writing, whose answer has been given."""
        spoken = self.turn.of(KIND_USER_SPEECH, KIND_AGENT_SPEECH, KIND_TTS)
        return self.owes is not None and not spoken and not self.generating

    @property
    def given_up(self) -> bool:
        """Whether the last try to answer failed and no other is under way."""
        return self.failed and not (self.explicit or self.generating or self.speaking)

    @property
    def awaits_model(self) -> bool:
        """Whether the next model round is due to this turn's own work: tools, or another try."""
        tools = any(stage.open for stage in self.turn.of(KIND_TOOL))
        return tools or self.failed or (self.owes is not None and self.owes.kind == KIND_TOOL)

    @property
    def understood(self) -> bool:
        """Whether the user's words in this turn have been recognised."""
        return any("transcript" in stage.marks for stage in self.turn.of(KIND_STT))

    def answering(self, *, commits: bool) -> bool:
        """Return whether the agent has begun to answer, so that new speech talks over it.

        Where turn decisions are reported (`commits`), work before the decision is preemptive.
        """
        if self.turn.initiator == INITIATOR_AGENT:
            return True
        if commits and self.turn.committed is None:
            return False
        return self.generating or self.owes is not None

    def touch(self, at: int) -> None:
        """Take note that something happened at `at`."""
        self.active_at = max(self.active_at, at)

    def begun(self, stage: Stage) -> None:
        """Take note that a piece of generation, or the agent's speech, began."""
        self.failed, self.owes = False, None
        self.touch(stage.start)

    def finished(self, stage: Stage) -> None:
        """Take note that a piece of generation ended well or failed."""
        self.touch(stage.end or stage.start)
        if stage.outcome == "error":
            self.failed, self.owes = True, None
        elif stage.outcome == "ok" and not self._answered(stage):
            self.owes = stage

    def played(self, speech: Stage) -> None:
        """Take note that playout ran dry: all sound made by then has been heard."""
        self.touch(speech.end or speech.start)
        owed = self.owes
        if owed is not None and owed.kind in _SOUND and not _of_another(speech, owed):
            self.owes = None

    def silent_since(self) -> int | None:
        """Return when the user last stopped speaking in this turn, None while they speak."""
        ends = [stage.end for stage in self.turn.of(KIND_USER_SPEECH)]
        return None if not ends or None in ends else max(end for end in ends if end is not None)

    def stale(self, at: int, grace: int) -> bool:
        """Return whether this is mere noise by now: speech that stayed wordless for `grace`."""
        silent = self.silent_since()
        return self.provisional and silent is not None and at - silent > grace

    def over(self) -> bool:
        """Return whether the agent, being inaudible now, has nothing more to say in this turn."""
        waits = self.explicit or self.speaking or self.failed or self.generating
        return self.heard and not waits and self.owes is None

    def busy(self, at: int, grace: int) -> bool:
        """Return whether the agent is still answering at `at`, though inaudible.

        It is not if it spoke after the work began, and has been silent for `grace` since.
        """
        return any(
            not any(
                speech.start >= work.start and speech.end is not None and at - speech.end > grace
                for speech in self.turn.of(KIND_AGENT_SPEECH)
            )
            for work in self.turn.of(*GENERATION)
            if work.open
        )

    def deadline(self, patience: Patience, *, audio: bool) -> int | None:
        """Return when the turn is given up on, None while something still happens."""
        if self.explicit or self.speaking or (self.generating and not self.heard):
            return None
        if self.generating:  # its end was never told, or the next words are long in coming
            return self.active_at + patience.stuck_after
        answered = self.owes is not None and (self.heard or not audio)
        soon = self.failed or answered or (self.provisional and self.cuts is not None)
        return self.active_at + (patience.grace if soon else patience.no_response_after)

    def _answered(self, stage: Stage) -> bool:
        """Return whether something has come of `stage` while it was at work."""
        follows = _ANSWERED_BY[stage.kind]
        return any(s.start >= stage.start for s in self.turn.of(*follows))


def _of_another(speech: Stage, work: Stage) -> bool:
    """Return whether their keys say that agent speech and work are different utterances."""
    return speech.key is not None and work.key is not None and speech.key != work.key
