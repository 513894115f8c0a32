"""What is said, heard and done in a call in, facts for its tracker out."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import get_args

from voicespan._guard import guard, guarded, warn_once
from voicespan.attributes import KIND_STT
from voicespan.primitives.call import Call
from voicespan.primitives.checks import amount, is_text, known
from voicespan.primitives.handles import StageHandle, UtteranceSttHandle, handle_of
from voicespan.primitives.overlap import Commitment
from voicespan.primitives.records import Stage, Turn, WaitedFor
from voicespan.primitives.turn import TurnHandle


def _inert_stage(_: object, kind: str = "", **__: object) -> StageHandle:
    return handle_of(kind)(None, "")


def _nowhere(*_: object) -> AbstractContextManager[None]:
    return nullcontext()


class Conversation:
    """The verbs of a conversation. Each takes `at=` (epoch seconds, default now), never raises."""

    def __init__(self, call: Call) -> None:
        """Tell `call` what is said of it."""
        self.call = call

    @property
    @guarded(True)
    def ended(self) -> bool:
        """Whether the call is over."""
        return self.call.ended_at is not None

    @property
    @guarded(False)
    def under_way(self) -> bool:
        """Whether a turn is open, or speech is undecided that may be mere noise."""
        with self.call.lock:
            return not self.ended and self.call.tracker.under_way

    @guarded(_nowhere)
    @contextmanager
    def attached(self, of: Stage | Turn | None = None) -> Iterator[None]:
        """Return a context manager within which other code's spans belong to `of`."""
        entered = ExitStack()
        for listener in self.call.listeners:
            with guard("listener.attached"):
                entered.enter_context(listener.attached(of))
        try:
            yield
        finally:
            with guard("listener.detached"):
                entered.close()

    # --- the user --------------------------------------------------------------------------------

    @guarded(None)
    def user_started_speaking(self, *, at: float | None = None) -> Stage | None:
        """The user began to speak at `at`: the true onset."""
        return self.call.tell(self.call.tracker.user_started, at)

    @guarded(None)
    def user_stopped_speaking(self, *, hangover: float = 0.0, at: float | None = None) -> None:
        """The user was found silent at `at`, `hangover` seconds after they truly were."""
        late = round((amount(hangover, "hangover") or 0) * 1e9)
        self.call.tell(lambda t: _ordered("user", self.call.tracker.user_stopped(t - late)), at)

    @guarded(None)
    def user_transcript(
        self,
        text: str,
        *,
        final: bool = True,
        confidence: float | None = None,
        language: str | None = None,
        key: Hashable | None = None,
        at: float | None = None,
    ) -> None:
        """The user's words were recognised at `at`; interim results only mark that some came."""
        if not is_text(text) or not text.strip():
            return
        handle = UtteranceSttHandle(self, KIND_STT, key=key)
        handle.transcript(text, final=final, confidence=confidence, language=language, at=at)

    @guarded(None)
    def user_wrote(self, text: str, *, at: float | None = None) -> None:
        """The user typed `text`: words without speech."""
        if is_text(text) and text.strip():
            self.call.tell(lambda t: self.call.tracker.wrote(t, text.strip()), at)

    @guarded(None)
    def turn_committed(
        self,
        *,
        key: Hashable | None = None,
        preemptive: bool | None = None,
        waited_for: WaitedFor | None = None,
        delay: float | None = None,
        probability: float | None = None,
        at: float | None = None,
    ) -> None:
        """It was decided at `at` that the user is done; `delay`: seconds the decision took."""
        if waited_for not in (None, *get_args(WaitedFor)):
            warn_once("waited_for", "a turn waits for silence or a transcript, not %r", waited_for)
            waited_for = None
        delay, probability = amount(delay, "delay"), amount(probability, "probability")
        self.call.tell(
            lambda t: self.call.tracker.committed(
                Commitment(t, waited_for, delay, probability, preemptive, key)
            ),
            at,
        )

    # --- the agent -------------------------------------------------------------------------------

    @guarded(None)
    def agent_started_speaking(
        self, *, key: Hashable | None = None, at: float | None = None
    ) -> Stage | None:
        """The first frame of agent audio was *played* at `at`."""
        return self.call.tell(lambda t: self.call.tracker.agent_started(t, key), at)

    @guarded(None)
    def agent_paused(self, *, at: float | None = None) -> None:
        """Playout halted at `at` and may resume."""
        self.call.tell(self.call.tracker.agent_paused, at)

    @guarded(None)
    def agent_resumed(self, *, at: float | None = None) -> None:
        """Playout went on at `at` after a pause."""
        self.call.tell(self.call.tracker.agent_resumed, at)

    @guarded(None)
    def agent_stopped_speaking(
        self,
        *,
        interrupted: bool = False,
        heard: float | None = None,
        text: str | None = None,
        synthesized: float | None = None,
        leading_silence: float | None = None,
        gaps: float | None = None,
        final: bool = True,
        at: float | None = None,
    ) -> None:
        """Playout ended at `at`, or was cut; `text`: the words played.

        In seconds: `synthesized` was made of it and `heard` played, after `leading_silence` and
        with `gaps` in between. `final=False`: audio that was on its way may still be heard, see
        `agent_played_on`.
        """
        lasted = {
            "heard": heard,
            "synthesized": synthesized,
            "leading_silence": leading_silence,
            "gaps": gaps,
        }
        said = known(text=text, **{name: amount(value, name) for name, value in lasted.items()})

        def stop(t: int) -> None:
            tracker = self.call.tracker
            speech = _ordered(
                "agent", tracker.agent_stopped(t, interrupted=interrupted, final=final)
            )
            if speech is not None:
                speech.facts.update(said)

        self.call.tell(stop, at)

    @guarded(None)
    def agent_played_on(self, speech: Stage, *, heard: float, at: float | None = None) -> None:
        """Audio that was on its way when `speech` was cut was played until `at`: `heard` in all."""

        def play_on(t: int) -> None:
            if not speech.settled:
                speech.facts["heard"] = heard
            self.call.tracker.agent_played_on(speech, t)

        self.call.tell(play_on, at)

    @guarded(None)
    def agent_idle(self, *, at: float | None = None) -> None:
        """The agent has nothing more to say: no queued speech, no generation."""
        self.call.tell(self.call.tracker.agent_idle, at)

    # --- stages and turns ------------------------------------------------------------------------

    @guarded(_inert_stage)
    def stage(
        self, kind: str, *, key: Hashable | None = None, at: float | None = None, **facts: object
    ) -> StageHandle:
        """Return the stage of this kind and key that may still change, else begin one at `at`.

        One that has ended for good is a round of its own: the next begins in the same turn.

        A stage of kind `stt` without a key is the present utterance's, begun at its onset.
        """
        handle = handle_of(kind)(self, kind, key=key, facts=facts)
        handle.start(at=at)
        return handle

    @guarded(lambda _: TurnHandle(None))
    def turn(self) -> TurnHandle:
        """Return a handle that joins the open turn, or opens one, when entered or started."""
        return TurnHandle(self)

    @property
    @guarded(None)
    def current_turn(self) -> TurnHandle | None:
        """The turn under way, None between turns."""
        turn = self.call.tracker.turn
        return None if turn is None or self.ended else TurnHandle(self, turn)


def _ordered(who: str, speech: Stage | None) -> Stage | None:
    """Return the speech that stopped, having complained if none had started."""
    if speech is None:
        warn_once(f"order.{who}", "the %s stopped speaking without having started", who)
    return speech
