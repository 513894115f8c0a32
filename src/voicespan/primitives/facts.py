"""A kind of stage in, the names of the facts that can be stated of it out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voicespan._guard import warn_once
from voicespan.attributes import (
    KIND_AGENT_SPEECH,
    KIND_LLM,
    KIND_REALTIME,
    KIND_STT,
    KIND_TOOL,
    KIND_TTS,
    KIND_USER_SPEECH,
)
from voicespan.primitives.records import Stage, set_attribute, set_fact
from voicespan.usage import USAGE_FIELDS

_CONTENT = frozenset({"input", "output", "system"})
_SAID = frozenset({"text", "arguments", "result"})
_CALL = USAGE_FIELDS | {
    "provider",
    "model",
    "response_model",
    "response_id",
    "server_address",
    "stream",
    "temperature",
}
_OTHER = _CALL | _CONTENT
_MODEL = _OTHER | {
    "text",
    "finish_reasons",
    "max_tokens",
    "top_p",
    "top_k",
    "seed",
    "stop_sequences",
    "frequency_penalty",
    "presence_penalty",
}
_KNOWN: Mapping[str, frozenset[str]] = {
    KIND_USER_SPEECH: frozenset({"text"}),
    KIND_STT: _CALL | {"text", "confidence", "language", "talked_over"},
    KIND_LLM: _MODEL,
    KIND_REALTIME: _MODEL | {"voice", "language"},
    KIND_TOOL: frozenset({"name", "call_id", "description", "arguments", "result"}),
    KIND_TTS: _CALL | {"voice", "text"},
    KIND_AGENT_SPEECH: frozenset({"text", "synthesized", "heard", "leading_silence", "gaps"}),
}


def known_facts(kind: str) -> frozenset[str]:
    """Return the facts that become attributes of the schema on a stage of this kind."""
    return _KNOWN.get(kind, _OTHER)


def state(stage: Stage, facts: Mapping[str, Any]) -> None:
    """State facts of a stage; others are attributes where the kind is the user's own word.

    What somebody may have said never becomes one: attributes are written when content is not.
    """
    for name, value in facts.items():
        unknown = name not in known_facts(stage.kind)
        if unknown and stage.kind not in _KNOWN and name not in _SAID:
            set_attribute(stage.attributes, name, value)
            continue
        if unknown:
            warn_once(f"fact.{stage.kind}.{name}", "a %s has no fact %s", stage.kind, name)
        set_fact(stage.facts, name, value)
