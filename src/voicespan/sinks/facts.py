"""A span in, the few facts worth a line on a screen out: plain text, no control characters."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import StatusCode

from voicespan import attributes as a
from voicespan.primitives.clock import NANOSECONDS

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

LONGEST = 100
"""Characters of one text that are shown."""

_QUIET_EVENTS = frozenset({a.EVENT_EXCEPTION, a.EVENT_FIRST_AUDIO})

Attributes = Mapping[str, Any]
Rows = Mapping[str, Callable[[Any], str]]


def turn_facts(span: ReadableSpan) -> list[str]:
    """Return how a turn went: outcome, time to first audio by owner, answer, barge-in, cost."""
    attributes = span.attributes or {}
    return [
        *_shown(attributes, {a.VOICE_TURN_OUTCOME: line}),
        *_first_audio(attributes),
        *_shown(attributes, _TURN),
        *_events(span),
        *_trouble(span),
    ]


def session_facts(span: ReadableSpan) -> list[str]:
    """Return how a call went."""
    return [*_shown(span.attributes or {}, _SESSION), *_events(span), *_trouble(span)]


def stage_facts(span: ReadableSpan) -> list[str]:
    """Return what a stage consumed, made and ran into."""
    attributes = span.attributes or {}
    return [
        *_shown(attributes, _STAGE),
        *_tokens(attributes),
        *_tool(attributes),
        *_shown(attributes, {a.GEN_AI_USAGE_COST: _dollars}),
        *_events(span),
        *_trouble(span),
    ]


def said(span: ReadableSpan) -> Iterator[tuple[str, str]]:
    """Yield who said what in a turn, where its span has kept it."""
    attributes = span.attributes or {}
    for who, name in (("user", a.GEN_AI_INPUT_MESSAGES), ("agent", a.GEN_AI_OUTPUT_MESSAGES)):
        if name in attributes:
            yield who, line(_words(attributes[name]))


def failed(span: ReadableSpan) -> bool:
    """Whether the span ended in an error."""
    return span.status.status_code is StatusCode.ERROR


def line(text: object) -> str:
    """Return a text on one line, cut to `LONGEST`, with nothing in it a terminal would obey."""
    words = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


def _milliseconds(time: float) -> str:
    return f"{time * 1000:.0f} ms"


def _dollars(cost: float) -> str:
    return f"${cost:.4f}"


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


_TURN: Rows = {
    a.VOICE_TURN_TIME_TO_ANSWER: lambda wait: f"answer {_milliseconds(wait)}",
    a.VOICE_BARGE_IN_LATENCY: lambda wait: f"silent {_milliseconds(wait)} after barge-in",
    a.VOICE_TURN_COST: _dollars,
}
_SESSION: Rows = {
    a.VOICE_SESSION_END_REASON: lambda reason: f"ended: {line(reason)}",
    a.VOICE_SESSION_OUTCOME: line,
    a.VOICE_SESSION_TURN_COUNT: lambda count: _count(count, "turn"),
    a.VOICE_SESSION_INTERRUPTION_COUNT: lambda count: _count(count, "interruption"),
    a.VOICE_SESSION_TTFA_P50: lambda ttfa: f"first audio p50 {_milliseconds(ttfa)}",
    a.VOICE_SESSION_TTFA_P95: lambda ttfa: f"p95 {_milliseconds(ttfa)}",
    a.VOICE_SESSION_COST: _dollars,
}
_STAGE: Rows = {
    a.GEN_AI_PROVIDER_NAME: line,
    a.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: lambda wait: f"first after {_milliseconds(wait)}",
    a.VOICE_STT_AUDIO_DURATION: lambda audio: f"{audio:.1f} s of audio",
    a.VOICE_STT_CONFIDENCE: lambda confidence: f"confidence {confidence:.2f}",
    a.VOICE_TTS_CHARACTERS: lambda count: _count(count, "character"),
    a.VOICE_TTS_AUDIO_DURATION: lambda audio: f"{audio:.1f} s of audio",
    a.VOICE_AGENT_SPEECH_HEARD: lambda heard: f"{heard:.1f} s heard",
    a.VOICE_AGENT_SPEECH_SYNTHESIZED: lambda made: f"{made:.1f} s made",
    a.VOICE_STAGE_INTERRUPTED: lambda cut: "cut short" if cut else "not cut",
}


def _shown(attributes: Attributes, rows: Rows) -> list[str]:
    return [show(attributes[name]) for name, show in rows.items() if name in attributes]


def _first_audio(attributes: Attributes) -> Iterator[str]:
    """Yield the silence and who owned it, in the order it passed; who owned nothing is left out."""
    total = attributes.get(a.VOICE_TURN_TIME_TO_FIRST_AUDIO)
    if total is None:
        return
    owned = {part: attributes.get(name, 0) for part, name in a.TTFA_ATTRIBUTES.items()}
    parts = " + ".join(f"{part} {t * 1000:.0f}" for part, t in owned.items() if t >= 0.0005)
    yield f"first audio {_milliseconds(total)}" + (f" = {parts}" if parts else "")


def _tokens(attributes: Attributes) -> Iterator[str]:
    asked = attributes.get(a.GEN_AI_USAGE_INPUT_TOKENS)
    answered = attributes.get(a.GEN_AI_USAGE_OUTPUT_TOKENS)
    if asked is not None or answered is not None:
        yield " → ".join("?" if n is None else str(n) for n in (asked, answered)) + " tokens"


def _tool(attributes: Attributes) -> Iterator[str]:
    arguments = attributes.get(a.GEN_AI_TOOL_CALL_ARGUMENTS)
    result = attributes.get(a.GEN_AI_TOOL_CALL_RESULT)
    if arguments is not None or result is not None:
        yield f"{line('' if arguments is None else arguments)} → {line(result)}".strip()


def _events(span: ReadableSpan) -> Iterator[str]:
    for event in span.events:
        if event.name not in _QUIET_EVENTS:
            after = (event.timestamp - (span.start_time or 0)) / NANOSECONDS
            yield f"{line(event.name)} at {_milliseconds(after)}"


def _trouble(span: ReadableSpan) -> Iterator[str]:
    """Yield the error's class and, where masking left them, its words."""
    error = (span.attributes or {}).get(a.ERROR_TYPE)
    if error is not None or failed(span):
        words = f": {line(span.status.description)}" if span.status.description else ""
        yield f"✗ {line(error or 'error')}{words}"


def _words(messages: object) -> str:
    """Return the text of messages in the convention's shape; what has another shape as it is."""
    try:
        parsed = json.loads(str(messages))
        parts = [part for message in parsed for part in message["parts"]]
        return " ".join(part["content"] for part in parts if part.get("type") == "text")
    except (ValueError, TypeError, KeyError, AttributeError):
        return str(messages)
