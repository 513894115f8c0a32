"""Who is speaking and which turn is under way in, when that turn is over out."""

from __future__ import annotations

from voicespan.attributes import OUTCOME_ABANDONED, OUTCOME_COMPLETED, OUTCOME_NO_RESPONSE
from voicespan.primitives.exchange import Exchange, Patience
from voicespan.primitives.ledger import Ledger, Naming
from voicespan.primitives.outcome import answered, last_activity, outcome_of
from voicespan.primitives.records import Stage, Turn
from voicespan.primitives.talkover import TalkOver


class Floor:
    """What both sides of a conversation share: who is audible, whose turn it is, when it ends."""

    def __init__(
        self, patience: Patience, *, commits: bool = False, agent: Naming = lambda: None
    ) -> None:
        """Begin in silence. `commits`: the source reports turn decisions; `agent`: its name now."""
        self.patience = patience
        self.commits = commits
        self.audible: Stage | None = None
        self._ledger = Ledger(patience.grace, agent)
        self._talkover = TalkOver(self._ledger, patience)
        self._speaking: Stage | None = None
        self._presumed: Stage | None = None  # closed by a commit: its end may still be told
        self._paused_at: int | None = None

    def _is_answering(self, exchange: Exchange) -> bool:
        audible = self.audible is not None and self.audible.turn is exchange.turn
        return audible or exchange.answering(commits=self.commits)

    def _touch(self, at: int) -> None:
        if (exchange := self._ledger.exchange) is not None:
            exchange.touch(at)

    def _gives_up_at(self) -> int | None:
        exchange = self._ledger.exchange
        if exchange is None or self.audible is not None:
            return None
        return exchange.deadline(self.patience, audio=self._ledger.audio)

    def _give_up(self, exchange: Exchange, due: int) -> None:
        if exchange.provisional:
            self._ledger.dismiss(exchange)
        elif exchange.failed or answered(exchange.turn, audio=self._ledger.audio):
            self._talkover.close(exchange, last_activity(exchange.turn))
        else:
            self._talkover.close(exchange, due)

    def _close_if_over(self, exchange: Exchange) -> None:
        if self.audible is None and (exchange is self._ledger.tail or exchange.over()):
            self._talkover.close(exchange, last_activity(exchange.turn))

    def _abandon(self, exchange: Exchange, at: int) -> None:
        if exchange.provisional:
            self._ledger.dismiss(exchange)
            return
        turn = exchange.turn
        under_way = exchange.generating or (self.audible is not None and self.audible.turn is turn)
        self._end_open(turn, at)
        outcome = outcome_of(turn, audio=self._ledger.audio)
        if outcome == OUTCOME_NO_RESPONSE or (outcome == OUTCOME_COMPLETED and under_way):
            outcome = OUTCOME_ABANDONED
        self._ledger.close(exchange, at, outcome)

    def _end_open(self, turn: Turn, at: int) -> None:
        for stage in turn.stages:
            if stage.open:
                stage.close(at, "interrupted")
        self.audible = None if self.audible in turn.stages else self.audible
        self._speaking = None if self._speaking in turn.stages else self._speaking
