"""Epoch seconds in, instants on a clock that never steps out; and back, for a verb's `at=`.

What an integration remembers for later it remembers as an instant: the wall clock may be stepped
in between, and must bend neither a duration nor a time told afterwards.
"""

from __future__ import annotations

import time


def instant_of(epoch: float) -> float:
    """Return the instant of an epoch second that has just been received."""
    return time.monotonic() - (time.time() - epoch)


def epoch_of(instant: float) -> float:
    """Return the epoch second at which the wall clock, as it stands now, puts an instant."""
    return time.time() - (time.monotonic() - instant)
