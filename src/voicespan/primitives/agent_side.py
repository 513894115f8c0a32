"""What the agent makes and says in; the turn it answers, or one of its own, out."""

from __future__ import annotations

from collections.abc import Hashable

from voicespan._guard import warn_once
from voicespan.attributes import (
    EVENT_FIRST_AUDIO,
    INITIATOR_AGENT,
    KIND_AGENT_SPEECH,
    KIND_STT,
)
from voicespan.primitives.exchange import GENERATION, MODEL
from voicespan.primitives.floor import Floor
from voicespan.primitives.outcome import last_activity
from voicespan.primitives.records import Event, Stage, Turn, add_event


class AgentSide(Floor):
    """The agent's half of a conversation: work of every kind, and playout."""

    def find(self, kind: str, key: Hashable | None) -> Stage | None:
        """Return the latest unsettled stage of this kind and key, None without a key."""
        return self._ledger.stage(kind, key) if key is not None else None

    def started(self, stage: Stage, turn: Turn | None = None) -> None:
        """Work began: place it in its turn (`turn` if given), or hold it until there is one."""
        if turn is not None and turn.settled:
            warn_once("turn.over", "a %s was begun in a turn that is over", stage.kind)
            return
        turn = turn or self._turn_for(stage)
        if turn is None:
            self._ledger.waiting.append(stage)
            return
        exchange = self._ledger.find(turn)
        if exchange is not None and stage.kind in GENERATION:
            self._ledger.confirm(exchange)
            exchange.begun(stage)
        self._ledger.place(stage, turn)

    def stopped(self, stage: Stage) -> None:
        """Work ended: its `end` and `outcome` are set."""
        exchange = self._ledger.find(stage.turn)
        if exchange is None:
            return
        if stage.kind == KIND_STT and stage.outcome == "error":
            self._ledger.confirm(exchange)
            exchange.finished(stage)
        if stage.kind not in GENERATION:
            return
        exchange.finished(stage)
        overlap = self._talkover.undecided
        talked_over = overlap is not None and overlap.turn is exchange.turn
        if stage.outcome == "interrupted" and self.audible is None and talked_over:
            self._talkover.cut(exchange, stage.end or stage.start)
        else:
            self._close_if_over(exchange)

    def dropped(self, stage: Stage) -> None:
        """Nothing will come of work that had ended."""
        stage.outcome, stage.final = "interrupted", True
        exchange = self._ledger.find(stage.turn)
        if exchange is not None and exchange.owes is stage:
            exchange.owes = None
            self._close_if_over(exchange)

    def agent_started(self, at: int, key: Hashable | None = None) -> Stage:
        """The first frame of agent speech was played; returns the speech."""
        if self.audible is not None:
            if not self._is_next(self.audible, key):
                return self.audible
            self.agent_stopped(at, interrupted=False)
        speech = self.audible = Stage(KIND_AGENT_SPEECH, at, key=key)
        turn = self._ledger.keyed(key) or self._answering_turn(speech)
        exchange = self._ledger.find(turn) or self._ledger.reopen(turn)
        self._ledger.audio = True
        self._ledger.confirm(exchange)
        exchange.begun(speech)
        if not turn.of(KIND_AGENT_SPEECH):
            add_event(turn.events, Event(EVENT_FIRST_AUDIO, at))
        self._ledger.place(speech, turn)
        return speech

    def agent_paused(self, at: int) -> None:
        """Playout was halted and may resume."""
        if self.audible is not None and self._paused_at is None:
            self._paused_at = at

    def agent_resumed(self, at: int) -> None:
        """Playout went on after a pause: what halted it was no interruption."""
        paused, self._paused_at = self._paused_at, None
        if paused is not None:
            self._talkover.excuse()
            self._touch(at)

    def agent_stopped(self, at: int, *, interrupted: bool, final: bool = True) -> Stage | None:
        """Playout ended or was cut; returns the speech that ended, None if there was none.

        `final=False`: audio that was on its way may still be played on.
        """
        speech, self.audible = self.audible, None
        paused, self._paused_at = self._paused_at, None
        if speech is None:
            return None
        speech.close(at, "interrupted" if interrupted else None)
        speech.final = final
        exchange = self._ledger.find(speech.turn)
        if exchange is not None and interrupted:
            exchange.touch(at)
            self._talkover.cut(exchange, speech.end or at, silent_at=paused or speech.end)
        elif exchange is not None:
            exchange.played(speech)
            self._close_if_over(exchange)
        return speech

    def agent_played_on(self, speech: Stage, at: int) -> None:
        """What was on its way when `speech` was cut has been played, until `at`."""
        turn = speech.turn
        if turn is None or turn.settled or speech.end is None:
            return
        more = max(0, at - speech.end)
        speech.end, speech.final = speech.end + more, True
        turn.end = None if turn.end is None else max(turn.end, speech.end)
        if turn.barge_in_latency is not None:
            turn.barge_in_latency += more

    def agent_idle(self, at: int) -> None:
        """The source says that the agent has nothing more to say."""
        exchange = self._ledger.exchange
        if exchange is None or exchange.explicit or exchange.provisional or self.audible:
            return
        if (exchange.owes or exchange.failed) and not (exchange.generating or exchange.speaking):
            self._talkover.close(exchange, last_activity(exchange.turn))

    def _turn_for(self, stage: Stage) -> Turn | None:
        if (turn := self._ledger.keyed(stage.key)) is not None:
            return turn
        if stage.kind in GENERATION:
            return self._answering_turn(stage)
        exchange = self._ledger.exchange
        return exchange.turn if exchange is not None else None

    def _answering_turn(self, stage: Stage) -> Turn:
        overlap = self._talkover.answered_by(stage, model=stage.kind in MODEL)
        if overlap is not None:
            return self._talkover.answer(overlap, self.audible).turn
        exchange = self._ledger.exchange
        undecided = exchange is not None and exchange.turn.committed is None
        if exchange and undecided and exchange.stale(stage.start, self.patience.grace):
            self._ledger.dismiss(exchange)
            exchange = None
        exchange = exchange or self._ledger.open(stage.start, INITIATOR_AGENT)
        return exchange.turn

    def _is_next(self, audible: Stage, key: Hashable | None) -> bool:
        """Return whether speech that begins under `key` is another than what is audible."""
        tail = self._ledger.tail
        if tail is not None and audible.turn is tail.turn:
            return True
        return None not in (key, audible.key) and key != audible.key
