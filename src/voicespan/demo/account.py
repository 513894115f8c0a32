"""A settled turn's records in, what there is to show of it out: rows, silence, marks, words."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from voicespan import attributes as a
from voicespan.demo.look import AGENT, CALLER, OVERLAP, clean, in_milliseconds
from voicespan.primitives.clock import NANOSECONDS
from voicespan.primitives.outcome import agent_words, user_words
from voicespan.primitives.records import Event, Identity, Stage, Turn
from voicespan.processors.draft import Draft
from voicespan.processors.ttfa import TTFA, turn_times
from voicespan.spans.drafts import turn_drafts
from voicespan.spans.facts import error_type, subject_of
from voicespan.spans.values import as_text
from voicespan.ttfa import Stretch, silence

WAITING = "waiting"
"""How a bar looks until the first token or byte has come."""

_SPOKEN = (a.KIND_USER_SPEECH, a.KIND_AGENT_SPEECH)
_FIRST = ("first_token", "first_byte")
_OVERLAPS = (a.EVENT_BACKCHANNEL, a.EVENT_FALSE_INTERRUPTION, a.EVENT_NOISE)


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time, in ns, and what it looks like."""

    look: str
    start: int
    end: int
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the waterfall; `took` in ns, None where the bars say enough."""

    name: str
    subject: str
    bars: tuple[Bar, ...]
    took: int | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """An instant worth pointing at."""

    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Account:
    """All there is to show of one turn; times in ns, `zero` where its clock begins to count."""

    turn: Turn
    draft: Draft
    silence: tuple[Stretch, ...]
    rows: tuple[Row, ...]
    marks: tuple[Mark, ...]
    zero: int

    @property
    def waited(self) -> int | None:
        """The silence the caller heard before the first audio, None where nobody answered them."""
        return self.silence[-1].end - self.silence[0].start if self.silence else None

    @property
    def owners(self) -> list[tuple[str, int]]:
        """Who owned how much of the silence, the biggest share first."""
        owned: defaultdict[str, int] = defaultdict(int)
        for stretch in self.silence:
            owned[stretch.part] += stretch.end - stretch.start
        return sorted(owned.items(), key=lambda item: -item[1])

    def dead_air(self, silent_since: int | None) -> int | None:
        """Return for how long nobody had spoken when the agent did; None if it was asked."""
        spoken = self.turn.of(a.KIND_AGENT_SPEECH)
        if self.silence or silent_since is None or not spoken:
            return None
        return max(0, spoken[0].start - silent_since)

    @property
    def end(self) -> int:
        """The last instant there is something to show of."""
        ends = [self.turn.end or self.turn.start, *(b.end for r in self.rows for b in r.bars)]
        return max(ends)


def account_of(turn: Turn, identity: Identity) -> Account:
    """Return the account of a settled turn."""
    drafts = turn_drafts(turn, identity, content=True)
    TTFA()(drafts)
    stretches: tuple[Stretch, ...] = ()
    if turn.initiator == a.INITIATOR_USER:
        stretches = silence(turn_times(drafts[0], drafts[1:])) or ()
    return Account(
        turn,
        drafts[0],
        stretches,
        tuple(_rows(turn, stretches)),
        tuple(sorted(_marks(turn), key=lambda mark: mark.at)),
        _zero(turn, stretches),
    )


def words_of(turn: Turn) -> tuple[str, str, str]:
    """Return what the caller said, what of the agent's words they heard, and what they did not."""
    said, heard = clean(user_words(turn)), clean(agent_words(turn))
    meant = clean(" ".join(str(stage.facts.get("text", "")) for stage in turn.of(a.KIND_TTS)))
    if turn.outcome != a.OUTCOME_INTERRUPTED or not meant:
        return said, heard, ""
    if not any(stage.facts.get("text") for stage in turn.of(a.KIND_AGENT_SPEECH)):
        return said, "", meant  # the synthesiser does not tell its words' times
    before, found, after = meant.partition(heard)
    return (said, clean(before + found), after.strip()) if found else (said, heard, "")


def failures(turn: Turn) -> list[str]:
    """Return what went wrong in a turn, a line each."""
    failed = [(_name(stage), stage.error) for stage in turn.stages if stage.error is not None]
    if turn.error is not None and turn.error not in [error for _, error in failed]:
        failed.append(("turn", turn.error))
    return [f"{name}: {error_type(error)}: {clean(error)}" for name, error in failed]


def tool_calls(turn: Turn) -> list[tuple[str, str, str]]:
    """Return the name, arguments and result of each tool call."""
    asked = turn.of(a.KIND_TOOL)
    return [
        (
            clean(stage.facts.get("name", "")),
            clean(as_text(stage.facts.get("arguments", ""))),
            clean(as_text(stage.facts.get("result", ""))),
        )
        for stage in asked
    ]


def _rows(turn: Turn, stretches: tuple[Stretch, ...]) -> list[Row]:
    rows = []
    heard = [Bar(CALLER, s.start, _end(s, turn)) for s in turn.of(a.KIND_USER_SPEECH)]
    over = [Bar(OVERLAP, event.at, event.at + _lasted(event, turn)) for event in _overlaps(turn)]
    if heard or over:
        rows.append(Row(CALLER, "", (*heard, *over), _total(heard)))
    if stretches:
        owned = tuple(Bar(s.part, s.start, s.end) for s in stretches)
        rows.append(Row("silence", "", owned, _total(list(owned))))
    rows += [_row(stage, turn) for stage in sorted(turn.stages, key=_start) if _is_work(stage)]
    spoken = [Bar(AGENT, s.start, _end(s, turn)) for s in turn.of(a.KIND_AGENT_SPEECH)]
    if spoken:
        rows.append(Row(AGENT, "", tuple(spoken), _total(spoken)))
    return rows


def _row(stage: Stage, turn: Turn) -> Row:
    end, first = _end(stage, turn), next((stage.marks[m] for m in _FIRST if m in stage.marks), None)
    bars: tuple[Bar, ...] = (Bar(stage.kind, stage.start, end),)
    if first is not None:
        split = min(max(first, stage.start), end)
        bars = (Bar(stage.kind, stage.start, split, waiting=True), Bar(stage.kind, split, end))
    subject = clean(subject_of(stage) or "")
    return Row(_name(stage), subject, bars, end - stage.start, stage.error is not None)


def _marks(turn: Turn) -> list[Mark]:
    marks = []
    for event in turn.events:
        name, at = clean(event.name), event.at
        if name == a.EVENT_BARGE_IN and any(_is_false(other, at) for other in turn.events):
            continue  # it was none
        marks.append(Mark(at, f"{name}{_detail(event, turn)}"))
    first = min(turn.of(a.KIND_AGENT_SPEECH), key=_start, default=None)
    if first is not None and not any(e.name == a.EVENT_FIRST_AUDIO for e in turn.events):
        marks.append(Mark(first.start, a.EVENT_FIRST_AUDIO))
    return marks


def _detail(event: Event, turn: Turn) -> str:
    if event.name == a.EVENT_BARGE_IN and turn.barge_in_latency is not None:
        return f", silent {in_milliseconds(turn.barge_in_latency)} ms later"
    if event.name in _OVERLAPS:
        words = next((s.facts.get("text") for s in turn.stages if _is_talk_over(s, event)), None)
        quoted = f' "{clean(words)}"' if words else ""
        return f"{quoted} {in_milliseconds(_lasted(event, turn))} ms"
    return ""


def _overlaps(turn: Turn) -> list[Event]:
    over = [event for event in turn.events if event.name in _OVERLAPS]
    starts = {event.at for event in over}
    barged = [e for e in turn.events if e.name == a.EVENT_BARGE_IN and e.at not in starts]
    return sorted(over + barged, key=lambda event: event.at)


def _lasted(event: Event, turn: Turn) -> int:
    if event.name == a.EVENT_BARGE_IN:  # what follows belongs to the next turn
        return turn.barge_in_latency or max(0, (turn.end or event.at) - event.at)
    return round(float(event.attributes.get(a.VOICE_OVERLAP_DURATION, 0)) * NANOSECONDS)


def _zero(turn: Turn, stretches: tuple[Stretch, ...]) -> int:
    if stretches:
        return stretches[0].start
    ends = [stage.end for stage in turn.of(a.KIND_USER_SPEECH) if stage.end is not None]
    return max(ends, default=turn.start)


def _is_work(stage: Stage) -> bool:
    return stage.kind not in _SPOKEN and not stage.facts.get("talked_over")


def _is_talk_over(stage: Stage, event: Event) -> bool:
    return bool(stage.facts.get("talked_over")) and stage.start <= event.at <= (stage.end or 0)


def _is_false(event: Event, at: int) -> bool:
    return event.name == a.EVENT_FALSE_INTERRUPTION and event.at == at


def _name(stage: Stage) -> str:
    return clean(stage.kind)


def _start(stage: Stage) -> int:
    return stage.start


def _end(stage: Stage, turn: Turn) -> int:
    return max(stage.start, stage.end or turn.end or stage.start)


def _total(bars: list[Bar]) -> int | None:
    return sum(bar.end - bar.start for bar in bars) or None
