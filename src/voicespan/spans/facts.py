"""A stage's facts in, its span's attributes out: one table, a row a fact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from voicespan import attributes as a
from voicespan._guard import guard, warn_once
from voicespan.primitives.clock import seconds
from voicespan.primitives.records import Stage
from voicespan.providers import provider_name
from voicespan.spans.values import Convert, as_strings, as_text, messages, scalar

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

MAX_CUSTOM = 64
"""Attributes of the user's own per span: beyond 128 in all, the SDK drops the oldest."""

Rows = dict[str, tuple[str, Convert]]


def _ask(value: object) -> AttributeValue | None:
    return messages(value, "user")


def _hear(value: object) -> AttributeValue | None:
    return messages(value, "user", output=True)


def _submit(value: object) -> AttributeValue | None:
    return messages(value, "assistant")


def _say(value: object) -> AttributeValue | None:
    return messages(value, "assistant", output=True)


def _system(value: object) -> AttributeValue | None:
    parts = value if isinstance(value, list) else [{"type": "text", "content": as_text(value)}]
    return as_text(parts)


_CALL: Rows = {
    "provider": (a.GEN_AI_PROVIDER_NAME, provider_name),
    "model": (a.GEN_AI_REQUEST_MODEL, str),
    "response_model": (a.GEN_AI_RESPONSE_MODEL, str),
    "response_id": (a.GEN_AI_RESPONSE_ID, str),
    "server_address": (a.SERVER_ADDRESS, str),
    "stream": (a.GEN_AI_REQUEST_STREAM, bool),
    "temperature": (a.GEN_AI_REQUEST_TEMPERATURE, float),
    "input_tokens": (a.GEN_AI_USAGE_INPUT_TOKENS, int),
    "output_tokens": (a.GEN_AI_USAGE_OUTPUT_TOKENS, int),
    "audio_input_tokens": (a.GEN_AI_USAGE_AUDIO_INPUT_TOKENS, int),
    "audio_output_tokens": (a.GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS, int),
    "audio_cache_read_tokens": (a.GEN_AI_USAGE_AUDIO_CACHE_READ_INPUT_TOKENS, int),
}
_MODEL: Rows = {
    **_CALL,
    "finish_reasons": (a.GEN_AI_RESPONSE_FINISH_REASONS, as_strings),
    "max_tokens": (a.GEN_AI_REQUEST_MAX_TOKENS, int),
    "top_p": (a.GEN_AI_REQUEST_TOP_P, float),
    "top_k": (a.GEN_AI_REQUEST_TOP_K, float),
    "seed": (a.GEN_AI_REQUEST_SEED, int),
    "stop_sequences": (a.GEN_AI_REQUEST_STOP_SEQUENCES, as_strings),
    "frequency_penalty": (a.GEN_AI_REQUEST_FREQUENCY_PENALTY, float),
    "presence_penalty": (a.GEN_AI_REQUEST_PRESENCE_PENALTY, float),
    "cache_read_tokens": (a.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, int),
    "cache_write_tokens": (a.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS, int),
    "reasoning_tokens": (a.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, int),
}

FACTS: Mapping[str, Rows] = {
    a.KIND_USER_SPEECH: {},
    a.KIND_STT: {
        **_CALL,
        "confidence": (a.VOICE_STT_CONFIDENCE, float),
        "language": (a.GEN_AI_SPEECH_INPUT_LANGUAGE, str),
        "audio_seconds": (a.VOICE_STT_AUDIO_DURATION, float),
    },
    a.KIND_LLM: _MODEL,
    a.KIND_REALTIME: {
        **_MODEL,
        "voice": (a.GEN_AI_SPEECH_VOICE, str),
        "language": (a.GEN_AI_SPEECH_INPUT_LANGUAGE, str),
    },
    a.KIND_TOOL: {
        "name": (a.GEN_AI_TOOL_NAME, str),
        "call_id": (a.GEN_AI_TOOL_CALL_ID, str),
        "description": (a.GEN_AI_TOOL_DESCRIPTION, str),
    },
    a.KIND_TTS: {
        **_CALL,
        "voice": (a.GEN_AI_SPEECH_VOICE, str),
        "characters": (a.VOICE_TTS_CHARACTERS, int),
        "audio_seconds": (a.VOICE_TTS_AUDIO_DURATION, float),
    },
    a.KIND_AGENT_SPEECH: {
        "synthesized": (a.VOICE_AGENT_SPEECH_SYNTHESIZED, float),
        "heard": (a.VOICE_AGENT_SPEECH_HEARD, float),
        "leading_silence": (a.VOICE_AGENT_SPEECH_LEADING_SILENCE, float),
        "gaps": (a.VOICE_AGENT_SPEECH_GAPS, float),
    },
}
"""By span kind: fact → attribute and conversion. A kind that is not here takes `_CALL`."""

CONTENT: Mapping[str, Rows] = {
    a.KIND_USER_SPEECH: {"text": (a.GEN_AI_INPUT_MESSAGES, _ask)},
    a.KIND_STT: {"text": (a.GEN_AI_OUTPUT_MESSAGES, _hear)},
    a.KIND_LLM: {
        "input": (a.GEN_AI_INPUT_MESSAGES, _ask),
        "output": (a.GEN_AI_OUTPUT_MESSAGES, _say),
        "system": (a.GEN_AI_SYSTEM_INSTRUCTIONS, _system),
    },
    a.KIND_TOOL: {
        "arguments": (a.GEN_AI_TOOL_CALL_ARGUMENTS, as_text),
        "result": (a.GEN_AI_TOOL_CALL_RESULT, as_text),
    },
    a.KIND_TTS: {"text": (a.GEN_AI_INPUT_MESSAGES, _submit)},
    a.KIND_AGENT_SPEECH: {"text": (a.GEN_AI_OUTPUT_MESSAGES, _say)},
}
"""By span kind: the facts that hold what was said."""

_OUTPUT_TYPE = {
    a.KIND_STT: a.OUTPUT_TYPE_TEXT,
    a.KIND_LLM: a.OUTPUT_TYPE_TEXT,
    a.KIND_TTS: a.OUTPUT_TYPE_SPEECH,
    a.KIND_REALTIME: a.OUTPUT_TYPE_SPEECH,
}
_FIRST_CHUNK = {
    a.KIND_LLM: "first_token",
    a.KIND_REALTIME: "first_token",
    a.KIND_TTS: "first_byte",
}
_CONTENT_LIKE = {a.KIND_REALTIME: a.KIND_LLM}


def stage_attributes(stage: Stage, *, content: bool) -> dict[str, AttributeValue]:
    """Return the attributes of one stage's span, without the user's own."""
    kind = stage.kind
    attributes: dict[str, AttributeValue] = {}
    _convert(stage.facts, FACTS.get(kind, _CALL), attributes)
    if content:
        rows = CONTENT.get(_CONTENT_LIKE.get(kind, kind), CONTENT[a.KIND_LLM])
        _convert(stage.facts, rows, attributes)
    if (provider := attributes.get(a.GEN_AI_PROVIDER_NAME)) is not None:
        attributes[a.PEER_SERVICE] = provider
    if kind in _OUTPUT_TYPE:
        attributes[a.GEN_AI_OUTPUT_TYPE] = _OUTPUT_TYPE[kind]
    if kind == a.KIND_TOOL:
        attributes[a.GEN_AI_TOOL_TYPE] = "function"
    if (first := stage.marks.get(_FIRST_CHUNK.get(kind, ""))) is not None:
        attributes[a.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK] = seconds(max(0, first - stage.start))
    if stage.outcome == "interrupted":
        attributes[a.VOICE_STAGE_INTERRUPTED] = True
    if stage.error is not None:
        attributes[a.ERROR_TYPE] = error_type(stage.error)
    return attributes


def custom(*given: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """Return the user's own attributes; a value that cannot be written is left out."""
    attributes: dict[str, AttributeValue] = {}
    for own in given:
        _convert(own, {name: (name, scalar) for name in own}, attributes)
    if len(attributes) > MAX_CUSTOM:
        warn_once("attributes", "more than %d attributes of your own on a span", MAX_CUSTOM)
        attributes = dict(list(attributes.items())[:MAX_CUSTOM])
    return attributes


def error_type(error: BaseException | str) -> str:
    """Return the value of `error.type`: `_OTHER`, as the convention has it, for a mere message."""
    return type(error).__qualname__ if isinstance(error, BaseException) else "_OTHER"


def _convert(facts: Mapping[str, Any], rows: Rows, attributes: dict[str, AttributeValue]) -> None:
    for fact, said in facts.items():
        if fact not in rows:
            continue
        name, convert = rows[fact]
        with guard(f"attribute {name}"):
            value = convert(said)
            if value is not None:
                attributes[name] = value


def subject_of(stage: Stage) -> str | None:
    """Return what a stage's span is named after: the tool, or the model."""
    subject = stage.facts.get("name" if stage.kind == a.KIND_TOOL else "model")
    return str(subject) if subject else None
