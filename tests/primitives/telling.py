"""Facts of the table in, a session told of them and the turns that settled out: nothing sleeps."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.situations import Expected, Fact
from voicespan.attributes import (
    EVENT_EXCEPTION,
    EVENT_FIRST_AUDIO,
    INITIATOR_USER,
    KIND_AGENT_SPEECH,
    KIND_USER_SPEECH,
)
from voicespan.primitives.calls import Calls
from voicespan.primitives.handles import StageHandle
from voicespan.primitives.listener import Listener
from voicespan.primitives.outcome import agent_words, user_words
from voicespan.primitives.records import Stage, Turn
from voicespan.primitives.session import Session
from voicespan.primitives.worker import InlineWorker

MS = 1_000_000
EPOCH = 1_800_000_000.0


@dataclass
class HandClock:
    """A clock that only moves when told to; `step` is what NTP does to the wall's."""

    monotonic: int = 5_000 * MS
    step: int = 0

    def wall_ns(self) -> int:
        """Return nanoseconds since the epoch."""
        return round(EPOCH) * 1_000_000_000 + self.monotonic - 5_000 * MS + self.step

    def monotonic_ns(self) -> int:
        """Return nanoseconds that never step."""
        return self.monotonic


class Recorder(Listener):
    """Remembers what it was told, as spans do: who was placed where, which turns settled."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.placements: list[tuple[Stage, Turn]] = []
        self.turns: list[Turn] = []
        self.endings = 0

    def placed(self, stage: Stage, turn: Turn) -> None:
        self.placements.append((stage, turn))

    def settled(self, turn: Turn) -> None:
        self.turns.append(turn)

    def ended(self) -> None:
        self.endings += 1


@dataclass
class Lab:
    """Sessions on one clock and one worker, both moved by hand."""

    clock: HandClock = field(default_factory=HandClock)
    worker: InlineWorker = field(default_factory=InlineWorker)
    calls: Calls = field(init=False)

    def __post_init__(self) -> None:
        self.calls = Calls((Recorder,), clock=self.clock, worker=self.worker)

    def open(self, *, commits: bool = True, **known: Any) -> "Told":
        """Begin a call."""
        session = self.calls.open(commits=commits, **known)
        recorder = session.call.listeners[0]
        assert isinstance(recorder, Recorder)
        return Told(self, session, recorder)

    def at(self, ms: int) -> None:
        """Let time pass until `ms` after the beginning, waking whoever asked for it."""
        until = (5_000 + ms) * MS
        while (due := self.worker.next()) is not None and due <= until:
            self.clock.monotonic = max(self.clock.monotonic, due)
            self.worker.advance(self.clock.monotonic)
        self.clock.monotonic = max(self.clock.monotonic, until)


@dataclass
class Told:
    """One call, and what became of it."""

    lab: Lab
    session: Session
    recorder: Recorder
    handles: dict[str, StageHandle] = field(default_factory=dict)

    @property
    def turns(self) -> list[Turn]:
        """The turns that have settled."""
        return self.recorder.turns

    def tell(self, fact: Fact, *, at: float | None = None) -> None:
        """Tell the session of one fact: now, or `at`."""
        said = dict(fact.said)
        if fact.verb == "stage":
            assert fact.stage is not None
            self.handles[fact.stage] = self.session.stage(said.pop("kind"), at=at, **said)
        elif fact.stage is not None:
            getattr(self.handles[fact.stage], fact.verb)(at=at, **said)
        else:
            getattr(self.session, fact.verb)(at=at, **said)


def play(*scripts: tuple[Told, Sequence[Fact]]) -> None:
    """Tell each call of its facts, each fact when it happens, then let everything settle."""
    merged = [(fact, told) for told, facts in scripts for fact in facts]
    for fact, told in sorted(merged, key=lambda item: item[0].at):
        told.lab.at(fact.at)
        told.tell(fact)
    last = max(fact.at for fact, _ in merged)
    for told, _ in scripts:
        told.lab.at(last + 30_000)


def described(turn: Turn) -> Expected:
    """Return a settled turn in the words of the table."""
    stages = [s.kind if s.outcome == "ok" else f"{s.kind}:{s.outcome}" for s in turn.stages]
    quiet = (EVENT_FIRST_AUDIO, EVENT_EXCEPTION)
    latency = turn.barge_in_latency
    return Expected(
        turn.initiator,
        str(turn.outcome),
        " ".join(stages),
        user_words(turn),
        agent_words(turn),
        " ".join(event.name for event in turn.events if event.name not in quiet),
        _ttfa(turn),
        None if latency is None else round(latency / MS),
    )


def _ttfa(turn: Turn) -> int | None:
    heard, spoken = turn.of(KIND_AGENT_SPEECH), turn.of(KIND_USER_SPEECH)
    if turn.initiator != INITIATOR_USER or not heard or not spoken:
        return None
    return round((heard[0].start - max(stage.end or 0 for stage in spoken)) / MS)
