"""Facts of a call in, changes to its turns out: the state machine that says what a turn is."""

from __future__ import annotations

from voicespan.attributes import (
    INITIATOR_AGENT,
    INITIATOR_USER,
    KIND_AGENT_SPEECH,
    KIND_STT,
    KIND_USER_SPEECH,
)
from voicespan.primitives.agent_side import AgentSide
from voicespan.primitives.exchange import GENERATION
from voicespan.primitives.ledger import Change
from voicespan.primitives.outcome import last_activity
from voicespan.primitives.records import Event, Turn
from voicespan.primitives.user_side import UserSide


class Tracker(UserSide, AgentSide):
    """The conversation of one call. Every instant is in nanoseconds on the session's clock.

    `commits`: this source reports its turn decisions, so work before one is preemptive.
    """

    # --- turns said outright, events, the end ----------------------------------------------------

    def turn_entered(self, at: int) -> tuple[Turn, bool]:
        """The application opened a turn itself: join the open one or begin one; was it begun?"""
        exchange, opened = self._ledger.exchange, False
        if exchange is None:
            exchange, opened = self._ledger.open(at, INITIATOR_USER), True
            exchange.explicit = True
        self._ledger.confirm(exchange)
        return exchange.turn, opened

    def turn_left(self, turn: Turn, at: int) -> None:
        """The application closed its turn: it settles at once."""
        if (exchange := self._ledger.find(turn)) is not None:
            if not turn.of(KIND_USER_SPEECH, KIND_STT) and turn.of(*GENERATION, KIND_AGENT_SPEECH):
                turn.initiator = INITIATOR_AGENT
            if (last := last_activity(turn)) < exchange.entered_at:
                at = last  # all of it was told after the fact
            self._end_open(turn, at)
            self._talkover.close(exchange, at)
        self.settle_all()

    def named(self, agent: str | None) -> None:
        """The agent's name became known: it is that of the turns under way that have none."""
        for turn in self.unsettled():
            turn.agent = turn.agent or agent

    def happened(self, event: Event) -> bool:
        """Put an event on the turn under way, else the last one; False if there is none."""
        return self._ledger.happened(event)

    def ended(self, at: int) -> list[Event]:
        """The call is over: what is open ends now, everything settles. Returns homeless events."""
        exchange, overlap = self._ledger.exchange, self._talkover.undecided
        if self._speaking is not None and self._speaking.turn is not None and exchange is not None:
            self._ledger.confirm(exchange)
        if self._speaking is not None:
            self._speaking.close(at, "interrupted")
        if overlap is not None and overlap.commitment is not None:
            self._talkover.answer(overlap, self.audible)
        self._talkover.drop()
        for left in (self._ledger.tail, self._ledger.exchange):
            if left is not None:
                self._abandon(left, at)
        self.audible = self._speaking = None
        self._ledger.place_rest()
        self.settle_all()
        homeless = [Event(s.kind, s.start, s.attributes) for s in self._ledger.waiting]
        return sorted([*self._ledger.unclaimed, *homeless], key=lambda event: event.at)

    # --- time ------------------------------------------------------------------------------------

    def advance(self, now: int) -> None:
        """Let time pass up to `now`: give up on what took too long."""
        self._ledger.now = max(self._ledger.now, now)
        while (exchange := self._ledger.exchange) is not None:
            due = self._gives_up_at()
            if due is None or due > self._ledger.now:
                break
            self._give_up(exchange, due)

    def deadline(self) -> int | None:
        """Return when `advance` next has something to do, or None."""
        settles_at = self._ledger.settles_at(self._talkover.settles_at)
        return min((at for at in (self._gives_up_at(), settles_at) if at is not None), default=None)

    def settle_all(self) -> None:
        """Settle every closed turn at once."""
        for turn in self._ledger.release_all():
            self._talkover.settle(turn)

    def take(self) -> list[Change]:
        """Return the changes since the last call."""
        for turn in self._ledger.release(self._talkover.settles_at):
            self._talkover.settle(turn)
        return self._ledger.take()

    def unsettled(self) -> list[Turn]:
        """Return the turns that may still change, oldest first."""
        return self._ledger.unsettled()

    @property
    def blank(self) -> bool:
        """Whether nothing has been told but, at most, that a turn has begun."""
        return self._ledger.blank

    @property
    def under_way(self) -> bool:
        """Whether a turn is open, or speech is undecided that may be mere noise."""
        open_turns = (self._ledger.exchange, self._ledger.tail, self._talkover.undecided)
        return any(found is not None for found in open_turns)

    @property
    def turn(self) -> Turn | None:
        """The turn under way, if it is one already."""
        exchange = self._ledger.exchange or self._ledger.tail
        return exchange.turn if exchange is not None and not exchange.provisional else None
