"""Settled turns in, what the session span says of the whole call out."""

from __future__ import annotations

import math
from collections import Counter, deque
from typing import TYPE_CHECKING

from voicespan import attributes as a
from voicespan.primitives.clock import seconds
from voicespan.primitives.records import Turn
from voicespan.processors.draft import Draft, put

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

MAX_TURNS = 4096
"""Turns whose time to first audio is remembered for the percentiles."""


class Summary:
    """Running figures of one session, from the records: sampling cannot falsify them."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._counts: Counter[str] = Counter()
        self._ttfa: deque[float] = deque(maxlen=MAX_TURNS)
        self._talk_over = 0.0
        self._cost: float | None = None

    def add(self, turn: Turn, enriched: Draft) -> None:
        """Take in one turn and its enriched draft."""
        self._counts["turns"] += 1
        self._counts["interruptions"] += turn.outcome == a.OUTCOME_INTERRUPTED
        for event in turn.events:
            self._counts[event.name] += event.name == a.EVENT_FALSE_INTERRUPTION
        self._talk_over += _talked_over(turn)
        if isinstance(ttfa := enriched.attributes.get(a.VOICE_TURN_TIME_TO_FIRST_AUDIO), float):
            self._ttfa.append(ttfa)
        if isinstance(cost := enriched.attributes.get(a.VOICE_TURN_COST), float):
            self._cost = (self._cost or 0.0) + cost

    def attributes(self) -> dict[str, AttributeValue]:
        """Return the session span's figures."""
        figures: dict[str, AttributeValue] = {
            a.VOICE_SESSION_TURN_COUNT: self._counts["turns"],
            a.VOICE_SESSION_INTERRUPTION_COUNT: self._counts["interruptions"],
            a.VOICE_SESSION_FALSE_INTERRUPTION_COUNT: self._counts[a.EVENT_FALSE_INTERRUPTION],
            a.VOICE_SESSION_TALK_OVER: self._talk_over,
        }
        put(
            figures,
            {
                a.VOICE_SESSION_TTFA_P50: percentile(self._ttfa, 0.50),
                a.VOICE_SESSION_TTFA_P95: percentile(self._ttfa, 0.95),
                a.VOICE_SESSION_COST: self._cost,
            },
        )
        return figures


def _talked_over(turn: Turn) -> float:
    """Return the seconds for which both spoke: until the agent gave way, or the user did.

    What cut the agent counts by its latency alone, also when it turns out to have been noise.
    """
    latency = turn.barge_in_latency
    overlaps = [a.EVENT_BACKCHANNEL] + ([a.EVENT_FALSE_INTERRUPTION] if latency is None else [])
    lengths = [
        event.attributes.get(a.VOICE_OVERLAP_DURATION, 0.0)
        for event in turn.events
        if event.name in overlaps
    ]
    return seconds(latency or 0) + float(sum(lengths))


def percentile(values: deque[float], share: float) -> float | None:
    """Return the nearest-rank percentile, None of nothing."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)] if ranked else None
