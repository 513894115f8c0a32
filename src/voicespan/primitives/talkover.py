"""Speech over the agent in; barge-ins, backchannels and the turns that answer it out."""

from __future__ import annotations

from voicespan.attributes import (
    EVENT_BARGE_IN,
    INITIATOR_USER,
    KIND_STT,
    KIND_USER_SPEECH,
    OUTCOME_INTERRUPTED,
)
from voicespan.primitives.exchange import Exchange, Patience
from voicespan.primitives.ledger import Ledger, complete, end_generation
from voicespan.primitives.outcome import last_activity
from voicespan.primitives.overlap import Overlap
from voicespan.primitives.records import Event, Outcome, Stage, Turn, add_event


class TalkOver:
    """The one utterance that may be talking over the agent, until it is decided what it was.

    The agent stops because of it: a barge-in, and a turn opens at its onset. The agent carries
    on: a backchannel, mere noise, or (if it had paused) a false interruption. Its words are
    answered all the same: they open a turn at their onset, whoever is audible.
    """

    def __init__(self, ledger: Ledger, patience: Patience) -> None:
        """Begin with nobody talking over anybody."""
        self._ledger = ledger
        self._patience = patience
        self._overlap: Overlap | None = None

    @property
    def undecided(self) -> Overlap | None:
        """What was said over the turn under way or, with none under way, over the last one."""
        overlap, exchange = self._overlap, self._ledger.exchange
        if overlap is None or exchange is None or exchange.turn is overlap.turn:
            return overlap
        return None

    def hear(self, stage: Stage, turn: Turn) -> None:
        """Something was heard over `turn`: one more piece of the utterance, or the next one."""
        overlap = self._overlap
        begins = stage.kind == KIND_USER_SPEECH
        if overlap is None or overlap.turn is not turn or (begins and overlap.over_by(stage.start)):
            self.drop()
            overlap = self._overlap = Overlap(turn)
        overlap.add(stage)

    def excuse(self) -> None:
        """The agent resumed after a pause: what halted it was no interruption."""
        overlap = self.undecided
        if overlap is not None and not overlap.excused:
            overlap.excused = True
            add_event(overlap.turn.events, overlap.event())

    def drop(self) -> None:
        """The agent carried on: its turn keeps an event and the recogniser's work."""
        overlap, self._overlap = self._overlap, None
        if overlap is None:
            return
        if not overlap.excused:
            add_event(overlap.turn.events, overlap.event())
        for stage in overlap.stages:
            if stage.kind == KIND_STT:
                stage.facts["talked_over"] = True
                self._ledger.place(stage, overlap.turn)

    def answered_by(self, stage: Stage, *, model: bool) -> Overlap | None:
        """Return what was said over the agent if work that begins now answers it."""
        overlap, exchange = self.undecided, self._ledger.exchange
        if overlap is None or (exchange is not None and not model):
            return None
        if overlap.commitment is not None:
            return overlap
        recent = overlap.words and overlap.silent_for(stage.start) <= self._patience.grace
        return overlap if recent and not (exchange and exchange.awaits_model) else None

    def answer(self, overlap: Overlap, audible: Stage | None) -> Exchange:
        """Open the turn whose words were said over the previous one, from their onset."""
        previous, self._overlap = self._ledger.exchange, None
        if previous is not None and audible is not None and audible.turn is previous.turn:
            previous.talked_over = overlap.onset
            self._ledger.tail, self._ledger.exchange = previous, None
        elif previous is not None:
            self._give_way(previous, overlap.onset)
        return self._follow(overlap)

    def cut(self, exchange: Exchange, at: int, *, silent_at: int | None = None) -> None:
        """A turn was cut short at `at`; `silent_at`: when its audible speech was."""
        turn = exchange.turn
        overlap = self._cause(exchange, at)
        onset = overlap.onset if overlap is not None else exchange.talked_over
        end_generation(turn, at)
        if exchange.speaking:  # the agent began over the user and gave way
            return
        turn.outcome = OUTCOME_INTERRUPTED
        if onset is not None:
            _barge_in(turn, onset, silent_at)
        elif exchange.explicit:
            return
        self._ledger.close(exchange, at)
        if overlap is not None:
            self._overlap = None
            self._follow(overlap, cuts=turn)

    def close(self, exchange: Exchange, at: int, outcome: Outcome | None = None) -> None:
        """A turn is over; what is still being said over it, or has been decided on, is the next."""
        self._ledger.close(exchange, at, outcome)
        overlap = self._overlap
        if overlap is None or overlap.turn is not exchange.turn or self._ledger.exchange:
            return
        if overlap.speaking or overlap.commitment is not None:
            self._follow(overlap)
            self._overlap = None

    def settle(self, turn: Turn) -> None:
        """Decide what was said over a turn that settles now."""
        if self._overlap is not None and self._overlap.turn is turn:
            self.drop()
        self._ledger.settle(turn)

    def settles_at(self, turn: Turn, due: int) -> int:
        """Return when a closed turn, whose grace ends at `due`, may settle."""
        exchange = self._ledger.exchange
        if exchange is not None and exchange.provisional and exchange.cuts is turn:
            judged = exchange.deadline(self._patience, audio=self._ledger.audio)
            longest = exchange.turn.start + self._patience.no_response_after
            return min(judged or longest, max(due, longest))
        if self._overlap is not None and self._overlap.turn is turn:
            return due
        return min(due, self._ledger.now) if complete(turn) else due

    def _cause(self, exchange: Exchange, at: int) -> Overlap | None:
        overlap = self._overlap
        if overlap is None or overlap.turn is not exchange.turn:
            return None
        stale = overlap.silent_for(at) > self._patience.grace
        return None if stale or (overlap.excused and not overlap.speaking) else overlap

    def _give_way(self, previous: Exchange, onset: int) -> None:
        turn = previous.turn
        busy = previous.busy(onset, self._patience.grace)
        if busy or not (previous.heard or previous.read):
            turn.outcome = OUTCOME_INTERRUPTED
            end_generation(turn, self._ledger.now)
            _barge_in(turn, onset, None)
        self._ledger.close(previous, last_activity(turn))

    def _follow(self, overlap: Overlap, cuts: Turn | None = None) -> Exchange:
        exchange = self._ledger.open(overlap.onset, INITIATOR_USER)
        exchange.cuts = cuts
        for stage in overlap.stages:
            self._ledger.place(stage, exchange.turn)
        if overlap.commitment is not None:
            overlap.commitment.apply(exchange.turn)
        exchange.touch(last_activity(exchange.turn))
        if overlap.words:
            self._ledger.confirm(exchange)
        return exchange


def _barge_in(turn: Turn, onset: int, silent_at: int | None) -> None:
    add_event(turn.events, Event(EVENT_BARGE_IN, onset))
    if silent_at is not None:
        turn.barge_in_latency = max(0, silent_at - onset)
