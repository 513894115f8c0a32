"""The accounts of a call's turns in, what to say of the call as a whole out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from voicespan import attributes as a
from voicespan.demo.account import Account
from voicespan.demo.look import Look, clean, in_seconds, style, verdict
from voicespan.primitives.clock import NANOSECONDS
from voicespan.spans.summary import Summary

if TYPE_CHECKING:
    from voicespan.primitives.session import Session

_BAR = 30


class Tally:
    """Adds up a call, turn by turn; `silent_since`: when the last thing said fell silent, in ns."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._summary = Summary()
        self._owned: Counter[str] = Counter()
        self._turns = 0
        self._dead_air = 0
        self.silent_since: int | None = None

    def add(self, account: Account) -> None:
        """Take in one turn."""
        self._turns += 1
        self._summary.add(account.turn, account.draft)
        self._owned.update(dict(account.owners))
        self._dead_air += account.dead_air(self.silent_since) or 0
        spoken = account.turn.of(a.KIND_USER_SPEECH, a.KIND_AGENT_SPEECH)
        ends = [stage.end for stage in spoken if stage.end is not None]
        self.silent_since = max(ends, default=self.silent_since)

    def lines(self, session: Session, look: Look) -> Iterator[Text]:
        """Yield the lines that sum a call up."""
        yield Text()
        yield Text(look.glyphs["rule"] * look.width, "dim")
        yield self._header(session, look)
        yield from self._first_audio()
        yield from self._owners(look)
        yield self._cut_off(look)
        if self._dead_air:
            yield _line("dead air", in_seconds(self._dead_air))

    def _header(self, session: Session, look: Look) -> Text:
        dot = f" {look.glyphs['dot']} "
        lasted = (session.call.ended_at or session.call.started_at) - session.call.started_at
        header = Text().append(" call ", "bold" if look.plain else "bold reverse")
        header.append(f" {lasted / NANOSECONDS:.1f} s{dot}{_count(self._turns, 'turn')}")
        return header.append(f"{dot}ended: {clean(session.end_reason)}")

    def _cut_off(self, look: Look) -> Text:
        figures = self._summary.attributes()
        times = figures[a.VOICE_SESSION_INTERRUPTION_COUNT]
        false = figures[a.VOICE_SESSION_FALSE_INTERRUPTION_COUNT]
        talk_over = float(str(figures[a.VOICE_SESSION_TALK_OVER]))
        said = f"{_count(times, 'time')}, {false!r} of them for nothing" if times else "never"
        return _line("cut off", f"{said} {look.glyphs['dot']} talk-over {talk_over:.2f} s")

    def _first_audio(self) -> Iterator[Text]:
        figures = self._summary.attributes()
        line = _line("first audio", "")
        for name, key in (("p50", a.VOICE_SESSION_TTFA_P50), ("p95", a.VOICE_SESSION_TTFA_P95)):
            if isinstance(ttfa := figures.get(key), float):
                word, colour = verdict(ttfa)
                line.append(f"{name} ").append(f"{ttfa:.2f} s, {word}   ", f"bold {colour}")
        if self._owned:
            yield line

    def _owners(self, look: Look) -> Iterator[Text]:
        total = sum(self._owned.values())
        ranked = [(part, took) for part, took in self._owned.most_common() if took * 100 >= total]
        for part, took in ranked:
            what = "silence" if part == ranked[0][0] else ""
            line = _line(what, f"{part:<14}{in_seconds(took):>7}{took / total:>6.0%}  ")
            bar = round(_BAR * took / total) or 1
            yield line.append(look.glyphs["bar"] * bar, style(part))


def _line(what: str, text: str) -> Text:
    return Text(f" {what:<13}").append(text)


def _count(count: object, what: str) -> str:
    return f"{count!r} {what}" if count == 1 else f"{count!r} {what}s"
