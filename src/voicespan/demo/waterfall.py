"""The account of a turn in, lines of bars on one clock out, its zero where the caller stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.text import Text

from voicespan.demo.account import Account, Bar, Row
from voicespan.demo.look import AGENT, OVERLAP, Look, in_milliseconds, style

_TOOK = 9
_STEPS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 60_000)
_SLIGHT = 5_000_000
"""Shares of the silence below this many ns are not worth a word."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Instants (ns) to columns: `start` … `end` over `width` columns."""

    start: int
    end: int
    width: int

    def column(self, at: int) -> int:
        """Return the column of an instant, at the rim for one outside."""
        return min(self.width - 1, self._boundary(at))

    def columns(self, bar: Bar) -> range:
        """Return the columns of a bar: at least one, and those only that it fills."""
        first = self.column(bar.start)
        return range(first, max(first + 1, self._boundary(bar.end)))

    def ticks(self, zero: int) -> list[tuple[int, int]]:
        """Return round instants as (column, ms from `zero`), as many as can be labelled."""
        per_column = max(1, self.end - self.start) / self.width / 1e6
        step = next((s for s in _STEPS_MS if s / per_column >= 9), _STEPS_MS[-1])
        first = -((zero - self.start) // (step * 1_000_000))
        count = max(1, self.end - self.start) // (step * 1_000_000) + 2
        instants = [(zero + n * step * 1_000_000, n * step) for n in range(first, first + count)]
        return [(self.column(at), ms) for at, ms in instants if self.start <= at <= self.end]

    def _boundary(self, at: int) -> int:
        length = max(1, self.end - self.start)
        return min(self.width, max(0, (at - self.start) * self.width // length))


def waterfall(account: Account, look: Look) -> Iterator[Text]:
    """Yield the ruler, one line per row with who owned the silence under it, and the marks."""
    label = 24 if look.width >= 90 else 18 if look.width >= 70 else 12
    bars = max(10, look.width - label - _TOOK - 2)
    start = min([account.turn.start, *(b.start for r in account.rows for b in r.bars)])
    axis = Axis(start, account.end, bars)
    yield _line(_label("ms", "", label, look), _ruler(axis, account.zero, look))
    for row in account.rows:
        took = "" if row.took is None else in_milliseconds(row.took)
        drawn = _bars(row, axis, _edges(account, axis), look)
        took_style = "bold" if row.name == "silence" else ""
        yield _line(_label(row.name, row.subject, label, look), drawn, Text(took, took_style))
        if row.name == "silence":
            yield from _owners(account, look, label, axis)
    places = [(label + axis.column(mark.at), mark.text) for mark in account.marks]
    yield from _marked(places, look)


def owners(account: Account, look: Look) -> list[Text]:
    """Return who owned the silence, in the order it passed, the biggest owner in bold."""
    biggest = account.owners[0][0] if account.owners else ""
    shares = []
    for stretch in _merged(account):
        part, took = stretch
        if took < _SLIGHT and len(account.owners) > 1:
            continue
        key = f"{look.letter(part)}=" if look.plain else ""
        weight = " bold" if part == biggest else ""
        shares.append(Text(f"{key}{part} {in_milliseconds(took)}", style(part) + weight))
    return shares


def _owners(account: Account, look: Look, label: int, axis: Axis) -> Iterator[Text]:
    """Yield the owners of the silence, under it where there is room."""
    line = Text()
    for number, share in enumerate(owners(account, look)):
        line.append(f" {look.glyphs['arrow']} " if number else "", "dim").append_text(share)
    under = label + axis.column(account.silence[0].start)
    if line.cell_len < look.width:
        yield Text(" " * min(under, look.width - line.cell_len)).append_text(line)
    else:
        for share in owners(account, look):
            yield Text(" ").append_text(share)


def _merged(account: Account) -> list[tuple[str, int]]:
    """Return the owners in order; one that comes twice in a row, but for a trifle, comes once."""
    merged: list[tuple[str, int]] = []
    for stretch in account.silence:
        took = stretch.end - stretch.start
        if merged and merged[-1][0] == stretch.part:
            merged[-1] = (stretch.part, merged[-1][1] + took)
        else:
            merged.append((stretch.part, took))
    return merged


def _label(name: str, subject: str, width: int, look: Look) -> Text:
    overflow = "crop" if look.plain else "ellipsis"
    label = Text(f" {name} ", "bold" if name in {"caller", AGENT, "silence"} else "")
    label.append(subject, "dim")
    label.truncate(width - 1, overflow="crop" if overflow == "crop" else "ellipsis", pad=True)
    label.append(" ")
    return label


def _line(label: Text, drawn: Text, took: Text | None = None) -> Text:
    line = Text(no_wrap=True).append_text(label).append_text(drawn)
    if took is not None and took.plain:
        line.append(" " * max(1, _TOOK - took.cell_len)).append_text(took)
    return line


def _ruler(axis: Axis, zero: int, look: Look) -> Text:
    ruler, free = Text(style="dim"), 0
    for column, ms in axis.ticks(zero):
        label = f"{look.glyphs['tick']}{ms}"
        if column >= free and column + len(label) <= axis.width:
            ruler.append(" " * (column - free)).append(label)
            free = column + len(label)
    return ruler


def _edges(account: Account, axis: Axis) -> frozenset[int]:
    """Return the columns where the silence begins and ends, to be seen through every row."""
    if not account.silence:
        return frozenset()
    return frozenset({axis.column(account.silence[0].start), axis.column(account.silence[-1].end)})


def _bars(row: Row, axis: Axis, edges: frozenset[int], look: Look) -> Text:
    cells = [(look.glyphs["edge"], "dim") if c in edges else (" ", "") for c in range(axis.width)]
    for bar in _drawn(row):
        for column in axis.columns(bar):
            cells[column] = _cell(bar, row, look)
    if row.failed and row.bars:
        last = axis.columns(row.bars[-1])[-1]
        cells[last] = (look.glyphs["fail"], "bold red1")
    drawn = Text()
    for glyph, colour in cells:
        drawn.append(glyph, colour)
    return drawn


def _drawn(row: Row) -> list[Bar]:
    """Return the bars without those nobody could see; a trifle of silence goes to its neighbour."""
    if row.name != "silence":
        return [bar for bar in row.bars if bar.end > bar.start or not bar.waiting]
    drawn: list[Bar] = []
    for bar in row.bars:
        if drawn and bar.end - bar.start < _SLIGHT:
            drawn[-1] = replace(drawn[-1], end=bar.end)
        else:
            drawn.append(bar)
    return drawn


def _cell(bar: Bar, row: Row, look: Look) -> tuple[str, str]:
    if row.name == "silence" and look.plain:
        return look.letter(bar.look), ""
    if bar.look == OVERLAP:
        return look.glyphs["over"], style(bar.look)
    return look.glyphs["wait" if bar.waiting else "bar"], style(bar.look)


def _marked(places: list[tuple[int, str]], look: Look) -> list[Text]:
    """Return lines on which every mark points up at its column, as few as can be."""
    lines: list[Text] = []
    for column, mark in places:
        text, at = f"{look.glyphs['up']} {mark}", column
        if at + cell_len(text) > look.width and cell_len(text) <= column + 1:
            text = f"{mark} {look.glyphs['up']}"
            at = column + 1 - cell_len(text)
        line = next((line for line in lines if line.cell_len < at), None)
        if line is None:
            line = Text()
            lines.append(line)
        line.append(" " * (at - line.cell_len)).append(text, "italic")
    return lines
