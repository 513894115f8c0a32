"""Samples of several variants in, rows of medians, differences and ratios out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Literal

from bench.rounds import Samples


@dataclass(frozen=True)
class Bar:
    """What must hold: how far beyond the baseline (in the figure's unit), or how many times it."""

    of: Literal["beyond", "ratio"]
    at_most: float


@dataclass(frozen=True)
class Figure:
    """One thing that is measured; `scale` turns seconds into `unit`."""

    name: str
    what: str
    unit: str
    scale: float
    bars: Mapping[str, Bar] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One line. A spread is half the interquartile range over the rounds."""

    what: str
    variant: str
    unit: str
    median: float
    spread: float | None
    beyond: float | None = None
    beyond_spread: float | None = None
    ratio: float | None = None
    must: str = ""
    holds: bool | None = None


def rows(figure: Figure, samples: Samples) -> list[Row]:
    """Compare the variants with the first of them, round by round."""
    values = {v: [s[figure.name] * figure.scale for s in ss] for v, ss in samples.items()}
    baseline = next(iter(values.values()))
    return [
        _row(figure, variant, own, None if own is baseline else baseline)
        for variant, own in values.items()
    ]


def _row(
    figure: Figure, variant: str, own: Sequence[float], baseline: Sequence[float] | None
) -> Row:
    if baseline is None:
        return Row(figure.what, variant, figure.unit, median(own), _spread(own))
    beyond = [a - b for a, b in zip(own, baseline, strict=True)]
    ratio = median(a / b for a, b in zip(own, baseline, strict=True))
    bar = figure.bars.get(variant)
    return Row(
        figure.what,
        variant,
        figure.unit,
        median(own),
        _spread(own),
        median(beyond),
        _spread(beyond),
        ratio,
        must="" if bar is None else _worded(bar, figure.unit),
        holds=None if bar is None else (median(beyond), ratio)[bar.of == "ratio"] <= bar.at_most,
    )


def _worded(bar: Bar, unit: str) -> str:
    return f"≤ {bar.at_most:g}x" if bar.of == "ratio" else f"≤ +{bar.at_most:g} {unit}"


def _spread(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.0
    low, _, high = quantiles(values, n=4, method="inclusive")
    return (high - low) / 2


_HEADINGS = ("CPU", "with", "median", "beyond the baseline", "ratio", "must hold")


def markdown(table: Iterable[Row]) -> str:
    """Return the rows as an aligned Markdown table."""
    lines = [_HEADINGS, *_cells(table)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    lines.insert(1, tuple("-" * width for width in widths))
    padded = (
        " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
    return "\n".join(f"| {line} |" for line in padded) + "\n"


def _cells(table: Iterable[Row]) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = []
    last = None
    for row in table:
        beyond = "" if row.beyond is None else f"{row.beyond:+.1f} ± {row.beyond_spread:.1f}"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}x"
        verdict = {None: "", True: ": yes", False: ": NO"}[row.holds]
        middle = f"{row.median:g}" if row.spread is None else f"{row.median:.1f} ± {row.spread:.1f}"
        what = "" if row.what == last else row.what
        lines.append((what, row.variant, f"{middle} {row.unit}", beyond, ratio, row.must + verdict))
        last = row.what
    return lines
