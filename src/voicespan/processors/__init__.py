"""Steps over the drafts of one turn, and the one seam by which they reach everybody's spans."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voicespan.processors.cost import Cost
    from voicespan.processors.exporter import VoiceSpanExporter
    from voicespan.processors.masking import Mask
    from voicespan.processors.processor import VoiceSpanProcessor
    from voicespan.processors.ttfa import TTFA

__all__ = ["TTFA", "Cost", "Mask", "VoiceSpanExporter", "VoiceSpanProcessor"]

_HOMES = {
    "TTFA": "ttfa",
    "Cost": "cost",
    "Mask": "masking",
    "VoiceSpanExporter": "exporter",
    "VoiceSpanProcessor": "processor",
}


def __getattr__(name: str) -> object:
    """Load what is asked for: the SDK and the word tables cost nothing until then."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
