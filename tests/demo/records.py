"""Seconds of a turn made by hand in, its records as the tracker would leave them out."""

from typing import Any

from voicespan.primitives.records import Event, Stage, Turn

EPOCH = 1_700_000_000_000_000_000


def ns(seconds: float) -> int:
    return EPOCH + round(seconds * 1e9)


def stage(kind: str, start: float, end: float | None, **facts: Any) -> Stage:
    marks = {name: ns(facts.pop(name)) for name in _MARKS if name in facts}
    error = facts.pop("error", None)
    ended = None if end is None else ns(end)
    return Stage(kind, ns(start), ended, marks=marks, facts=facts, error=error, final=True)


def turn(*stages: Stage, events: tuple[Event, ...] = (), **fields: Any) -> Turn:
    start = min((s.start for s in stages), default=ns(0))
    end = max((s.end or s.start for s in stages), default=ns(0))
    known: dict[str, Any] = {
        "number": 1,
        "end": end,
        "outcome": "completed",
        "settled": True,
    } | fields
    return Turn(start, stages=list(stages), events=list(events), **known)


def answered(*more: Stage, **fields: Any) -> Turn:
    """A plain exchange: silence of 1.5 s, of which endpointing 0.8, llm 0.5, tts 0.2."""
    decided: dict[str, Any] = {"committed": ns(1.8), "waited_for": "silence"}
    return turn(
        stage("user_speech", 0, 1),
        stage("stt", 0, 1.3, model="ear", text="What time is it?", transcript=1.3),
        stage("llm", 1.8, 2.5, model="brain", first_token=2.2, output="Noon."),
        stage("tts", 2.3, 2.9, model="mouth", first_byte=2.5, text="It is noon."),
        stage("agent_speech", 2.5, 4, heard=1.5, synthesized=1.5),
        *more,
        **(decided | fields),
    )


_MARKS = ("transcript", "first_token", "first_byte")
