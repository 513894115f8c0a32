"""A block of code with voice calls in it in, what voicespan would have exported of them out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from voicespan import _config, _guard
from voicespan import attributes as a
from voicespan._installation import install, provider_in_use, steps_of
from voicespan.primitives.clock import NANOSECONDS, Clock, SystemClock
from voicespan.primitives.worker import InlineWorker
from voicespan.processors.exporter import VoiceSpanExporter

__all__ = ["Captured", "FakeClock", "SessionView", "ToolView", "TurnView", "capture"]


class FakeClock:
    """A clock that only moves when told to. Begins at a fixed instant; wall time may be stepped."""

    def __init__(self, wall: float = 1_700_000_000.0) -> None:
        """Begin at `wall`, in epoch seconds."""
        self._monotonic = 0
        self._wall = round(wall * NANOSECONDS)

    def wall_ns(self) -> int:
        """Return nanoseconds since the epoch."""
        return self._wall + self._monotonic

    def monotonic_ns(self) -> int:
        """Return nanoseconds since the clock was made."""
        return self._monotonic

    def time(self) -> float:
        """Return epoch seconds, as `at=` wants them."""
        return self.wall_ns() / NANOSECONDS

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._monotonic += round(seconds * NANOSECONDS)

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an operator or NTP does."""
        self._wall += round(seconds * NANOSECONDS)


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

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The turn span's attributes."""
        return self.span.attributes or {}

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """The turn's span and those of its stages, in order of start."""
        return (self.span, *self.stages)

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


class Captured:
    """What has been exported so far; `clock` moves by `advance()` if it is a `FakeClock`."""

    def __init__(self, exporter: InMemorySpanExporter, clock: Clock, worker: InlineWorker) -> None:
        """Read from `exporter`."""
        self.clock = clock
        self._exporter = exporter
        self._worker = worker

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """Every span exported, ours and others', in order of start."""
        return tuple(
            sorted(self._exporter.get_finished_spans(), key=lambda span: span.start_time or 0)
        )

    @property
    def turns(self) -> tuple[TurnView, ...]:
        """Every turn exported, in order of start."""
        ours = [span for span in self.spans if _is_ours(span)]
        turns = [span for span in ours if _kind(span) == a.KIND_TURN]
        return tuple(TurnView(turn, _children(turn, ours)) for turn in turns)

    @property
    def sessions(self) -> tuple[SessionView, ...]:
        """Every session that has ended, in order of start."""
        ended = [span for span in self.spans if _is_ours(span) and _kind(span) == a.KIND_SESSION]
        views = (SessionView(span, ()) for span in ended)
        return tuple(
            replace(view, turns=tuple(t for t in self.turns if t.session_id == view.session_id))
            for view in views
        )

    def advance(self, seconds: float) -> None:
        """Let time pass on a `FakeClock`: what has taken too long is given up on, as in life."""
        if not isinstance(self.clock, FakeClock):
            raise TypeError("only a FakeClock can be advanced: capture(clock=FakeClock())")
        self.clock.advance(seconds)
        self._worker.advance(self.clock.monotonic_ns())


class _Recorder(SpanProcessor):
    """Exports each span as it ends; unlike the SDK's it lets what is raised pass, for `strict`."""

    def __init__(self, exporter: VoiceSpanExporter) -> None:
        self._exporter = exporter

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is not None and span.context.trace_flags.sampled:
            self._exporter.export((span,))


@contextmanager
def capture(
    *,
    mask: object = "default",
    strict: bool = True,
    clock: Clock | None = None,
    trace_per: str = "turn",
    capture_content: bool = True,
) -> Iterator[Captured]:
    """Record what voicespan exports within this block, with no exporter, thread or waiting.

    Takes over from any `instrument()` meanwhile. `mask=None` shows content as it is; `strict`
    raises voicespan's own errors instead of logging them. Sessions left open end with the block.
    """
    arguments = {"mask": mask, "trace_per": trace_per, "capture_content": capture_content}
    config = _config.resolve(arguments, environment={})
    exporter, worker, clock = InMemorySpanExporter(), InlineWorker(), clock or SystemClock()
    processor = _Recorder(VoiceSpanExporter(exporter, steps=steps_of(config)))
    installation = install(
        config,
        provider_in_use(),
        processors=(processor,),
        clock=clock,
        worker=worker,
        captures=True,
    )
    with ExitStack() as stack:
        if strict:
            stack.enter_context(_guard.strict())
        installation.enter()
        stack.callback(installation.leave)
        stack.callback(installation.calls.end_all, "captured")
        yield Captured(exporter, clock, worker)


def _children(turn: ReadableSpan, spans: Sequence[ReadableSpan]) -> tuple[ReadableSpan, ...]:
    context = turn.context
    if context is None:
        return ()
    return tuple(s for s in spans if s.parent is not None and s.parent.span_id == context.span_id)


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


def _kind(span: ReadableSpan) -> object:
    return (span.attributes or {}).get(a.VOICE_SPAN_KIND)
