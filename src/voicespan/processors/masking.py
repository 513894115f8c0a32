"""Drafts in, the same without anything private out; until detectors exist, content is withheld."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.trace import Link, Status

from voicespan.attributes import VOICE_PII_FAILED
from voicespan.processors.draft import Draft
from voicespan.schema import SCHEMA, content_keys

CONTENT = content_keys()
SAFE = frozenset(SCHEMA) - CONTENT

PRESETS = ("default", "pci", "hipaa", "gdpr", "paranoid")
"""The policies by name."""

_FOREIGN_PREFIXES = (
    "gen_ai.prompt",
    "gen_ai.completion",
    "input.",
    "output.",
    "llm.input_messages",
    "llm.output_messages",
    "traceloop.entity.",
    "lk.",
)
"""Where other instrumentations put what was said (OpenInference, OpenLLMetry, LiveKit)."""

_FOREIGN_KEYS = frozenset({"input", "output", "text", "transcript", "tools", "system"})
"""Where Pipecat's native spans do."""


class Mask:
    """Keeps private content inside the process. Fails closed.

    `policy` names a preset. Until the detectors are there, every policy withholds content:
    attributes that hold what was said are absent, never raw.

    A draft this policy has been through is passed as it is: one masked by an earlier step, and
    a span of ours whose scope says so (`voice.pii.policy`, written by `instrument(mask=...)`).
    Without that word, or under another policy, our spans are masked like anybody's.
    """

    def __init__(self, policy: str = "default") -> None:
        """Remember the policy. Raises `ValueError` for a name that is no preset's."""
        if policy not in PRESETS:
            raise ValueError(f"no masking policy {policy!r}; there are: {', '.join(PRESETS)}")
        self.policy = policy

    def __call__(self, drafts: list[Draft]) -> list[Draft]:
        """Remove content from attributes, events, links' attributes and status."""
        for draft in drafts:
            if draft.masked != self.policy:
                _withhold(draft)
                draft.masked = self.policy
        return drafts

    def withhold(self, drafts: list[Draft]) -> list[Draft]:
        """Return the drafts, those not yet masked with nothing but the schema's own facts."""
        for draft in drafts:
            if draft.masked == self.policy:
                continue
            draft.attributes = {k: v for k, v in draft.attributes.items() if k in SAFE}
            draft.attributes[VOICE_PII_FAILED] = True
            draft.events, draft.links = [], []
            draft.status = Status(draft.status.status_code)
        return drafts


def _withhold(draft: Draft) -> None:
    for name in [name for name in draft.attributes if _is_content(name)]:
        del draft.attributes[name]
    for event in draft.events:
        event.attributes = _without_content(event.attributes)
    draft.links = [_without_words(link) for link in draft.links]
    if draft.status.description:
        draft.status = Status(draft.status.status_code)


def _without_words(link: Link) -> Link:
    attributes = link.attributes or {}
    if not any(map(_is_content, attributes)):
        return link
    kept = BoundedAttributes(attributes=_without_content(attributes))
    kept.dropped = link.dropped_attributes
    return Link(link.context, kept)


def _without_content(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if not _is_content(name)}


def _is_content(name: str) -> bool:
    return name in CONTENT or name in _FOREIGN_KEYS or name.startswith(_FOREIGN_PREFIXES)
