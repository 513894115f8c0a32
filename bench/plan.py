"""What is measured, how much of it and what must hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench import imports
from bench.rounds import Samples, interleaved
from bench.table import Bar, Figure, Row, rows

Said = Callable[[str], None]


@dataclass(frozen=True)
class Extent:
    """How much is measured: units of work per sample, rounds, sets of processes."""

    frames: int = 600
    turns: int = 200
    rounds: int = 8
    generations: int = 5
    interpreters: int = 21


QUICK = Extent(frames=20, turns=8, rounds=1, generations=1, interpreters=1)
"""Enough to see that everything runs; the figures mean nothing."""

_US, _MS = 1e6, 1e3
_FRAMES = ("nothing", "voicespan", "pipecat native", "openinference")
_TURNS = ("bare sdk", "voicespan")
_PER_FRAME = {"voicespan": Bar("beyond", 10)}


def frames(extent: Extent, said: Said) -> list[Row]:
    """Measure audio through a Pipecat pipeline."""
    samples = _interleaved("bench.frames", _FRAMES, extent.frames, extent, said)
    figures = (
        Figure("input", "per input audio frame, 5 processors", "µs", _US, _PER_FRAME),
        Figure("bulk", "per input audio frame, pushed in bulk", "µs", _US, _PER_FRAME),
        Figure("output", "per output audio frame, 5 processors", "µs", _US, _PER_FRAME),
    )
    return [row for figure in figures for row in rows(figure, samples)]


def turns(extent: Extent, said: Said) -> list[Row]:
    """Measure the turns of a hand-written loop."""
    samples = _interleaved("bench.turns", _TURNS, extent.turns, extent, said)
    per_turn = "per turn of 6 stages"
    calling, everywhere = ({"voicespan": Bar("ratio", times)} for times in (1.5, 2.5))
    figures = (
        Figure("calling thread", f"{per_turn}, calling thread", "µs", _US, calling),
        Figure("all threads", f"{per_turn}, all threads", "µs", _US, everywhere),
    )
    return [row for figure in figures for row in rows(figure, samples)]


def _interleaved(
    module: str, variants: Sequence[str], size: int, extent: Extent, said: Said
) -> Samples:
    return interleaved(
        module,
        variants,
        size=size,
        rounds=extent.rounds,
        generations=extent.generations,
        said=said,
    )


def start(extent: Extent, said: Said) -> list[Row]:
    """Measure importing and installing."""
    samples, found = imports.measure(extent.interpreters, said)
    figures = (
        Figure("import", "import", "ms", _MS, {"voicespan": Bar("beyond", 20)}),
        Figure("install", "first set-up: the SDK, then instrument()", "ms", _MS),
    )
    loaded = Row(
        "modules loaded by import voicespan",
        "voicespan",
        "modules",
        len(found["modules"]),
        None,
        must="no SDK, exporter or framework",
        holds=not (found["heavy"] or found["foreign"]),
    )
    return [*(row for figure in figures for row in rows(figure, samples)), loaded]


SECTIONS: dict[str, Callable[[Extent, Said], list[Row]]] = {
    "frames": frames,
    "turns": turns,
    "start": start,
}
