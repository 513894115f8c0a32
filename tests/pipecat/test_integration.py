"""Pipecat calls with something wrong: the conversation is never changed, and every span ends."""

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from opentelemetry import trace
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import FunctionCallParams

import voicespan
from tests.pipecat.calls import LONG, LOOK_UP, look_up, say
from tests.pipecat.conftest import quiet_pipecat
from tests.pipecat.rig import Bot, Call, run_call, turn_strategies
from tests.situations import HERE, ORDER
from voicespan import attributes as a
from voicespan.demo.pipecat_services import Speech
from voicespan.integrations.pipecat import frames, tap, worker
from voicespan.integrations.pipecat.services import Service
from voicespan.primitives.call import Call as CallState
from voicespan.testing import capture

Script = Callable[[Call], Awaitable[None]]


def bot() -> Bot:
    """An agent quick enough to hold the same call many times over."""
    return Bot(
        greeting="Hello!",
        replies=[LOOK_UP, say(LONG, first_token=0.05), say("Bye.", first_token=0.05)],
        tools={"look_up": look_up},
        speech=Speech(first_byte=0.05),
        strategies=turn_strategies(silence=0.2),
    )


async def everything(c: Call) -> None:
    """A greeting, a tool, a barge-in and an orderly end."""
    await c.answered()
    await everything_after_the_greeting(c)


async def everything_after_the_greeting(c: Call) -> None:
    await c.say(ORDER, seconds=0.4)
    await c.agent_spoke()
    await c.pause(0.2)
    await c.say("Stop.", seconds=0.4)
    await c.agent_done()
    await c.answered()
    await c.end()


def hold(script: Script = everything, of: Callable[[], Bot] = bot) -> Call:
    with quiet_pipecat():
        return asyncio.run(run_call(of(), script))


def said(call: Call) -> list[tuple[object, object]]:
    """Return the conversation as Pipecat itself remembers it."""
    messages = [message for message in call.context.messages if isinstance(message, dict)]
    return [(message.get("role"), message.get("content")) for message in messages]


def raising(*args: Any, **kwargs: Any) -> Any:
    raise TypeError("forced")


def break_handlers(patch: pytest.MonkeyPatch) -> None:
    broken = {
        name: frames.Handler(None, raising, downstream=False, once=False)
        for name in frames.HANDLERS
    }
    patch.setattr(frames, "HANDLERS", broken)


def break_verbs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(CallState, "tell", raising)


def break_services(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Service, "facts", raising)
    patch.setattr(Service, "wrap", raising)


def break_tap(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(tap.Tap, "install", raising)
    patch.setattr(tap.Tap, "finish", raising)


def break_worker(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(worker, "attach", raising)


@pytest.mark.parametrize(
    "sabotage", [break_handlers, break_verbs, break_services, break_tap, break_worker]
)
def test_a_conversation_is_the_same_when_everything_of_ours_raises(
    sabotage: Callable[[pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: Call,
) -> None:
    sabotage(monkeypatch)
    with capture(strict=False):
        call = hold()
    assert said(call) == said(undisturbed)
    assert [run.cut for run in call.truth.agent] == [run.cut for run in undisturbed.truth.agent]


@pytest.fixture(scope="module")
def undisturbed() -> Call:
    """The same call without voicespan."""
    return hold()


def test_spans_of_the_application_are_children_of_the_tool_or_model_they_run_in() -> None:
    """Two calls at once, so that a context that leaks would show."""
    tracer = trace.get_tracer("app")

    async def busy(params: FunctionCallParams) -> None:
        session = voicespan.current_session()
        assert session is not None
        with tracer.start_as_current_span("query") as span:
            span.set_attribute("session", session.identity.session_id)
            await look_up(params)

    async def one(name: str) -> None:
        voicespan.identify(external_session_id=name)
        agent = Bot(replies=[LOOK_UP, say(HERE)], tools={"look_up": busy})
        await run_call(agent, question)

    async def question(c: Call) -> None:
        request = c.llm.get_chat_completions

        async def traced(context: Any) -> Any:
            with tracer.start_as_current_span("http"):
                return await request(context)

        c.llm.__dict__["get_chat_completions"] = traced
        await c.say(ORDER, seconds=0.5)
        await c.answered()
        await c.end()

    async def both() -> None:
        await asyncio.gather(asyncio.create_task(one("left")), asyncio.create_task(one("right")))

    with quiet_pipecat(), capture() as calls:
        asyncio.run(both())
    by_id = {span.context.span_id: span for span in calls.spans if span.context is not None}
    parents = {"query": a.KIND_TOOL, "http": a.KIND_LLM}
    foreign = [span for span in calls.spans if span.name in parents]
    assert len(foreign) == 2 * 3
    for span in foreign:
        assert span.parent is not None
        parent = by_id[span.parent.span_id].attributes or {}
        assert parent[a.VOICE_SPAN_KIND] == parents[span.name]
        if span.name == "query":
            assert (span.attributes or {})["session"] == parent[a.SESSION_ID]
    assert {turn.session_id for turn in calls.turns} == {"left", "right"}


async def ends_normally(c: Call) -> None:
    await c.say(ORDER, seconds=0.5)
    await c.agent_spoke()
    await c.end()


async def is_cancelled(c: Call) -> None:
    await c.say(ORDER, seconds=0.5)
    await c.agent_spoke()
    await c.cancel()


async def is_killed(c: Call) -> None:
    await c.say(ORDER, seconds=0.5)
    await c.agent_spoke()
    await c.kill()


async def hangs(c: Call) -> None:
    c.llm._replies.clear()
    await c.say(ORDER, seconds=0.5)
    await c.llm_requested()
    await c.cancel()


def answers_at_length() -> Bot:
    return Bot(replies=[say(LONG)], speech=Speech(seconds=1.5))


@pytest.mark.parametrize("script", [ends_normally, is_cancelled, is_killed, hangs])
def test_a_call_leaves_nothing_behind_however_it_ends(script: Script) -> None:
    with capture() as calls:
        call = hold(script, answers_at_length)
        assert len(calls.sessions) == 1
        session = calls.sessions[0].attributes
        assert all(span.end_time is not None for span in calls.spans)
        assert session[a.VOICE_SESSION_TURN_COUNT] == len(calls.turns) == 1
        assert not worker._taps
        assert "on_push_frame" not in call.worker._observer.__dict__
        wrapped = {"run_tts", "_process_context", "_run_function_call"}
        assert not any(wrapped & set(s.__dict__) for s in (call.stt, call.llm, call.tts))
        gone = weakref.ref(call.worker)
        del call
        gc.collect()
        assert gone() is None


def test_a_call_goes_on_when_voicespan_is_taken_away_in_the_middle(undisturbed: Call) -> None:
    scope = capture()
    scope.__enter__()

    async def script(c: Call) -> None:
        await c.answered()
        scope.__exit__(None, None, None)
        await everything_after_the_greeting(c)

    assert said(hold(script)) == said(undisturbed)


def test_directions_are_what_the_tap_thinks() -> None:
    assert FrameDirection.DOWNSTREAM.value == tap._DOWNSTREAM
