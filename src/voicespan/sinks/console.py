"""Batches of ended spans in, a tree per turn on a terminal out, for a tired person at 3 a.m."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from voicespan._guard import guarded
from voicespan.attributes import (
    KIND_SESSION,
    KIND_TURN,
    SESSION_ID,
    VOICE_SPAN_KIND,
    VOICE_TURN_NUMBER,
)
from voicespan.primitives.clock import seconds
from voicespan.sinks.facts import failed, line, said, session_facts, stage_facts, turn_facts
from voicespan.sinks.tree import Node, forest

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

MILLISECOND = 1_000_000

_WIDEST_NAME = 44
_GAP = "  "
_BOLD, _DIM, _RED, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[0m"
_ASCII = str.maketrans({"├": "|", "│": "|", "└": "`", "─": "-", "●": "*", "■": "#", "○": "o"})
_ASCII |= str.maketrans({"·": "|", "→": ">", "✗": "!", "…": "~"})


class ConsoleExporter(SpanExporter):
    """Prints each turn as a tree; keeps nothing between two batches.

    `out` is standard error, where the logs are, unless given. Colours only on a terminal.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        """Print to `out`."""
        self._out = out

    @guarded(SpanExportResult.FAILURE)
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Print the spans of one batch."""
        out = self._out or sys.stderr
        text = render(spans, colour=out.isatty())
        out.write(_printable(text, getattr(out, "encoding", None)))
        out.flush()
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Do nothing: the stream is not ours to close."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Return True: nothing is held."""
        return True


def render(spans: Sequence[ReadableSpan], *, colour: bool = False) -> str:
    """Return the trees of a batch as text: a head line each, then a line per span below it."""
    lines = [text for node in forest(spans) for text in _tree(node, colour=colour)]
    return "".join(f"{text}\n" for text in lines)


@dataclass(slots=True)
class _Row:
    span: ReadableSpan
    branch: str

    @property
    def title(self) -> str:
        """The span's name behind its branch, cut where it would push the facts away."""
        title = self.branch + line(self.span.name)
        return title if len(title) <= _WIDEST_NAME else title[: _WIDEST_NAME - 1] + "…"


def _tree(node: Node, *, colour: bool) -> Iterator[str]:
    span = node.span
    style = _BOLD + _RED if failed(span) else _BOLD
    yield _styled(_head(span), style, colour=colour)
    for who, words in said(span) if _kind(span) == KIND_TURN else ():
        yield f"{_GAP}{who:<6}{words}"
    rows = list(_rows(node.children, ""))
    width = max((len(row.title) for row in rows), default=0)
    for row in rows:
        facts = " · ".join(stage_facts(row.span))
        times = _styled(_times(span, row.span), _DIM, colour=colour)
        told = f"{row.title:<{width}}{_GAP}{facts}".rstrip()
        yield times + _GAP + _styled(told, _RED if failed(row.span) else "", colour=colour)


def _rows(nodes: Sequence[Node], indent: str) -> Iterator[_Row]:
    for node in nodes:
        last = node is nodes[-1]
        yield _Row(node.span, indent + ("└─ " if last else "├─ "))
        yield from _rows(node.children, indent + ("   " if last else "│  "))


def _head(span: ReadableSpan) -> str:
    """Return a root's line: whose call, what it is, how it went."""
    attributes = span.attributes or {}
    whose = line(attributes.get(SESSION_ID, ""))[:8]
    number = attributes.get(VOICE_TURN_NUMBER)
    kind = _kind(span)
    if kind == KIND_TURN:
        what, facts = f"● {whose} turn {number}", turn_facts(span)
    elif kind == KIND_SESSION:
        what, facts = f"■ {whose} session", [_lasting(span), *session_facts(span)]
    else:  # not below a turn, or its turn came in another batch
        of_turn = "" if number is None else f"turn {number} "
        what = " ".join(f"○ {whose} {of_turn}{line(span.name)}".split())
        facts = [_lasting(span), *stage_facts(span)]
    return " · ".join([what, *facts])


def _kind(span: ReadableSpan) -> object:
    return (span.attributes or {}).get(VOICE_SPAN_KIND)


def _lasting(span: ReadableSpan) -> str:
    return f"{seconds((span.end_time or 0) - (span.start_time or 0)):.1f} s"


def _times(root: ReadableSpan, span: ReadableSpan) -> str:
    """Return when a span began after the root did, and how long it took."""
    start = span.start_time or 0
    began, took = start - (root.start_time or 0), (span.end_time or start) - start
    return f"{began / MILLISECOND:>+8.0f}{took / MILLISECOND:>8.0f} ms"


def _styled(text: str, style: str, *, colour: bool) -> str:
    return f"{style}{text}{_PLAIN}" if colour and style else text


def _printable(text: str, encoding: str | None) -> str:
    """Return the text in characters the stream can take."""
    if encoding is None or encoding.lower().startswith("utf"):
        return text
    return text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
