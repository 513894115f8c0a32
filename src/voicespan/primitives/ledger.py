"""Stages and events in, the turns they belong to out: opened, confirmed, closed and settled."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from voicespan.attributes import (
    EVENT_FALSE_INTERRUPTION,
    EVENT_NOISE,
    EVENT_RETRY,
    INITIATOR_USER,
    KIND_AGENT_SPEECH,
    KIND_STT,
    KIND_USER_SPEECH,
    OUTCOME_INTERRUPTED,
    VOICE_RETRY_ATTEMPT,
)
from voicespan.primitives.exchange import GENERATION, Exchange
from voicespan.primitives.outcome import failed_attempts, outcome_of
from voicespan.primitives.overlap import overlap_event
from voicespan.primitives.records import Event, Initiator, Outcome, Stage, Turn, add_event
from voicespan.primitives.settling import Settling, Until

MAX_STAGES = 512
"""Stages kept per turn, and as many again of speech: a runaway tool loop cannot hide the answer."""
MAX_WAITING = 64
"""Stages and events held at most until there is a turn to put them in."""

_HEARD = (KIND_USER_SPEECH, KIND_STT)
_SPEECH = (KIND_USER_SPEECH, KIND_AGENT_SPEECH)


@dataclass(slots=True, frozen=True)
class Placed:
    """A stage has found its turn."""

    stage: Stage
    turn: Turn


@dataclass(slots=True, frozen=True)
class Settled:
    """Nothing more will be said of a turn."""

    turn: Turn


Change = Placed | Settled
Naming = Callable[[], str | None]
"""Says what the call's agent is called just now."""


class Ledger:
    """The turns of one call: at most one open, one more (`tail`) whose speech is still audible."""

    def __init__(self, grace: int, agent: Naming) -> None:
        """Keep closed turns for `grace` nanoseconds while facts are missing."""
        self._grace = grace
        self._agent = agent
        self.now = 0
        self.exchange: Exchange | None = None
        self.tail: Exchange | None = None
        self.waiting: deque[Stage] = deque(maxlen=MAX_WAITING)
        self.unclaimed: deque[Event] = deque(maxlen=MAX_WAITING)
        self.audio = False
        self._settling = Settling(grace)
        self._changes: list[Change] = []
        self._count = 0

    # --- a turn's life ---------------------------------------------------------------------------

    def open(self, at: int, initiator: Initiator) -> Exchange:
        """Begin a turn; it is provisional until confirmed."""
        turn = Turn(at, initiator=initiator, agent=self._agent())
        self.exchange = Exchange(turn, active_at=at)
        return self.exchange

    def confirm(self, exchange: Exchange) -> None:
        """Make a provisional turn a turn, and give it what had been waiting for one."""
        if not exchange.provisional:
            return
        self._count += 1
        turn = exchange.turn
        turn.number = self._count
        self._changes.extend(Placed(stage, turn) for stage in turn.stages)
        while self.unclaimed:
            add_event(turn.events, self.unclaimed.popleft())
        while self.waiting:
            self._place_early(self.waiting.popleft(), turn)

    def dismiss(self, exchange: Exchange) -> None:
        """Take a provisional turn back as mere noise, leaving an event on its neighbour."""
        self.exchange = None
        turn, cut = exchange.turn, exchange.cuts
        for stage in turn.stages:
            stage.turn = None
        self.waiting.extend(stage for stage in turn.stages if stage.kind not in _HEARD)
        if cut is not None and not cut.settled:
            add_event(cut.events, overlap_event(EVENT_FALSE_INTERRUPTION, turn.stages))
        else:
            self._put(overlap_event(EVENT_NOISE, turn.stages))
        for event in turn.events:
            self._put(event)

    def close(self, exchange: Exchange, at: int, outcome: Outcome | None = None) -> None:
        """End a turn at `at`; it settles when its facts are complete."""
        turn = exchange.turn
        turn.end = max([at, turn.start, *(stage.end or 0 for stage in turn.stages)])
        turn.outcome = outcome or outcome_of(turn, audio=self.audio)
        if exchange is self.tail:
            self.tail = None
        else:
            self.exchange = None
        self._settling.add(turn, self.now)

    def reopen(self, turn: Turn) -> Exchange:
        """Let a closed turn go on, because its agent speaks again: as `tail` unless the last."""
        cut = turn.outcome == OUTCOME_INTERRUPTED
        last = self.exchange is None and turn.number == self._count and not cut
        self._settling.remove(turn)
        turn.end, turn.outcome = None, OUTCOME_INTERRUPTED if cut else None
        exchange = Exchange(turn, active_at=self.now)
        if last:
            self.exchange = exchange
        else:
            self.tail = exchange
        return exchange

    def settle(self, turn: Turn) -> None:
        """Declare a released turn settled: what is still open in it ends with it."""
        end = turn.start if turn.end is None else turn.end
        for stage in turn.stages:
            if stage.open:
                stage.close(end, None if stage.kind == KIND_STT else "interrupted")
        turn.end = max([end, *(stage.end or 0 for stage in turn.stages)])
        turn.settled = True
        self._changes.append(Settled(turn))

    # --- what is in it ---------------------------------------------------------------------------

    def place(self, stage: Stage, turn: Turn) -> None:
        """Put a stage into a turn, unless the turn is full."""
        if len(turn.stages) >= MAX_STAGES * (2 if stage.kind in _SPEECH else 1):
            return
        if attempts := failed_attempts(turn, stage):
            retried = {VOICE_RETRY_ATTEMPT: attempts}
            add_event(turn.events, Event(EVENT_RETRY, stage.start, retried))
        if not turn.stages or (stage.kind == KIND_STT and not turn.number):
            turn.start = min(turn.start, stage.start)  # no span of it can have begun
        stage.turn = turn
        turn.stages.append(stage)
        if turn.number:
            self._changes.append(Placed(stage, turn))

    def _place_early(self, stage: Stage, turn: Turn) -> None:
        """Put what waited into a turn that is announced now: it led to it, or merely preceded."""
        if stage.open or turn.start - (stage.end or 0) <= self._grace:
            turn.start = min(turn.start, stage.start)
        else:
            stage.start = stage.end = turn.start
        self.place(stage, turn)

    def place_rest(self) -> None:
        """Put what still waits into the last turn: none will come any more."""
        turns = self.unsettled()
        while self.waiting and turns:
            self.place(self.waiting.popleft(), turns[-1])

    @property
    def blank(self) -> bool:
        """Whether nothing has been told of the call but, at most, that a turn has begun."""
        if self.waiting or self.unclaimed or self._settling.turns() or self.tail:
            return False
        turn = self.exchange.turn if self.exchange is not None else None
        if turn is None:
            return self._count == 0
        return self._count <= 1 and not (turn.stages or turn.events or turn.written)

    def happened(self, event: Event) -> bool:
        """Put an event on the turn under way, else on the last one; False if there is none."""
        turns = self.unsettled()
        if turns:
            add_event(turns[-1].events, event)
        return bool(turns)

    # --- finding ---------------------------------------------------------------------------------

    def find(self, turn: Turn | None) -> Exchange | None:
        """Return the open exchange of a turn, None once it is closed."""
        under_way = (x for x in (self.exchange, self.tail) if x is not None)
        return next((x for x in under_way if x.turn is turn), None)

    def keyed(self, key: Hashable | None) -> Turn | None:
        """Return the latest unsettled turn that has this key, or a stage of it."""
        if key is None:
            return None
        for turn in reversed(self.unsettled()):
            if turn.key == key or any(stage.key == key for stage in turn.stages):
                return turn
        return None

    def stage(self, kind: str, key: Hashable | None) -> Stage | None:
        """Return the latest unsettled stage of this kind and key."""
        turn = self.keyed(key)
        stages = turn.of(kind) if turn is not None else list(self.waiting)
        return next((s for s in reversed(stages) if (s.kind, s.key) == (kind, key)), None)

    def unsettled(self) -> list[Turn]:
        """Return the turns that may still change, oldest first."""
        under_way = [x.turn for x in (self.tail, self.exchange) if x is not None]
        return self._settling.turns() + under_way

    def unheard(self) -> Turn | None:
        """Return the last turn if it has closed and its user's words are still missing."""
        turns = self._settling.turns()
        return turns[-1] if turns and not _understood(turns[-1]) else None

    # --- settling --------------------------------------------------------------------------------

    def settles_at(self, until: Until) -> int | None:
        """Return when the next closed turn settles at the latest, or None."""
        return self._settling.due(until)

    def release(self, until: Until) -> list[Turn]:
        """Return the closed turns whose time has come."""
        return self._settling.release(self.now, until)

    def release_all(self) -> list[Turn]:
        """Return every closed turn."""
        return self._settling.release_all()

    def take(self) -> list[Change]:
        """Return the changes since the last call."""
        changes, self._changes = self._changes, []
        return changes

    def _put(self, event: Event) -> None:
        if not self.happened(event):
            self.unclaimed.append(event)


def end_generation(turn: Turn, at: int) -> None:
    """Cut what is being generated for a turn; what it cost may still be told."""
    for stage in turn.of(*GENERATION):
        if stage.open:
            stage.close(at, "interrupted")


def complete(turn: Turn) -> bool:
    """Return whether no fact of a closed turn is missing."""
    return all(stage.final for stage in turn.stages) and _understood(turn)


def _understood(turn: Turn) -> bool:
    """Return whether the words of the user's speech, if any, have come."""
    heard = turn.of(*_HEARD)
    if turn.initiator != INITIATOR_USER or not any(s.kind == KIND_USER_SPEECH for s in heard):
        return True
    return any(s.kind == KIND_STT or "text" in s.facts for s in heard)
