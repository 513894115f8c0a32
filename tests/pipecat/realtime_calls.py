"""Situations of a call with a speech-to-speech service in; the truth of it, and ours, out."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from pipecat.services.llm_service import FunctionCallParams

from tests.pipecat.realtime_rig import RealtimeCall, hold
from tests.pipecat.realtime_server import Calls, Heard, Provider, Reply
from tests.pipecat.rig import Tool
from voicespan import attributes as a
from voicespan.demo.truth import AgentSpeech, Instant, UserSpeech
from voicespan.primitives.calls import in_force
from voicespan.testing import SessionView, TurnView, capture

TOLERANCE = 0.06
TICK = 0.005
Script = Callable[[RealtimeCall], Awaitable[None]]

HELLO = Reply(words=("Hel", "lo", "."), seconds=0.4)
NOON = Reply(words=("It", " is", " no", "on", "."), seconds=0.8)
LONG = Reply(words=("It", " has", " two", " hands", ".") * 4, seconds=4.0, pace=1.3)
READY = Reply(words=LONG.words, seconds=4.0, pace=16.0)  # generated before it is talked over
TIME = Heard("what time is it")
CLOCK = Calls("clock", {"zone": "CET"})

AUDIO_USAGE = {
    a.GEN_AI_USAGE_INPUT_TOKENS: 180,
    a.GEN_AI_USAGE_OUTPUT_TOKENS: 60,
    a.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: 64,
    a.GEN_AI_USAGE_AUDIO_INPUT_TOKENS: 80,
    a.GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS: 40,
    a.GEN_AI_USAGE_AUDIO_CACHE_READ_INPUT_TOKENS: 24,
}
"""What both providers' scripts consume with every response."""


@dataclass(frozen=True)
class Situation:
    """One call: what the provider is going to do and what the caller does.

    `vad`: turns are decided locally. `greet`: the model is asked to begin.
    """

    script: Script
    heard: tuple[Heard, ...]
    replies: tuple[Reply, ...]
    vad: bool = False
    transcribe: bool = True
    greet: bool = True
    tools: Mapping[str, Tool] = field(default_factory=dict)


@dataclass(frozen=True)
class Played:
    """One call that was held: the server's account of it, the transport's, and ours.

    `tolerance`: in seconds, for times; on a busy machine everybody is told late.
    """

    server: Any
    user: list[UserSpeech]
    agent: list[AgentSpeech]
    session: SessionView
    tolerance: float

    @property
    def turns(self) -> tuple[TurnView, ...]:
        """The turns as exported."""
        return self.session.turns


Service = Callable[[str, Situation], Any]


async def play(
    situations: Mapping[str, Situation],
    provider: Callable[..., Provider],
    service: Service,
    **options: Any,
) -> Mapping[str, Played]:
    """Hold every call at once in this process: nothing of one may show in another."""

    async def one(name: str, of: Situation) -> tuple[Provider, RealtimeCall]:
        server = provider(of.heard, of.replies)
        async with server.listening():
            known: dict[str, Any] = {"tools": of.tools, "vad": of.vad} | options
            call = RealtimeCall(name, server, service(server.url, of), **known)
            await hold(call, of.script, greet=of.greet)
        return server, call

    with capture(mask=None) as captured:
        watch = asyncio.create_task(_longest_stall())
        held = await asyncio.gather(*(one(name, of) for name, of in situations.items()))
        watch.cancel()
        assert in_force.current().under_way() == []
    tolerance = TOLERANCE + await watch
    sessions = {session.session_id: session for session in captured.sessions}
    return {
        name: Played(server, call.truth.user, call.truth.agent, sessions[name], tolerance)
        for name, (server, call) in zip(situations, held, strict=True)
    }


async def _longest_stall() -> float:
    """For how long the loop was not its own, at most, since everybody has been greeted."""
    longest, started = 0.0, time.monotonic()
    while True:
        due = time.monotonic() + TICK
        try:
            await asyncio.sleep(TICK)
        except asyncio.CancelledError:
            return longest
        if due - started > 0.5:
            longest = max(longest, time.monotonic() - due)


# --- what callers do -----------------------------------------------------------------------------


async def one_exchange(call: RealtimeCall) -> None:
    await call.answered()
    await call.say("what time is it")
    await call.answered()


async def two_exchanges(call: RealtimeCall) -> None:
    await one_exchange(call)
    await call.say("and now", seconds=0.7)
    await call.answered()


async def caller_begins(call: RealtimeCall) -> None:
    await call.pause(0.3)
    await call.say("what time is it")
    await call.answered()


async def unanswered(call: RealtimeCall) -> None:
    await call.answered()
    await call.say("what time is it")
    await call.pause(1.2)


async def talks_over_audio(call: RealtimeCall) -> None:
    await call.answered()
    await call.say("tell me about clocks", seconds=0.7)
    await call.agent_spoke()
    await call.pause(0.8)
    await call.say("stop", seconds=0.6)
    await call.agent_done()
    await call.answered()


async def talks_over_thinking(call: RealtimeCall) -> None:
    await call.answered()
    await call.say("tell me about", seconds=0.7)
    await call.pause(0.8)
    await call.say("clocks", seconds=0.6)
    await call.answered()


async def hears_a_filler(call: RealtimeCall) -> None:
    await call.answered()
    await call.say("what time is it")
    await call.answered()
    await call.answered()


async def hangs_up(call: RealtimeCall) -> None:
    await call.answered()
    await call.say("tell me about clocks", seconds=0.7)
    await call.agent_spoke()
    await call.pause(0.5)
    await call.cancel()


async def clock(params: FunctionCallParams) -> None:
    await asyncio.sleep(0.4)
    await params.result_callback({"time": "12:00"})


async def instant_clock(params: FunctionCallParams) -> None:
    await params.result_callback({"time": "12:00"})


# --- what is expected ----------------------------------------------------------------------------


def kinds(turn: TurnView) -> list[Any]:
    return [(span.attributes or {})[a.VOICE_SPAN_KIND] for span in turn.stages]


def stages(turn: TurnView, kind: str) -> list[ReadableSpan]:
    return [s for s in turn.stages if (s.attributes or {})[a.VOICE_SPAN_KIND] == kind]


def facts(span: ReadableSpan, names: Mapping[str, Any]) -> dict[str, Any]:
    return {name: (span.attributes or {}).get(name) for name in names}


def seconds_between(start: Instant | None, end: Instant | None) -> float:
    assert start is not None
    assert end is not None
    return (end.mono_ns - start.mono_ns) / 1e9


def first_after(times: list[Instant], start: Instant | None) -> Instant:
    assert start is not None
    return next(at for at in times if at.mono_ns > start.mono_ns)


def assert_silence(call: Played, turn: TurnView, said: int) -> None:
    """The silence between what was said and heard is the turn's; the model's but for the VAD."""
    end = call.user[said].end
    heard = first_after([speech.first_played for speech in call.agent], end)
    truth = seconds_between(end, heard)
    assert turn.ttfa == pytest.approx(truth, abs=call.tolerance), call.agent
    assert sum(turn.parts.values()) == pytest.approx(turn.ttfa, abs=1e-6)
    owners = {part: spent for part, spent in turn.parts.items() if spent > 0.01}
    assert set(owners) <= {"endpointing", "llm", "tool"}


def assert_identified(turn: TurnView, provider: str, models: Mapping[str, str]) -> None:
    """Every provider call says whose it is; `models` by span kind."""
    for span in turn.stages:
        kind = str((span.attributes or {})[a.VOICE_SPAN_KIND])
        if kind in models:
            expected = {a.GEN_AI_PROVIDER_NAME: provider, a.GEN_AI_REQUEST_MODEL: models[kind]}
            assert facts(span, expected) == expected


def assert_whole(name: str, call: Played) -> None:
    """The call has its own turns only, numbered from one, and every span ended."""
    assert [turn.number for turn in call.turns] == list(range(1, len(call.turns) + 1)), name
    assert call.session.attributes[a.VOICE_SESSION_TURN_COUNT] == len(call.turns)
    for span in (span for turn in call.turns for span in turn.spans):
        assert (span.end_time or 0) >= (span.start_time or 0) > 0
        assert (span.attributes or {})[a.SESSION_ID] == name
