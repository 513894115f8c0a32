"""What a call's listeners are told: spans, metrics, `capture()`, the demo are nothing else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from voicespan.primitives.records import Stage, Turn

if TYPE_CHECKING:
    from voicespan.primitives.session import Session


class Listener:
    """Told of the changes to one session, on the thread that caused them. Override what matters."""

    def placed(self, stage: Stage, turn: Turn) -> None:
        """A stage has begun, or has found the turn it belongs to."""

    def settled(self, turn: Turn) -> None:
        """Nothing more will be said of a turn: all its records are complete."""

    def ended(self) -> None:
        """The session is over; every turn has settled."""

    def attached(self, of: Stage | Turn | None) -> AbstractContextManager[None]:
        """Return a context manager within which other code's spans belong to `of`.

        `None` is the session as a whole: whatever turn is under way at that moment.
        """
        return nullcontext()


ListenerFactory = Callable[["Session"], Listener]
