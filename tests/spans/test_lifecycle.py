"""Calls that end in every way there is in; every span ended and nothing left behind out."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider

import voicespan
from tests.spans.seen import seen
from voicespan.primitives.calls import in_force
from voicespan.primitives.session import Session
from voicespan.spans.session_spans import SessionSpans
from voicespan.testing import capture

if TYPE_CHECKING:
    from opentelemetry.context import Context


class Balance(SpanProcessor):
    """Every span that has begun and not ended, by its id."""

    def __init__(self) -> None:
        self.open: dict[int, str] = {}
        self.ended: list[str] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        assert span.context
        self.open[span.context.span_id] = span.name

    def on_end(self, span: ReadableSpan) -> None:
        assert span.context
        self.ended.append(self.open.pop(span.context.span_id))


@pytest.fixture
def balance(provider: TracerProvider) -> Balance:
    balance = Balance()
    provider.add_span_processor(balance)
    return balance


class Left(BaseException):
    """What no `except Exception` catches."""


Hold = Callable[[Session], None]


def normally(session: Session) -> None:
    with session.turn() as turn, turn.llm(model="m"), turn.tool("t"), voicespan.span("db"):
        pass


def raising(error: BaseException) -> Hold:
    def hold(session: Session) -> None:
        with session.turn() as turn, turn.llm(model="m"), turn.tool("t"), voicespan.span("db"):
            raise error

    return hold


def left_open(session: Session) -> None:
    session.turn().start()
    turn = voicespan.current_turn()
    assert turn is not None
    turn.llm(model="m").start()
    turn.tool("t").start()
    turn.user_speech().start()
    turn.agent_speech().start()


def by_events(session: Session) -> None:
    session.user_started_speaking()
    session.user_transcript("hi")
    session.stage("llm", model="m")
    session.stage("tool", name="t")
    session.agent_started_speaking()


def ended_inside(session: Session) -> None:
    with session.turn() as turn, turn.llm(model="m"):
        session.end("hung up")


WAYS: dict[str, tuple[Callable[[], Hold], type[BaseException] | None, str]] = {
    "normally": (lambda: normally, None, "completed"),
    "by an error": (lambda: raising(ValueError("boom")), ValueError, "error"),
    "by cancellation": (
        lambda: raising(asyncio.CancelledError()),
        asyncio.CancelledError,
        "cancelled",
    ),
    "by a closed generator": (lambda: raising(GeneratorExit()), GeneratorExit, "cancelled"),
    "by control-C": (lambda: raising(KeyboardInterrupt()), KeyboardInterrupt, "error"),
    "by sys.exit": (lambda: raising(SystemExit(3)), SystemExit, "error"),
    "by anything else": (lambda: raising(Left()), Left, "error"),
    "with everything open": (lambda: left_open, None, "completed"),
    "with events only": (lambda: by_events, None, "completed"),
    "inside its own turn": (lambda: ended_inside, None, "hung up"),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_span_ends_however_a_call_ends(way: str, balance: Balance) -> None:
    """The application's exception passes through as the very object it was."""
    make, expected, reason = WAYS[way]
    hold = make()
    raised: list[BaseException] = []
    with capture() as calls:
        try:
            with voicespan.session(external_session_id="a") as session:
                hold(session)
        except BaseException as error:  # noqa: BLE001  # whatever the application raised
            raised.append(error)
        assert balance.open == {}
    assert [type(error) for error in raised] == ([expected] if expected else [])
    if raised:
        assert raised[0] is hold.__closure__[0].cell_contents  # type: ignore[index]  # raising() made it
        assert "voicespan" not in str(raised[0].__context__)
    assert len(balance.ended) == len(calls.spans)
    assert {"session", "turn", "chat m"} <= set(balance.ended)
    assert calls.sessions[0].end_reason == reason


@pytest.mark.parametrize(
    ("error", "outcome", "interrupted"),
    [(asyncio.CancelledError(), "interrupted", True), (ValueError("boom"), "error", None)],
    ids=["cancelled", "failed"],
)
def test_cancellation_interrupts_and_other_errors_fail(
    error: BaseException, outcome: str, interrupted: bool | None
) -> None:
    """Barge-in cancels the reply: that is no error."""
    with capture(mask=None) as calls, pytest.raises(type(error)), voicespan.session() as session:
        raising(error)(session)
    found = seen(calls.spans)
    assert calls.turns[0].outcome == outcome
    for stage in ("chat m #1", "execute_tool t #1"):
        assert found[stage].attributes.get("voice.stage.interrupted") is interrupted
        assert found[stage].status == (("UNSET", None) if interrupted else ("ERROR", "boom"))
        assert found[stage].attributes.get("error.type") == (None if interrupted else "ValueError")


async def test_a_cancelled_task_ends_its_spans(balance: Balance) -> None:
    began = asyncio.Event()

    async def hold() -> None:
        async with voicespan.session() as session, session.turn() as turn:
            with turn.llm(model="m"):
                began.set()
                await asyncio.Event().wait()

    with capture() as calls:
        task = asyncio.create_task(hold())
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert balance.open == {}
    assert (calls.sessions[0].end_reason, calls.turns[0].outcome) == ("cancelled", "interrupted")


def test_an_exception_without_a_text_is_an_error_all_the_same(balance: Balance) -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    error = MuteError()
    handle = voicespan.instrument(exporter=[], mask=None)
    with pytest.raises(MuteError) as raised, voicespan.session() as session:
        raising(error)(session)
    assert handle.shutdown(10)
    assert raised.value is error
    assert balance.open == {}
    assert sorted(balance.ended) == ["chat m", "db", "execute_tool t", "session", "turn"]


def test_whatever_is_told_after_the_end_opens_nothing(balance: Balance) -> None:
    with capture():
        session = voicespan.session()
        turn = session.turn()
        turn.start()
        llm, late = turn.llm(model="m"), turn.tool("t")
        llm.start()
        session.end()
        llm.first_token()
        llm.stop()
        late.start()
        turn.stop()
        session.user_started_speaking()
        session.agent_started_speaking()
        with session.turn() as more, more.llm(model="m"), session.attached():
            pass
        assert balance.open == {}
    assert sorted(balance.ended) == ["chat m", "session", "turn"]


def test_a_session_left_open_ends_with_the_capture(balance: Balance) -> None:
    with capture() as calls:
        left_open_session = voicespan.session()
        left_open_session.turn().start()
    assert balance.open == {}
    assert calls.sessions[0].end_reason == "captured"
    assert left_open_session.ended


def test_uninstrumenting_ends_the_sessions_under_way(balance: Balance) -> None:
    voicespan.instrument(exporter=[])
    session = voicespan.session()
    with session.turn() as turn, turn.llm(model="m"):
        voicespan.uninstrument()
    assert balance.open == {}
    assert session.end_reason == "shutdown"
    assert sorted(balance.ended) == ["chat m", "session", "turn"]


# --- nothing is left ------------------------------------------------------------------------------


@pytest.fixture
def quiet_gc() -> Iterator[None]:
    """A collector that only runs when a test says so."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("way", WAYS)
def test_nothing_keeps_a_session_that_is_over(
    way: str, provider: TracerProvider, quiet_gc: None
) -> None:
    handle = voicespan.instrument(exporter=[])
    calls = in_force.current()

    def call() -> tuple[weakref.ref[Any], ...]:
        session = voicespan.session(external_session_id="a")
        (spans,) = session.call.listeners
        assert isinstance(spans, SessionSpans)
        with suppress(BaseException), session:
            WAYS[way][0]()(session)
        assert handle.flush(10)
        assert (spans._turns, spans._stages) == ({}, {})
        assert session.call.tracker.unsettled() == []
        turn = session.call.tracker.turn
        assert turn is None
        return weakref.ref(session), weakref.ref(spans), weakref.WeakMethod(session.end)

    before = (context.get_current(), voicespan.current_session())
    references = call()
    assert (context.get_current(), voicespan.current_session()) == before
    assert calls.under_way() == []
    assert handle.shutdown(10)
    gc.collect()
    assert [reference() for reference in references] == [None] * 3


def test_a_handle_that_is_kept_keeps_the_call_but_no_span() -> None:
    with capture():
        with voicespan.session() as session, session.turn() as turn, turn.tool("t") as tool:
            pass
        (spans,) = session.call.listeners
        assert isinstance(spans, SessionSpans)
        assert (spans._turns, spans._stages) == ({}, {})
        assert not trace.get_current_span().is_recording()
        tool.result(1)
        turn.event("late")


def test_an_overloaded_worker_drops_turns_but_leaves_no_span_open(
    balance: Balance, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Telemetry is dropped before memory grows; what had begun still ends."""
    monkeypatch.setattr("voicespan.primitives.worker.MAX_JOBS", 4)
    handle = voicespan.instrument(exporter=[])
    blocked, let_go = threading.Event(), threading.Event()

    def block() -> None:
        blocked.set()
        let_go.wait(30)

    in_force.current().worker.submit(block)
    assert blocked.wait(30)
    with voicespan.session() as session:
        for _ in range(20):
            with session.turn() as turn, turn.tool("t"):
                pass
    let_go.set()
    assert handle.shutdown(10)
    assert balance.open == {}
    assert any("cannot keep up" in record.getMessage() for record in caplog.records)
