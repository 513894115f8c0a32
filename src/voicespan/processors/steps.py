"""Drafts and a chain of steps in, enriched drafts out, whatever a step does."""

from __future__ import annotations

from collections.abc import Sequence

from voicespan._guard import guard
from voicespan.processors.draft import Draft, Step


def default_steps() -> tuple[Step, ...]:
    """Return the steps in their order, each with its defaults."""
    from voicespan.processors.cost import Cost
    from voicespan.processors.masking import Mask
    from voicespan.processors.ttfa import TTFA

    return TTFA(), Cost(), Mask()


def run_steps(steps: Sequence[Step], drafts: list[Draft]) -> list[Draft]:
    """Run each step in order; one that raises leaves the drafts as they are, or withholds."""
    for step in steps:
        drafts = _run(step, drafts)
    return drafts


def _run(step: Step, drafts: list[Draft]) -> list[Draft]:
    name = getattr(step, "__name__", type(step).__name__)
    raised = True
    with guard(f"step {name}"):
        drafts = step(drafts)
        raised = False
    withhold: Step | None = getattr(step, "withhold", None) if raised else None
    return drafts if withhold is None else withhold(drafts)
