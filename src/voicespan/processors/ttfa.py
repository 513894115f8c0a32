"""Drafts of one turn in, its time to first audio out: on the turn, in seconds, with its parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import Literal

from opentelemetry.sdk.trace import ReadableSpan

from voicespan.attributes import (
    GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK,
    INITIATOR_AGENT,
    KIND_AGENT_SPEECH,
    KIND_LLM,
    KIND_REALTIME,
    KIND_STT,
    KIND_TOOL,
    KIND_TTS,
    KIND_TURN,
    KIND_USER_SPEECH,
    SESSION_ID,
    TTFA_ATTRIBUTES,
    VOICE_ENDPOINTING_DELAY,
    VOICE_ENDPOINTING_SOURCE,
    VOICE_STAGE_INTERRUPTED,
    VOICE_TURN_INITIATOR,
    VOICE_TURN_NUMBER,
    VOICE_TURN_TIME_TO_ANSWER,
    VOICE_TURN_TIME_TO_FIRST_AUDIO,
    WAITED_FOR_SILENCE,
    WAITED_FOR_TRANSCRIPT,
)
from voicespan.primitives.clock import NANOSECONDS, seconds
from voicespan.primitives.records import Turn
from voicespan.processors.draft import Draft, of_kind
from voicespan.ttfa import Generation, Synthesis, ToolCall, TurnTimes, ttfa

_WORK = (KIND_LLM, KIND_REALTIME, KIND_TOOL, KIND_TTS)
_WAITED_FOR: dict[object, Literal["silence", "transcript"]] = {
    WAITED_FOR_SILENCE: "silence",
    WAITED_FOR_TRANSCRIPT: "transcript",
}


class TTFA:
    """Times each user turn from the user's true end to the first audio played. Fails open.

    Works on any spans in the schema, ours or another process's. A turn that carries its time
    already, that the agent opened or that was never answered is passed as it is. Stages are told
    apart by their parent, before there are spans by session and turn number; a turn whose
    stages came in another batch is timed by what is there (`VoiceSpanProcessor` keeps turns whole).
    """

    def __call__(self, drafts: list[Draft]) -> list[Draft]:
        """Write `voice.turn.time_to_first_audio`, its parts and `voice.turn.time_to_answer`."""
        turns = [draft for draft in drafts if draft.kind == KIND_TURN and not _is_done(draft)]
        if turns:
            stages = _by_turn(drafts)
            for turn in turns:
                _time(turn, stages[_key_of(turn)])
        return drafts


def turn_times(turn: Draft, stages: list[Draft]) -> TurnTimes:
    """Return what the drafts of one turn say of its times, without work that was dropped."""
    user_end, played = _silence(stages)
    if user_end is None or played is None:
        return TurnTimes(user_end, played)
    earlier = [d.start for d in of_kind(stages, KIND_AGENT_SPEECH) if d.start < played]
    work = [draft for draft in of_kind(stages, *_WORK) if not _was_dropped(draft, played)]
    return TurnTimes(
        user_end,
        played,
        transcript=max(_ends(stages, KIND_STT, played), default=None),
        committed=_committed(turn, user_end),
        waited_for=_WAITED_FOR.get(turn.attributes.get(VOICE_ENDPOINTING_SOURCE)),
        generations=tuple(map(_generation, of_kind(work, KIND_LLM, KIND_REALTIME))),
        tools=tuple(ToolCall(draft.start, draft.end) for draft in of_kind(work, KIND_TOOL)),
        syntheses=tuple(
            Synthesis(draft.start, _first_chunk(draft))
            for draft in of_kind(work, KIND_TTS)
            if not _was_heard(draft, earlier)
        ),
    )


def _committed(turn: Draft, user_end: int) -> int | None:
    """Return when the turn was decided on: from our own record, else by the delay it states."""
    if isinstance(turn.source, Turn):
        return turn.source.committed
    delay = _nanoseconds(turn.attributes.get(VOICE_ENDPOINTING_DELAY))
    return None if delay is None else user_end + delay


def answered(times: TurnTimes, spoken: Iterable[int]) -> int | None:
    """Return when the answer began, of all the times the agent did, if a filler came before it."""
    after = _filled_until(times)
    if after is None:
        return None
    return min((start for start in spoken if start >= after), default=None)


def _time(turn: Draft, stages: list[Draft]) -> None:
    times = turn_times(turn, stages)
    breakdown = ttfa(times)
    if breakdown is None or times.user_end is None:
        return
    turn.attributes[VOICE_TURN_TIME_TO_FIRST_AUDIO] = seconds(breakdown.total)
    for part, name in TTFA_ATTRIBUTES.items():
        turn.attributes[name] = seconds(breakdown.parts[part])
    answer = answered(times, [draft.start for draft in of_kind(stages, KIND_AGENT_SPEECH)])
    if answer is not None:
        turn.attributes[VOICE_TURN_TIME_TO_ANSWER] = seconds(answer - times.user_end)


def _is_done(turn: Draft) -> bool:
    opened_by_agent = turn.attributes.get(VOICE_TURN_INITIATOR) == INITIATOR_AGENT
    return opened_by_agent or VOICE_TURN_TIME_TO_FIRST_AUDIO in turn.attributes


def _by_turn(drafts: list[Draft]) -> dict[Hashable, list[Draft]]:
    stages: dict[Hashable, list[Draft]] = defaultdict(list)
    for draft in drafts:
        if draft.kind not in (None, KIND_TURN):
            stages[_key_of(draft)].append(draft)
    return stages


def _key_of(draft: Draft) -> Hashable:
    """Return what a turn and its stages have in common: the turn's span, or session and number."""
    if isinstance(draft.source, ReadableSpan):
        turn = draft.source.context if draft.kind == KIND_TURN else draft.source.parent
        return None if turn is None else (turn.trace_id, turn.span_id)
    return draft.attributes.get(SESSION_ID), draft.attributes.get(VOICE_TURN_NUMBER)


def _silence(stages: list[Draft]) -> tuple[int | None, int | None]:
    """Return the user's end and the start of the first speech of the agent that followed one."""
    spoke = bool(of_kind(stages, KIND_USER_SPEECH))
    for reply in of_kind(stages, KIND_AGENT_SPEECH):
        ends = _ends(stages, KIND_USER_SPEECH if spoke else KIND_STT, reply.start)
        if ends:
            return max(ends), reply.start
    return None, None


def _ends(stages: list[Draft], kind: str, limit: int) -> list[int]:
    ends = (draft.end for draft in of_kind(stages, kind))
    return [end for end in ends if end is not None and end <= limit]


def _was_dropped(draft: Draft, played: int) -> bool:
    cut = draft.attributes.get(VOICE_STAGE_INTERRUPTED) is True
    return cut and draft.end is not None and draft.end <= played


def _was_heard(synthesis: Draft, earlier: list[int]) -> bool:
    """Return whether it fed speech from before the reply: a sign of listening, say."""
    first = _first_chunk(synthesis)
    return first is not None and any(first <= start for start in earlier)


def _generation(draft: Draft) -> Generation:
    realtime = draft.kind == KIND_REALTIME
    return Generation(draft.start, _first_chunk(draft), draft.end, realtime=realtime)


def _first_chunk(draft: Draft) -> int | None:
    after = _nanoseconds(draft.attributes.get(GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK))
    return None if after is None else draft.start + after


def _nanoseconds(value: object) -> int | None:
    """Return seconds as nanoseconds: exact below 50 days, whatever the float's last digits."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e9:
        return None
    return round(value * NANOSECONDS)


def _filled_until(times: TurnTimes) -> int | None:
    """Return the last tool result or else the first token, if audio was heard before it.

    None: what was heard first was the answer.
    """
    played = times.played
    results = [call.end for call in times.tools if call.end is not None]
    if played is None or not results or max(results) <= played:
        return _first_token(times)
    return max(results)


def _first_token(times: TurnTimes) -> int | None:
    """Return when the first generation had a token, if audio was heard that waited for none."""
    tokens = [g.start if g.speakable is None else g.speakable for g in times.generations]
    heard = [
        s.submitted
        for s in times.syntheses
        if times.played is not None
        and (s.submitted if s.first_byte is None else s.first_byte) <= times.played
    ]
    return min(tokens) if tokens and heard and min(heard) < min(tokens) else None
