"""Turn timestamps in, time to first audio out.

`ttfa` walks the critical path back from the first frame played (t1) to the user's end (t0),
asking at each point "which input arrived last?". A step of the walk yields claims, *(part, since)*:
the part owns everything from `since` up to where the claim before it began; and it returns the
step before it. Whatever no claim reaches is `unattributed`: where a missing fact leaves two paths
possible the walk ends, it does not guess.
"""

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from voicespan.attributes import TTFA_PARTS

ENDPOINTING, TRANSCRIPTION, APPLICATION, LLM, TOOL, TTS, OUTPUT, UNATTRIBUTED = TTFA_PARTS

_Claim = tuple[str, int | None]  # None: all the way back to the user's end
_Step = Generator[_Claim, None, "_Step | None"]


@dataclass(frozen=True, slots=True)
class Generation:
    """One model response, in ns: request, text enough for speech, last token."""

    start: int
    speakable: int | None = None
    end: int | None = None
    realtime: bool = False


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One tool call, in ns: call, result."""

    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class Synthesis:
    """One text-to-speech request, in ns: text submitted, first audio byte received."""

    submitted: int
    first_byte: int | None = None


@dataclass(frozen=True, slots=True)
class TurnTimes:
    """What is known of one turn, in ns of one clock; None is a missing fact.

    Work that was thrown away (a preemptive reply that was not kept) does not belong in here.
    """

    user_end: int | None
    played: int | None
    transcript: int | None = None
    committed: int | None = None
    waited_for: Literal["silence", "transcript"] | None = None
    generations: tuple[Generation, ...] = ()
    tools: tuple[ToolCall, ...] = ()
    syntheses: tuple[Synthesis, ...] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of silence, in ns, and the one of `TTFA_PARTS` that owned it."""

    part: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Time to first audio in ns, and how much of it each of `TTFA_PARTS` owned (sums exactly)."""

    total: int
    parts: Mapping[str, int]


def ttfa(turn: TurnTimes) -> Breakdown | None:
    """The silence the caller heard and who owned it; None where no reply followed the user."""
    stretches = silence(turn)
    if stretches is None:
        return None
    parts = dict.fromkeys(TTFA_PARTS, 0)
    for stretch in stretches:
        parts[stretch.part] += stretch.end - stretch.start
    return Breakdown(sum(parts.values()), parts)


def silence(turn: TurnTimes) -> tuple[Stretch, ...] | None:
    """The same silence as it passed: every instant of it in one stretch, in order of time."""
    start, cursor = turn.user_end, turn.played
    if start is None or cursor is None or cursor < start:
        return None
    stretches = []
    if _is_realtime(turn):  # nothing waits for the transcript of a speech-to-speech model
        turn = replace(turn, transcript=None, waited_for=turn.waited_for or "silence")
    for part, since in _claims(_from_played(turn, cursor)):
        reached = start if since is None else max(since, start)
        if reached < cursor:
            stretches.append(Stretch(part, reached, cursor))
            cursor = reached
    if start < cursor:
        stretches.append(Stretch(UNATTRIBUTED, start, cursor))
    return tuple(reversed(stretches))


def _claims(step: _Step | None) -> Generator[_Claim, None, None]:
    while step is not None:
        step = yield from step


def _from_played(turn: TurnTimes, played: int) -> _Step:
    """Played ← first byte, or the decision that audio made preemptively was held for."""
    voice = _first_voice(turn.syntheses, played)
    if voice is None:
        return _from_unvoiced(turn, played)
    byte, committed = voice.first_byte, turn.committed
    if byte is None:
        if committed is not None and voice.submitted < committed <= played:
            return None  # held for the decision, or made after it?
        yield UNATTRIBUTED, voice.submitted
    elif committed is not None and byte <= committed <= played:
        yield OUTPUT, committed
        return _from_decision(turn, committed)
    else:
        yield OUTPUT, byte
        yield TTS, voice.submitted
    return _from_submitted(turn, voice.submitted)


def _from_unvoiced(turn: TurnTimes, played: int) -> _Step:
    """Played ← a speech-to-speech response, or text submitted at a time nobody knows."""
    writer = _writer(turn.generations, played)
    if writer is None:
        return _from_opening(turn, played, gap=UNATTRIBUTED, needs_text=False)
    if not writer.realtime:  # what it wrote after the text was ready may have delayed nothing
        unended = replace(writer, end=None)
        return _from_output(turn, unended, played, writer.speakable, gap=UNATTRIBUTED)
    yield LLM, writer.start
    return _from_request(turn, writer.start)


def _from_submitted(turn: TurnTimes, at: int) -> _Step | None:
    """Submitted ← later of speakable text, a tool's result and the decision; a filler ← that."""
    writer = _writer(turn.generations, at)
    if writer is None:
        return _from_opening(turn, at, needs_text=False)
    call = _last_result(turn, writer, at)
    if call is not None and writer.end is not None and writer.end <= call.start:
        return _from_result(turn, call)  # the application itself spoke what the tool returned
    ready = writer.speakable
    if ready is None and turn.committed is not None:
        ready = _upto(writer.end, min(at, turn.committed))
    return _from_output(turn, writer, at, ready)


def _from_output(
    turn: TurnTimes, writer: Generation, at: int, ready: int | None, gap: str = APPLICATION
) -> _Step:
    """Text or a tool call taken up ← later of its being ready and the decision it was held for.

    While it was not taken up the model still writing owns the wait (the sentence was not
    complete), and after its end the `gap`.
    """
    committed = turn.committed
    if committed is not None and writer.start < committed <= at:
        if ready is None:
            return None  # before the decision, or after it?
        if ready <= committed:
            yield gap, committed
            return _from_decision(turn, committed)
    if writer.end is not None and (writer.end <= at or ready is not None):
        yield gap, writer.end
    else:
        yield UNATTRIBUTED, max(writer.start, _text_time(writer))
    yield LLM, writer.start
    return _from_request(turn, writer.start)


def _from_request(turn: TurnTimes, at: int) -> _Step | None:
    """Request ← later of a tool's result, an earlier round, and what opened the turn."""
    before = _latest(g for g in turn.generations if g.start < at)
    call = _last_result(turn, before, at)
    if call is not None:
        return _from_result(turn, call)
    if before is not None and (before.end is None or before.end <= at):
        decided = before.realtime if turn.committed is None else turn.committed <= before.start
        if decided:  # else: perhaps preemptive, and dropped
            called = any(t.end is not None and before.start <= t.end <= at for t in turn.tools)
            gap = APPLICATION if called else UNATTRIBUTED  # a retry, or a tool nobody reported
            return _from_output(turn, before, at, None, gap)
    return _from_opening(turn, at)


def _from_call(turn: TurnTimes, at: int) -> _Step | None:
    """Tool call ← later of the tool before it and the generation that asked for it."""
    asker = _latest(g for g in turn.generations if g.start <= at)
    call = _last_result(turn, asker, at)
    if call is not None:
        return _from_result(turn, call)
    if asker is None:
        return _from_opening(turn, at)
    return _from_output(turn, asker, at, None if asker.end is None else min(asker.end, at))


def _from_result(turn: TurnTimes, call: ToolCall) -> _Step:
    yield APPLICATION, call.end
    yield TOOL, call.start
    others = tuple(other for other in turn.tools if other is not call)
    return _from_call(replace(turn, tools=others), call.start)


def _from_opening(
    turn: TurnTimes, at: int, *, gap: str = APPLICATION, needs_text: bool = True
) -> _Step:
    """First request, or filler ← later of the decision and the transcript."""
    committed, transcript = _upto(turn.committed, at), _upto(turn.transcript, at)
    if committed is not None:
        if needs_text and transcript is not None and transcript > committed:
            yield gap, transcript
            yield TRANSCRIPTION, committed
        yield gap, committed
        return _from_decision(turn, committed)
    if _is_realtime(turn):
        yield ENDPOINTING, None  # server VAD: the response began when the silence was long enough
    elif transcript is not None:
        yield UNATTRIBUTED if turn.committed is None else gap, transcript
        if turn.committed is not None or turn.waited_for != "silence":
            yield TRANSCRIPTION, None
    return None


def _from_decision(turn: TurnTimes, committed: int) -> _Step:
    """Decision ← silence or transcript; unknown: the transcript, if it was there by then."""
    transcript, waited_for = turn.transcript, turn.waited_for
    if waited_for is None and transcript is not None:
        waited_for = "transcript" if transcript <= committed else "silence"
    if waited_for == "silence":
        yield ENDPOINTING, None
    elif transcript is not None and transcript <= committed:
        yield ENDPOINTING, transcript
        yield TRANSCRIPTION, None
    return None


def _first_voice(syntheses: tuple[Synthesis, ...], played: int) -> Synthesis | None:
    """The synthesis heard first; failing that, one of which no first byte is known."""
    heard = [s for s in syntheses if _upto(s.first_byte, played) is not None]
    silent = [s for s in syntheses if s.first_byte is None and s.submitted <= played]
    return min(heard or silent, key=lambda s: s.submitted, default=None)


def _writer(generations: tuple[Generation, ...], at: int) -> Generation | None:
    return _latest(g for g in generations if max(g.start, _text_time(g)) <= at)


def _latest(generations: Iterable[Generation]) -> Generation | None:
    return max(generations, key=lambda g: g.start, default=None)


def _text_time(generation: Generation) -> int:
    return generation.start if generation.speakable is None else generation.speakable


def _last_result(turn: TurnTimes, asker: Generation | None, at: int) -> ToolCall | None:
    """The tool result that arrived last before `at`, unless something else arrived later."""
    others = [_upto(turn.committed, at), _upto(turn.transcript, at)]
    if asker is not None:
        others += [asker.start, _upto(asker.end, at)]
    last, result = max((time for time in others if time is not None), default=None), None
    for call in turn.tools:
        if (
            call.end is not None
            and call.start <= call.end <= at
            and (last is None or call.end > last)
        ):
            last, result = call.end, call
    return result


def _is_realtime(turn: TurnTimes) -> bool:
    return any(generation.realtime for generation in turn.generations)


def _upto(time: int | None, limit: int) -> int | None:
    return time if time is not None and time <= limit else None
