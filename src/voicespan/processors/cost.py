"""Drafts of provider calls in, the same with their cost out; prices come with the cost issue."""

from __future__ import annotations

from voicespan.processors.draft import Draft


class Cost:
    """Prices provider calls. Without a price table no call has a price, and none is invented."""

    def __call__(self, drafts: list[Draft]) -> list[Draft]:
        """Return the drafts; a call without a price carries no cost."""
        return drafts
