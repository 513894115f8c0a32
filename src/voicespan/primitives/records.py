"""The plain records of a call: what the tracker fills in and every listener reads."""

from __future__ import annotations

import traceback
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from voicespan._guard import guard, warn_once
from voicespan.attributes import (
    EVENT_EXCEPTION,
    EXCEPTION_MESSAGE,
    EXCEPTION_STACKTRACE,
    EXCEPTION_TYPE,
)

Initiator = Literal["user", "agent"]
Outcome = Literal["completed", "interrupted", "error", "no_response", "abandoned"]
StageOutcome = Literal["ok", "error", "interrupted"]
WaitedFor = Literal["silence", "transcript"]

MAX_EVENTS = 128
"""Events kept per stage, turn and session; OpenTelemetry's own default limit per span."""
MAX_ATTRIBUTES = 64
"""Attributes of the user's own kept per stage and turn; OpenTelemetry keeps 128 with ours."""
MAX_IDENTITY_ATTRIBUTES = 32
"""Attributes of the user's own kept per call: every one of its spans carries them."""
MAX_FACTS = 128
"""Facts, and marks, kept per stage."""
MAX_TEXT = 100_000
"""Characters of text kept per stage or turn that is told piece by piece."""


@dataclass(slots=True)
class Event:
    """Something that happened at one instant; `at` in nanoseconds on the session's clock."""

    name: str
    at: int
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Stage:
    """One piece of work in a turn: speech heard, a provider call, a tool, speech played.

    `marks` are instants inside it (`first_token`, `first_byte`, …), `facts` what the integration
    said of it (`provider`, `model`, `input_tokens`, …; `primitives.facts` has the names),
    `attributes` the user's own. `final` means no more facts are expected.
    """

    kind: str
    start: int
    end: int | None = None
    key: Hashable | None = None
    marks: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    outcome: StageOutcome = "ok"
    error: BaseException | str | None = None
    final: bool = False
    turn: Turn | None = field(default=None, repr=False)

    @property
    def open(self) -> bool:
        """Whether the stage is still going on."""
        return self.end is None

    @property
    def settled(self) -> bool:
        """Whether the stage's turn has been written out, so that nothing can be added."""
        return self.turn is not None and self.turn.settled

    def close(self, at: int, outcome: StageOutcome | None = None) -> None:
        """End at `at`, never before the start."""
        self.end = max(at, self.start)
        self.outcome = outcome or self.outcome


@dataclass(slots=True, eq=False)
class Turn:
    """One exchange; `number` counts from 1 and is 0 while the turn is provisional.

    `agent` is whose turn it is: the name the call's agent had when the turn opened.

    Once `settled` nothing in it changes any more.
    """

    start: int
    number: int = 0
    initiator: Initiator = "user"
    agent: str | None = None
    end: int | None = None
    outcome: Outcome | None = None
    committed: int | None = None
    waited_for: WaitedFor | None = None
    endpointing_delay: float | None = None
    endpointing_probability: float | None = None
    preemptive: bool | None = None
    key: Hashable | None = None
    written: list[str] = field(default_factory=list)
    barge_in_latency: int | None = None
    error: BaseException | str | None = None
    stages: list[Stage] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    settled: bool = False

    def of(self, *kinds: str) -> list[Stage]:
        """Return this turn's stages of the given kinds, in order of placement."""
        return [stage for stage in self.stages if stage.kind in kinds]


@dataclass(slots=True)
class Identity:
    """Who is calling whom, as far as anybody has said; `session_id` is always set."""

    session_id: str
    agent: str | None = None
    agent_version: str | None = None
    user_id: str | None = None
    call_sid: str | None = None
    external_session_id: str | None = None
    tenant: str | None = None
    transport: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)

    def learn(self, known: Mapping[str, Any]) -> None:
        """Take over what is now known; unknown names and values that are no text are refused."""
        for name, value in known.items():
            if value is None:
                continue
            if name == "attributes" and isinstance(value, Mapping):
                for key, item in value.items():
                    set_attribute(self.attributes, str(key), item, MAX_IDENTITY_ATTRIBUTES)
            elif name in _IDENTITY and isinstance(value, str | int):
                setattr(self, name, str(value))
            else:
                warn_once(f"identify.{name}", "cannot identify a call by %s", name)


_IDENTITY = frozenset(Identity.__slots__) - {"session_id", "attributes"}


class _Exception(Mapping[str, str]):
    """What an exception says of itself: put into words when read, off the caller's thread."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __getitem__(self, name: str) -> str:
        return self._said[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._said)

    def __len__(self) -> int:
        return len(self._said)

    @cached_property
    def _said(self) -> dict[str, str]:
        said = {EXCEPTION_TYPE: type(self._error).__qualname__}
        with guard("exception"):  # what an exception has to say of itself may raise, too
            said[EXCEPTION_STACKTRACE] = "".join(traceback.format_exception(self._error))
            said[EXCEPTION_MESSAGE] = str(self._error)
        return said


def exception_event(error: BaseException | str, at: int) -> Event:
    """Return the event OpenTelemetry records for an exception; `error` may be just a message."""
    if isinstance(error, str):
        return Event(EVENT_EXCEPTION, at, {EXCEPTION_TYPE: "Error", EXCEPTION_MESSAGE: error})
    return Event(EVENT_EXCEPTION, at, _Exception(error))


def add_event(events: list[Event], event: Event) -> None:
    """Append an event unless the list is full."""
    if len(events) < MAX_EVENTS:
        events.append(event)


def set_attribute(
    attributes: dict[str, Any], name: str, value: object, limit: int = MAX_ATTRIBUTES
) -> None:
    """Set an attribute unless that would make one too many."""
    if name in attributes or len(attributes) < limit:
        attributes[name] = value
    else:
        warn_once(f"attributes.{limit}", "more than %d attributes: the rest is dropped", limit)


def set_fact(facts: dict[str, Any], name: str, value: object) -> None:
    """State a fact, or a mark, unless that would make one too many."""
    if name in facts or len(facts) < MAX_FACTS:
        facts[name] = value


def add_written(written: list[str], text: str) -> None:
    """Append what the user typed, up to the bounds on events and on text."""
    room = MAX_TEXT - sum(map(len, written))
    if room > 0 and len(written) < MAX_EVENTS:
        written.append(text[:room])


def add_text(facts: dict[str, Any], text: str) -> None:
    """Append to the `text` among a stage's facts, up to its bound."""
    if said := facts.get("text"):
        text = f"{said} {text}"
    facts["text"] = text[:MAX_TEXT]
