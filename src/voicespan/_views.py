"""Exported spans in, frozen views of the turns and sessions they are out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from voicespan import attributes as a

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


@dataclass(frozen=True, slots=True)
class ToolView:
    """One tool call, as exported; `arguments` and `result` are None where content is withheld."""

    name: str
    arguments: Any
    result: Any
    error: str | None


@dataclass(frozen=True, slots=True)
class TurnView:
    """One turn, as exported. Seconds; `parts` by name, without zeros left out."""

    span: ReadableSpan
    stages: tuple[ReadableSpan, ...]
    spans: tuple[ReadableSpan, ...]

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The turn span's attributes."""
        return self.span.attributes or {}

    @property
    def number(self) -> int:
        """The turn's number in its session, from 1."""
        return int(self.attributes[a.VOICE_TURN_NUMBER])

    @property
    def session_id(self) -> str:
        """The session it belongs to."""
        return str(self.attributes[a.SESSION_ID])

    @property
    def initiator(self) -> str:
        """Who opened it: `user` or `agent`."""
        return str(self.attributes[a.VOICE_TURN_INITIATOR])

    @property
    def outcome(self) -> str:
        """How it ended."""
        return str(self.attributes[a.VOICE_TURN_OUTCOME])

    @property
    def ttfa(self) -> float | None:
        """Time to first audio, None where there is none."""
        return self.attributes.get(a.VOICE_TURN_TIME_TO_FIRST_AUDIO)

    @property
    def parts(self) -> Mapping[str, float]:
        """Who owned how much of the time to first audio."""
        found = {part: self.attributes.get(name) for part, name in a.TTFA_ATTRIBUTES.items()}
        return MappingProxyType({part: v for part, v in found.items() if v is not None})

    @property
    def time_to_answer(self) -> float | None:
        """Time to the answer, where a filler came first."""
        return self.attributes.get(a.VOICE_TURN_TIME_TO_ANSWER)

    @property
    def barge_in_latency(self) -> float | None:
        """User's onset to agent silent, on an interrupted turn."""
        return self.attributes.get(a.VOICE_BARGE_IN_LATENCY)

    @property
    def cost(self) -> float | None:
        """Cost in USD, None where nothing could be priced."""
        return self.attributes.get(a.VOICE_TURN_COST)

    @property
    def user_text(self) -> str | None:
        """What the user said, None where content is withheld."""
        return _text(self.attributes.get(a.GEN_AI_INPUT_MESSAGES))

    @property
    def agent_text(self) -> str | None:
        """What the agent said aloud, None where content is withheld."""
        return _text(self.attributes.get(a.GEN_AI_OUTPUT_MESSAGES))

    @property
    def events(self) -> tuple[str, ...]:
        """The names of the turn's events, in order."""
        return tuple(event.name for event in self.span.events)

    @property
    def tools(self) -> tuple[ToolView, ...]:
        """The turn's tool calls, in order."""
        return tuple(_tool(span) for span in self.stages if _kind(span) == a.KIND_TOOL)


@dataclass(frozen=True, slots=True)
class SessionView:
    """One ended session, as exported."""

    span: ReadableSpan
    turns: tuple[TurnView, ...]

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The session span's attributes."""
        return self.span.attributes or {}

    @property
    def session_id(self) -> str:
        """The session's id."""
        return str(self.attributes[a.SESSION_ID])

    @property
    def end_reason(self) -> str:
        """Why it ended."""
        return str(self.attributes[a.VOICE_SESSION_END_REASON])

    @property
    def outcome(self) -> str | None:
        """What came of it, in the application's words."""
        return self.attributes.get(a.VOICE_SESSION_OUTCOME)


def turn_views(spans: Sequence[ReadableSpan]) -> tuple[TurnView, ...]:
    """Return the turns among these spans, in their order."""
    return tuple(_turn(span, spans) for span in spans if _is(span, a.KIND_TURN))


def session_views(spans: Sequence[ReadableSpan]) -> tuple[SessionView, ...]:
    """Return the ended sessions among these spans, in their order."""
    turns = turn_views(spans)
    views = (SessionView(span, ()) for span in spans if _is(span, a.KIND_SESSION))
    return tuple(
        replace(view, turns=tuple(t for t in turns if t.session_id == view.session_id))
        for view in views
    )


def _turn(turn: ReadableSpan, spans: Sequence[ReadableSpan]) -> TurnView:
    children = _children(turn, spans)
    below = list(children)
    for span in below:  # grows as it is walked: children's children
        below.extend(_children(span, spans))
    stages = tuple(span for span in children if _is_ours(span))
    return TurnView(turn, stages, (turn, *sorted(below, key=lambda span: span.start_time or 0)))


def _children(of: ReadableSpan, spans: Sequence[ReadableSpan]) -> list[ReadableSpan]:
    parent = of.context.span_id if of.context is not None else None
    return [s for s in spans if s.parent is not None and s.parent.span_id == parent]


def _tool(span: ReadableSpan) -> ToolView:
    found = span.attributes or {}
    return ToolView(
        str(found.get(a.GEN_AI_TOOL_NAME)),
        _parsed(found.get(a.GEN_AI_TOOL_CALL_ARGUMENTS)),
        _parsed(found.get(a.GEN_AI_TOOL_CALL_RESULT)),
        str(found[a.ERROR_TYPE]) if a.ERROR_TYPE in found else None,
    )


def _parsed(value: object) -> object:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _text(messages: object) -> str | None:
    if not isinstance(messages, str):
        return None
    parts = (part for message in json.loads(messages) for part in message["parts"])
    return " ".join(str(part["content"]) for part in parts if "content" in part)


def _is_ours(span: ReadableSpan) -> bool:
    scope = span.instrumentation_scope
    return scope is not None and scope.name == a.SCOPE_NAME


def _is(span: ReadableSpan, kind: str) -> bool:
    return _is_ours(span) and _kind(span) == kind


def _kind(span: ReadableSpan) -> object:
    return (span.attributes or {}).get(a.VOICE_SPAN_KIND)
