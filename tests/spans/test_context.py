"""An application's own spans, begun anywhere in a call, in; the parents they got out."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace

import voicespan
from tests.spans.seen import asked, parents, said, seen
from voicespan.primitives.turn import TurnHandle
from voicespan.testing import FakeClock, TurnView, capture

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

pytestmark = pytest.mark.usefixtures("provider")


def theirs(name: str) -> AbstractContextManager[object]:
    """Begin a span as any library does."""
    return trace.get_tracer("app").start_as_current_span(name)


def once(name: str) -> None:
    """Begin and end a span."""
    with theirs(name):
        pass


# --- exact contexts -------------------------------------------------------------------------------


def test_a_span_belongs_to_what_it_was_begun_in() -> None:
    with capture() as calls:
        once("before")
        with voicespan.session() as session:
            once("before the first turn")
            with session.turn() as turn:
                once("in the turn")
                with turn.user_speech():
                    once("while the user speaks")
                with turn.llm(model="m"), theirs("in the llm call"):
                    once("deeper")
                with turn.tool("t"):
                    once("in the tool")
                with turn.stage("nlu"):
                    once("in a stage of no span yet")
                once("later in the turn")
            once("between turns")
        once("after")
    assert parents(calls.spans) == {
        "before": None,
        "session": None,
        "before the first turn": "session",
        "turn #1": None,
        "in the turn": "turn #1",
        "user_speech #1": "turn #1",
        "while the user speaks": "turn #1",
        "chat m #1": "turn #1",
        "in the llm call": "chat m #1",
        "deeper": "in the llm call",
        "execute_tool t #1": "turn #1",
        "in the tool": "execute_tool t #1",
        "nlu #1": "turn #1",
        "in a stage of no span yet": "turn #1",
        "later in the turn": "turn #1",
        "between turns": "session",
        "after": None,
    }


def test_stages_told_by_events_can_be_attached_around_a_call() -> None:
    with capture() as calls, voicespan.session() as session:
        session.user_started_speaking()
        session.user_stopped_speaking()
        session.user_transcript("hi")
        tool = session.stage("tool", key="c1", name="t")
        once("not attached")
        with tool.attached():
            once("attached")
        tool.stop()
    found = parents(calls.spans)
    assert (found["not attached"], found["attached"]) == ("turn #1", "execute_tool t #1")


def test_a_request_span_around_the_call_is_not_its_parent_and_is_current_again_afterwards() -> None:
    """A call may outlive the request that began it: it is a trace of its own."""
    with capture() as calls, theirs("request"):
        with voicespan.session() as session, session.turn():
            pass
        once("after the call")
    assert parents(calls.spans) == {
        "request": None,
        "session": None,
        "turn #1": None,
        "after the call": "request",
    }


# --- the live parent ------------------------------------------------------------------------------


class Step:
    """Two tasks taking turns: `let()` waits until the other has done one thing."""

    def __init__(self) -> None:
        self.names: asyncio.Queue[str] = asyncio.Queue()
        self.done = asyncio.Event()

    async def worker(self) -> None:
        """Begin a span for every name that comes."""
        while True:
            once(await self.names.get())
            self.done.set()

    async def let(self, name: str) -> None:
        """Have the worker begin a span of this name now."""
        self.done.clear()
        await self.names.put(name)
        await self.done.wait()


async def test_a_task_older_than_the_turn_finds_the_turn_of_the_moment() -> None:
    """Frameworks start their tasks once per call; what they trace belongs to the present turn."""
    step = Step()
    with capture() as calls:
        async with voicespan.session() as session:
            task = asyncio.create_task(step.worker())
            await step.let("before")
            async with session.turn():
                await step.let("in turn 1")
            await step.let("between")
            async with session.turn() as turn:
                with turn.tool("t"):
                    await step.let("in turn 2")
        await step.let("after the call")
        task.cancel()
    found = parents(calls.spans)
    assert {name: parent for name, parent in found.items() if "#" not in name} == {
        "session": None,
        "before": "session",
        "in turn 1": "turn #1",
        "between": "session",
        "in turn 2": "turn #2",
        "after the call": None,
    }


async def test_threads_inherit_the_exact_context() -> None:
    with capture() as calls:
        async with voicespan.session() as session:
            async with session.turn() as turn:
                with turn.tool("t"):
                    await asyncio.to_thread(once, "in the tool")
                await asyncio.to_thread(once, "in the turn")
            await asyncio.to_thread(once, "between")
    found = parents(calls.spans)
    assert found["in the tool"] == "execute_tool t #1"
    assert found["in the turn"] == "turn #1"
    assert found["between"] == "session"


def test_a_context_kept_from_a_call_that_is_over_leads_nowhere() -> None:
    with capture() as calls:
        with voicespan.session() as session:
            kept = contextvars.copy_context()
            with session.turn():
                pass
        kept.run(once, "later")
        kept.run(voicespan.event, "later")
    assert parents(calls.spans)["later"] is None
    assert calls.sessions[0].span.events == ()


# --- several calls at once ------------------------------------------------------------------------


async def test_interleaved_calls_never_mix() -> None:
    barrier = asyncio.Barrier(3)

    async def hold(name: str) -> None:
        async with voicespan.session(external_session_id=name) as session:
            step = Step()
            task = asyncio.create_task(step.worker())
            for n in (1, 2):
                await barrier.wait()
                async with session.turn() as turn:
                    await barrier.wait()
                    with turn.tool(f"{name}-{n}"):
                        await barrier.wait()
                        once(f"exact {name}-{n}")
                        with voicespan.span(f"own {name}-{n}"):
                            await barrier.wait()
                        await step.let(f"live {name}-{n}")
                    voicespan.event(f"said {name}-{n}")
            task.cancel()

    with capture() as calls:
        await asyncio.gather(*map(hold, "abc"))
    assert not_mixed(calls.turns) == {f"{name}-{n}" for name in "abc" for n in (1, 2)}
    by_id = {span.context.span_id: span for span in calls.spans if span.context}

    def parent(span: ReadableSpan) -> ReadableSpan:
        assert span.parent
        return by_id[span.parent.span_id]

    for span in calls.spans:
        what, _, name = span.name.partition(" ")
        if what in ("exact", "own"):
            assert parent(span).name == f"execute_tool {name}"
        if what == "live":
            assert parent(span).name == "turn"
            assert (parent(span).attributes or {})["session.id"] == name[0]


def test_calls_on_threads_never_mix() -> None:
    barrier = threading.Barrier(4)

    def hold(name: str) -> None:
        with voicespan.session(external_session_id=name) as session:
            for n in (1, 2):
                barrier.wait()
                with session.turn() as turn:
                    barrier.wait()
                    with turn.tool(f"{name}-{n}"):
                        barrier.wait()
                        once(f"exact {name}-{n}")
                    voicespan.event(f"said {name}-{n}")

    with capture() as calls, ThreadPoolExecutor(4) as pool:
        list(pool.map(hold, "abcd"))
    assert not_mixed(calls.turns) == {f"{name}-{n}" for name in "abcd" for n in (1, 2)}


def not_mixed(turns: tuple[TurnView, ...]) -> set[str]:
    """Return the turns, having checked that each holds only what its own call put there."""
    found = set()
    for turn in turns:
        name = f"{turn.session_id}-{turn.number}"
        assert [tool.name for tool in turn.tools] == [name]
        assert turn.events == (f"said {name}",)
        found.add(name)
    return found


# --- spans of one's own ---------------------------------------------------------------------------


def test_a_span_of_ones_own_carries_input_output_and_whose_call_it_is() -> None:
    clock = FakeClock()
    with capture(clock=clock, mask=None) as calls, voicespan.session(user_id="u") as session:
        described = {"db.system": "postgresql", "rows": [1, 2]}
        with session.turn() as turn, turn.tool("t"), voicespan.span("database", described) as span:
            clock.advance(0.2)
            span.update(input="which?", output=[{"role": "assistant", "content": "that"}], tries=2)
            with voicespan.span("deeper"), theirs("deepest"):
                pass
    found = seen(calls.spans)
    database = found["database #1"]
    assert (database.parent, database.at, database.kind) == (
        "execute_tool t #1",
        (0, 200),
        "INTERNAL",
    )
    assert found["deeper #1"].parent == "database #1"
    assert found["deepest"].parent == "deeper #1"
    generated = {"session.id", "gen_ai.conversation.id", "voice.session.bucket"}
    assert {k: v for k, v in database.attributes.items() if k not in generated} == {
        "user.id": "u",
        "voice.span.kind": "database",
        "voice.turn.number": 1,
        "db.system": "postgresql",
        "rows": (1, 2),
        "tries": 2,
        "gen_ai.input.messages": asked("which?"),
        "gen_ai.output.messages": said("that"),
    }


def test_a_span_of_ones_own_that_fails_says_so_and_lets_the_exception_pass() -> None:
    boom = KeyError("no such row")
    with capture(mask=None) as calls, voicespan.session() as session:  # noqa: SIM117  # it passes two
        with pytest.raises(KeyError) as raised, session.turn(), voicespan.span("database"):
            raise boom
    assert raised.value is boom
    database = seen(calls.spans)["database #1"]
    assert database.status == ("ERROR", "'no such row'")
    assert database.attributes["error.type"] == "KeyError"
    assert [event[0] for event in database.events] == ["exception"]


async def test_a_span_of_ones_own_may_be_entered_with_async_with() -> None:
    with capture() as calls:
        async with voicespan.session() as session, session.turn(), voicespan.span("db"):
            await asyncio.to_thread(once, "query")
    assert parents(calls.spans)["query"] == "db #1"


def test_a_name_that_is_not_free_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    """A span called like a turn would be taken for one."""
    with capture() as calls, voicespan.session() as session, session.turn():
        for name in ("turn", "session", "", None):
            with voicespan.span(name) as span:  # type: ignore[arg-type]  # on purpose
                span.update(input="x")
    assert sorted(parents(calls.spans)) == ["session", "turn #1"]
    assert len(caplog.records) == 2


# --- nowhere --------------------------------------------------------------------------------------


OUTSIDE: dict[str, Callable[[], object]] = {
    "never instrumented": lambda: None,
    "instrumented": lambda: voicespan.instrument(exporter=[]),
}


@pytest.mark.parametrize("state", OUTSIDE)
def test_outside_a_call_nothing_happens(state: str, caplog: pytest.LogCaptureFixture) -> None:
    OUTSIDE[state]()
    voicespan.event("x", {"a": 1})
    with voicespan.span("x", {"a": 1}) as span:
        span.update(input="x", output="y", more=1)
        assert not trace.get_current_span().get_span_context().is_valid
    assert voicespan.current_turn() is None
    assert voicespan.current_session() is None
    assert caplog.records == []


def test_a_session_without_instrument_works_and_goes_nowhere(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with voicespan.session(call_sid="CA1") as session, session.turn() as turn:
        with turn.tool("t") as tool, voicespan.span("db"):
            tool.result(1)
        assert voicespan.current_session() is session
    assert caplog.records == []


def test_the_current_turn_is_the_one_under_way() -> None:
    with capture() as calls, voicespan.session() as session:
        assert voicespan.current_session() is session
        assert voicespan.current_turn() is None
        with session.turn() as turn:
            current = voicespan.current_turn()
            assert isinstance(current, TurnHandle)
            assert current.record is turn.record
            current.set_attribute("ticket", "T-1")
        assert voicespan.current_turn() is None
    assert voicespan.current_session() is None
    assert calls.turns[0].attributes["ticket"] == "T-1"


def test_an_identity_told_beforehand_is_that_of_the_next_call_only() -> None:
    with capture() as calls:
        voicespan.identify(user_id="u", attributes={"vertical": "retail"})
        for _ in range(2):
            with voicespan.session():
                pass
    first, second = calls.sessions
    assert first.attributes["user.id"] == "u"
    assert first.attributes["vertical"] == "retail"
    assert "user.id" not in second.attributes


# --- contexts left in disorder --------------------------------------------------------------------


@contextmanager
def held(name: str) -> Iterator[None]:
    """Hold a call around a block that is entered and left as its user likes."""
    with voicespan.session(external_session_id=name) as session, session.turn():
        yield


def test_calls_left_in_the_order_they_were_entered() -> None:
    """`with` blocks of two calls in one context may overlap (two generators, say)."""
    with capture() as calls:
        first, second = held("a"), held("b")
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        second.__exit__(None, None, None)
        assert voicespan.current_session() is None
    assert [session.end_reason for session in calls.sessions] == ["completed", "completed"]
    assert [(turn.session_id, turn.outcome) for turn in calls.turns] == [
        ("a", "no_response"),
        ("b", "no_response"),
    ]


async def test_a_stream_closed_from_another_task_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The garbage collector closes abandoned async generators in a task of its own."""

    async def stream(turn: TurnHandle) -> AsyncIterator[str]:
        with turn.llm(model="m") as llm:
            llm.first_token()
            yield "a"
            yield "b"

    with capture() as calls:
        async with voicespan.session() as session, session.turn() as turn:
            chunks = stream(turn)
            await anext(chunks)
            await asyncio.create_task(chunks.aclose())  # type: ignore[attr-defined]  # it is a generator
            once("afterwards")
    llm = seen(calls.spans)["chat m #1"]
    assert llm.attributes["voice.stage.interrupted"] is True
    assert caplog.records == []
