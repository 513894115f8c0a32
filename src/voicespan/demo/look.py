"""What is to be drawn in, the characters and colours this terminal shows it with out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from voicespan.attributes import TTFA_PARTS
from voicespan.primitives.clock import NANOSECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

CALLER, AGENT, OVERLAP = "caller", "agent", "overlap"

STYLES: Final[Mapping[str, str]] = {
    "endpointing": "orange3",
    "transcription": "dark_cyan",
    "stt": "dark_cyan",
    "application": "grey62",
    "llm": "medium_purple1",
    "realtime": "medium_purple1",
    "tool": "yellow3",
    "tts": "dodger_blue1",
    "output": "grey42",
    "unattributed": "red1",
    CALLER: "green3",
    OVERLAP: "dark_sea_green4",
    AGENT: "grey74",
}
"""A stage and the part of the silence it owned have one colour."""
OTHER: Final = "grey62"

_LETTERS = dict(zip(TTFA_PARTS, "escltvo?", strict=True)) | {"application": "a"}
# Seconds up to which a caller takes a pause for a person's, and for a machine's.
_VERDICTS = ((0.8, "good", "green3"), (1.5, "fair", "yellow3"), (float("inf"), "slow", "red1"))

_FANCY = {"bar": "▆", "wait": "━", "edge": "┊", "up": "▲", "cut": "✂", "dot": "·", "fail": "✗"}
_FANCY |= {"tick": "╷", "rule": "─", "arrow": "→", "over": "▒"}
_PLAIN = {"bar": "#", "wait": "-", "edge": ":", "up": "^", "cut": "//", "dot": "|", "fail": "!"}
_PLAIN |= {"tick": "|", "rule": "-", "arrow": "->", "over": "="}


@dataclass(frozen=True, slots=True)
class Look:
    """`plain`: ASCII, and nothing said by colour alone; `width`: columns to draw in."""

    width: int
    plain: bool = False
    glyphs: Mapping[str, str] = field(default_factory=lambda: _FANCY)

    @classmethod
    def of(cls, console: Console) -> Look:
        """Return what suits a console: logs and terminals without colour get plain text."""
        poor = console.options.ascii_only or console.no_color or console.color_system is None
        plain = poor or not console.is_terminal
        return cls(min(console.width, 110), plain, _PLAIN if plain else _FANCY)

    def letter(self, part: str) -> str:
        """Return the character that stands for an owner of silence where there are no colours."""
        return _LETTERS.get(part, "?")


def style(what: str) -> str:
    """Return the colour of a stage, an owner of silence or a speaker."""
    return STYLES.get(what, OTHER)


def verdict(ttfa: float) -> tuple[str, str]:
    """Return what a caller makes of a time to first audio (seconds), and its colour."""
    return next((word, colour) for limit, word, colour in _VERDICTS if ttfa < limit)


def clean(text: object) -> str:
    """Return text on one line, with nothing in it that a terminal would obey."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def in_seconds(nanoseconds: float) -> str:
    """Return a duration for a sentence: `1.36 s`."""
    return f"{nanoseconds / NANOSECONDS:.2f} s"


def in_milliseconds(nanoseconds: float) -> str:
    """Return a duration for a table: `1360`."""
    return f"{nanoseconds / 1_000_000:.0f}"
