"""A turn's stages in, its outcome and its end out: pure functions."""

from __future__ import annotations

from voicespan.attributes import (
    KIND_AGENT_SPEECH,
    KIND_LLM,
    KIND_REALTIME,
    KIND_STT,
    KIND_TOOL,
    KIND_TTS,
    KIND_USER_SPEECH,
)
from voicespan.primitives.exchange import MODEL
from voicespan.primitives.records import Outcome, Stage, Turn

_AGAIN = {
    KIND_STT: frozenset({KIND_STT}),
    KIND_LLM: MODEL,
    KIND_REALTIME: MODEL,
    KIND_TTS: frozenset({KIND_TTS}),
    KIND_TOOL: frozenset({KIND_TOOL}),
}
_RECOVERED_BY = _AGAIN | {KIND_TOOL: MODEL | {KIND_TOOL, KIND_AGENT_SPEECH}}


def outcome_of(turn: Turn, *, audio: bool) -> Outcome:
    """Return a turn's outcome, the first that applies; `audio`: this call's agent is audible."""
    if turn.error is not None or unrecovered(turn) is not None:
        return "error"
    if turn.outcome == "interrupted":
        return "interrupted"
    return "completed" if answered(turn, audio=audio) else "no_response"


def answered(turn: Turn, *, audio: bool) -> bool:
    """Return whether the caller got an answer: heard one or, in a call without audio, read one."""
    if turn.of(KIND_AGENT_SPEECH):
        return True
    return not audio and any(_produced(stage) for stage in turn.of(KIND_LLM, KIND_REALTIME))


def unrecovered(turn: Turn) -> Stage | None:
    """Return the last failed stage that nothing later made good, or None."""
    for index in range(len(turn.stages) - 1, -1, -1):
        failed = turn.stages[index]
        recovery = _RECOVERED_BY.get(failed.kind)
        if failed.outcome != "error" or recovery is None:
            continue
        if not any(s.kind in recovery and s.outcome == "ok" for s in turn.stages[index + 1 :]):
            return failed
    return None


def failed_attempts(turn: Turn, stage: Stage) -> int:
    """Return how many failures in a row `stage`, the next of its kind in the turn, tries again."""
    attempts = 0
    for earlier in reversed(turn.of(*_AGAIN.get(stage.kind, ()))):
        if earlier.outcome != "error":
            break
        attempts += earlier.facts.get("name") == stage.facts.get("name")
    return attempts


def last_activity(turn: Turn) -> int:
    """Return the last instant at which anything in the turn happened."""
    instants = [turn.start, turn.committed or turn.start]
    instants += [stage.end if stage.end is not None else stage.start for stage in turn.stages]
    return max(instants)


def user_words(turn: Turn) -> str:
    """Return what the user wrote and said: their speech's own transcript, else the recogniser's."""
    said = _words(turn.of(KIND_USER_SPEECH)) or _words(turn.of(KIND_STT))
    return " ".join(filter(None, (*turn.written, said)))


def agent_words(turn: Turn) -> str:
    """Return what the agent said aloud or, in a turn without sound, wrote.

    Speech that was cut, whose played words nobody told, and speech that was made and never
    played have none: what the caller did not hear was not said.
    """
    speech, synthesised = turn.of(KIND_AGENT_SPEECH), turn.of(KIND_TTS)
    if not speech and synthesised:
        return ""
    spoken = _words(speech)
    if spoken or any(stage.outcome == "interrupted" for stage in speech):
        return spoken
    answers = [stage for stage in turn.of(*MODEL) if stage.outcome == "ok"]
    return _words(synthesised) or _words(answers) or _words(answers, fact="output")


def _words(stages: list[Stage], fact: str = "text") -> str:
    said = (_text(s.facts.get(fact)) for s in stages if not s.facts.get("talked_over"))
    return " ".join(text for text in said if text)


def _text(said: object) -> str:
    """Return text, or that of chat messages."""
    if isinstance(said, list):
        return " ".join(_text(message.get("content")) for message in said if message).strip()
    return said if isinstance(said, str) else ""


def _produced(stage: Stage) -> bool:
    return stage.outcome == "ok" and not stage.open
