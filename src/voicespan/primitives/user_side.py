"""What the user is heard to say in; its turn, or speech over the agent's, out."""

from __future__ import annotations

from collections.abc import Hashable

from voicespan.attributes import INITIATOR_USER, KIND_STT, KIND_USER_SPEECH
from voicespan.primitives.floor import Floor
from voicespan.primitives.outcome import last_activity
from voicespan.primitives.overlap import Commitment
from voicespan.primitives.records import Stage, Turn, add_written


class UserSide(Floor):
    """The user's half of a conversation: speech, its recognition, the decision that it is over."""

    def user_started(self, at: int) -> Stage:
        """The user began to speak; returns the speech."""
        if self._speaking is not None:
            return self._speaking
        exchange = self._ledger.exchange
        if exchange is not None and exchange.stale(at, self.patience.grace):
            self._ledger.dismiss(exchange)
        elif exchange is not None and exchange.given_up:
            self._talkover.close(exchange, last_activity(exchange.turn))
        exchange = self._ledger.exchange
        speech, self._presumed = Stage(KIND_USER_SPEECH, at), None
        self._speaking = speech
        if exchange is None:
            self._begin(speech)
        elif self._is_answering(exchange):
            self._talkover.hear(speech, exchange.turn)
        else:
            self._ledger.place(speech, exchange.turn)
        return speech

    def user_stopped(self, at: int) -> Stage | None:
        """The user stopped speaking; returns the speech that ended, None if there was none."""
        speech, self._speaking = self._speaking or self._presumed, None
        self._presumed = None
        if speech is not None and not speech.settled:
            speech.close(at)
            speech.final = True
            self._touch(speech.end or at)
        return speech

    def recognition(self, at: int, key: Hashable | None = None) -> Stage:
        """Return the recogniser's stage for the present utterance, begun at its onset if new."""
        overlap, turn = self._talkover.undecided, self._turn_heard()
        known = overlap.stages if overlap else turn.stages if turn else self._ledger.waiting
        onset = at
        for stage in reversed(known):
            if stage.kind == KIND_STT and stage.outcome != "error":
                return stage
            if stage.kind == KIND_USER_SPEECH:
                onset = stage.start
                break
        stage = Stage(KIND_STT, onset, key=key)
        if overlap is not None:
            overlap.add(stage)
        elif turn is not None:
            self._ledger.place(stage, turn)
        elif (exchange := self._ledger.exchange) is not None:
            self._talkover.hear(stage, exchange.turn)
        else:
            self._ledger.waiting.append(stage)
        return stage

    def wrote(self, at: int, text: str) -> None:
        """The user typed something: what they say next, unless they are still at it."""
        exchange = self._ledger.exchange
        if exchange is not None and exchange.read:
            self._talkover.close(exchange, last_activity(exchange.turn))
        exchange = self._ledger.exchange or self._ledger.open(at, INITIATOR_USER)
        self._ledger.confirm(exchange)
        add_written(exchange.turn.written, text)
        exchange.touch(at)

    def words(self, at: int, heard: Stage | None = None) -> None:
        """The user's speech, or what its recogniser `heard`, was understood as words."""
        overlap = self._talkover.undecided
        if overlap is not None and (heard is None or heard in overlap.stages):
            overlap.words = True
            return
        turn = heard.turn if heard is not None else None
        if turn is None or not turn.number:
            onset = at if heard is None else heard.start
            exchange = self._ledger.exchange or self._ledger.open(onset, INITIATOR_USER)
            self._ledger.confirm(exchange)
            exchange.failed = False
        self._touch(at)

    def committed(self, commitment: Commitment) -> None:
        """It was decided that the user's turn is complete: what still sounds has ended, too."""
        self._presume_over(commitment.at)
        exchange = self._ledger.exchange
        if (overlap := self._talkover.undecided) is not None:
            overlap.commitment = commitment
            if exchange is None:
                self._talkover.answer(overlap, self.audible)
        elif exchange is not None and exchange.turn.initiator == INITIATOR_USER:
            if exchange.heard and exchange.turn.committed is not None:
                return  # it came too late to have decided anything
            commitment.apply(exchange.turn)
            exchange.touch(commitment.at)

    def _presume_over(self, at: int) -> None:
        """Close the user's speech, whose end may have been lost; if told late it still counts."""
        speech = self._speaking
        if speech is not None and speech.start <= at:
            speech.close(at)
            self._speaking, self._presumed = None, speech

    def _begin(self, speech: Stage) -> None:
        overlap = self._talkover.undecided
        if overlap is not None and not overlap.over_by(speech.start):
            overlap.add(speech)
            self._talkover.answer(overlap, self.audible)
        else:
            self._ledger.place(speech, self._ledger.open(speech.start, INITIATOR_USER).turn)

    def _turn_heard(self) -> Turn | None:
        """Return the turn that words recognised now were said in, None if they begin another."""
        exchange = self._ledger.exchange
        if exchange is None:
            return self._ledger.unheard()
        if not self._is_answering(exchange):
            return exchange.turn
        if exchange.read and not self._ledger.audio:
            self._talkover.close(exchange, last_activity(exchange.turn))
            return None
        late = exchange.turn.of(KIND_USER_SPEECH) and not (self.audible and exchange.understood)
        return exchange.turn if late else None
