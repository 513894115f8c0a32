"""A call's settled turns in, each on the terminal once it is over out; then the whole call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from voicespan import attributes as a
from voicespan.demo.account import Account, account_of, failures, tool_calls, words_of
from voicespan.demo.look import AGENT, CALLER, Look, in_seconds, style, verdict
from voicespan.demo.tally import Tally
from voicespan.demo.waterfall import waterfall
from voicespan.primitives.clock import NANOSECONDS
from voicespan.primitives.listener import Listener
from voicespan.primitives.records import Identity, Turn

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from voicespan.primitives.session import Session

_OUTCOME_STYLES = {
    a.OUTCOME_COMPLETED: "green3",
    a.OUTCOME_INTERRUPTED: "yellow3",
    a.OUTCOME_ERROR: "bold red1",
}
_SAYS = 9
_LONGEST = 400
"""Characters of what was said, called or went wrong that are printed in one go."""


class Printer(Listener):
    """Prints one session, on voicespan's worker: drawing must not hold up the call."""

    def __init__(self, session: Session, console: Console) -> None:
        """Print `session` to `console`."""
        self._session = session
        self._console = console
        self._tally = Tally()

    def settled(self, turn: Turn) -> None:
        """Print a turn."""
        self._session.call.worker.submit(
            partial(self._print_turn, turn, replace(self._session.identity))
        )

    def ended(self) -> None:
        """Print the call as a whole."""
        self._session.call.worker.submit(self._print_tally)

    def _print_turn(self, turn: Turn, identity: Identity) -> None:
        account = account_of(turn, identity)
        before = self._tally.silent_since
        self._tally.add(account)
        _print(self._console, turn_lines(account, Look.of(self._console), silent_since=before))

    def _print_tally(self) -> None:
        _print(self._console, self._tally.lines(self._session, Look.of(self._console)))


def turn_lines(
    account: Account, look: Look, *, silent_since: int | None = None
) -> Iterator[RenderableType]:
    """Yield what is printed of a turn; `silent_since`: when the one before fell silent, in ns."""
    yield Text()
    yield _header(account, look, silent_since)
    yield from _transcript(account.turn, look)
    yield Text()
    yield from waterfall(account, look)


def _print(console: Console, lines: Iterator[RenderableType]) -> None:
    look = Look.of(console)
    for line in lines:
        console.print(line, highlight=False, soft_wrap=False, width=look.width)


def _header(account: Account, look: Look, silent_since: int | None) -> Text:
    """Return one line, or more where the terminal is narrow; none breaks inside a fact."""
    turn = account.turn
    dot = f" {look.glyphs['dot']} "
    line = Text().append(f" turn {turn.number} ", "bold" if look.plain else "bold reverse")
    line.append(f" {_opener(turn)}{dot}")
    line.append(turn.outcome or "", _OUTCOME_STYLES.get(turn.outcome or "", "yellow3"))
    length = line.cell_len
    for fact in (*_waited(account), _dead_air(account, silent_since), _barge_in(turn)):
        if fact is None:
            continue
        fits = length + len(dot) + fact.cell_len <= look.width
        gap = dot if fits else "\n" + " " * _SAYS
        length = (length if fits else 0) + len(gap) + fact.cell_len
        line.append(gap).append_text(fact)
    return line


def _opener(turn: Turn) -> str:
    return "caller" if turn.initiator == a.INITIATOR_USER else "agent"


def _waited(account: Account) -> list[Text]:
    waited = account.waited
    if waited is None:
        return []
    word, colour = verdict(waited / NANOSECONDS)
    owner, took = account.owners[0]
    return [
        Text(f"first audio {in_seconds(waited)}, {word}", f"bold {colour}"),
        Text(f"mostly {owner} {in_seconds(took)}", style(owner)),
    ]


def _dead_air(account: Account, silent_since: int | None) -> Text | None:
    gap = account.dead_air(silent_since)
    return Text(f"after {in_seconds(gap)} of dead air", "bold red1") if gap else None


def _barge_in(turn: Turn) -> Text | None:
    if turn.barge_in_latency is None:
        return None
    false = any(event.name == a.EVENT_FALSE_INTERRUPTION for event in turn.events)
    what = "false barge-in" if false else "barge-in"
    return Text(f"{what} {in_seconds(turn.barge_in_latency)}", "yellow3")


def _transcript(turn: Turn, look: Look) -> Iterator[RenderableType]:
    said, heard, unheard = words_of(turn)
    if said:
        yield _says(CALLER, Text(_cropped(said)), style(CALLER))
    for name, arguments, result in tool_calls(turn):
        called = Text(f"{name}({arguments}) {look.glyphs['arrow']} {result}")
        yield _says("tool", Text(_cropped(called.plain)), style("tool"))
    if heard or unheard:
        words = Text(_cropped(heard))
        if unheard:
            words.append(f" {look.glyphs['cut']} ", "bold yellow3")
            words.append(_cropped(unheard), "dim strike")
        yield _says(AGENT, words.append_text(_how_much(turn)), style(AGENT))
    for failure in failures(turn):
        yield _says("error", Text(_cropped(failure)), "bold red1")


def _says(who: str, words: Text, colour: str) -> RenderableType:
    line = Table.grid(padding=0)
    line.add_column(width=_SAYS, no_wrap=True)
    line.add_column(overflow="fold")
    line.add_row(Text(f" {who}", colour), words)
    return line


def _how_much(turn: Turn) -> Text:
    """Return how much of what was synthesised was heard, if not all was."""
    spoken = turn.of(a.KIND_AGENT_SPEECH)
    heard = sum(float(s.facts.get("heard", 0)) for s in spoken)
    made = sum(float(s.facts.get("synthesized", 0)) for s in spoken)
    if turn.outcome != a.OUTCOME_INTERRUPTED or made <= heard:
        return Text()
    return Text(f"  (heard {heard:.1f} s of {made:.1f} s)", "yellow3")


def _cropped(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
