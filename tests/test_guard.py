"""voicespan's own methods made to fail in, the application running on as if nothing were out."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import voicespan
from voicespan import _guard, _instrument, api
from voicespan.primitives import handle as handle_module
from voicespan.primitives import handles, turn
from voicespan.primitives.call import Call
from voicespan.primitives.calls import Calls
from voicespan.primitives.handle import StageHandle
from voicespan.primitives.listener import Listener
from voicespan.primitives.session import Session
from voicespan.primitives.tracker import Tracker
from voicespan.primitives.turn import TurnHandle
from voicespan.processors import steps
from voicespan.processors.processor import VoiceSpanProcessor
from voicespan.spans import drafts, own, session_spans, summary, write
from voicespan.spans.session_spans import SessionSpans
from voicespan.spans.switch import Switch

if TYPE_CHECKING:
    from opentelemetry.context import Context

pytestmark = pytest.mark.usefixtures("fresh")


# --- the application ------------------------------------------------------------------------------


def with_blocks() -> list[object]:
    """Hold a call in `with` blocks, doing an application's own work in each of them."""
    done: list[object] = []
    with voicespan.session(agent="a", call_sid="CA1", attributes={"k": 1}) as session:
        voicespan.identify(user_id="u")
        with session.turn() as turn:
            with turn.user_speech() as heard:
                heard.transcript("hi")
            with turn.stt(provider="deepgram", model="m") as stt:
                stt.transcript("hi", confidence=0.9)
                stt.usage(audio_seconds=1.0)
            with turn.llm(model="m") as llm:
                llm.first_token()
                llm.messages(input="hi", output="ho")
                done.append("answered")
            with turn.tool("t", arguments={"a": 1}) as tool, tool.attached():
                with voicespan.span("db", {"q": 1}) as span:
                    span.update(input="q", output="r")
                done.append(sum(range(10)))
                tool.result(45)
            with turn.realtime(model="m"), turn.stage("nlu") as nlu:
                nlu.set_attribute("intent", "x")
                nlu.event("seen", {"n": 1})
                nlu.mark("m")
                nlu.facts(model="m")
            with turn.tts(model="m", voice="v") as tts:
                tts.text("ho")
                tts.first_byte()
            with turn.agent_speech() as speech:
                speech.transcript("ho")
                speech.interrupt(heard=0.1)
            turn.set_attribute("k", 1)
            turn.event("e", {"n": 1})
            voicespan.event("f")
            voicespan.current_turn()
        with pytest.raises(ValueError, match="the application's") as raised:
            fail(session)
        done.append(raised.value.args)
        session.turn().interrupt()
        turn.interrupt()
        done.append("held")
    return done


def fail(session: Session) -> None:
    """Fail in a tool."""
    with session.turn() as turn, turn.tool("fails"), voicespan.span("db"):
        raise ValueError("the application's")


def by_events() -> list[object]:
    """Hold a call as a framework's events tell of it."""
    session = voicespan.session(external_session_id="b")
    session.start()
    session.user_started_speaking()
    session.user_stopped_speaking(hangover=0.2)
    session.user_transcript("hi", final=False)
    session.user_transcript("hi")
    session.user_wrote("hi")
    session.turn_committed(waited_for="silence", delay=0.3)
    with session.attached(), session.stage("llm", model="m") as llm:
        llm.mark("first_token")
    session.stage("llm").interrupt()
    llm.drop()
    speech = session.agent_started_speaking()
    session.agent_paused()
    session.agent_resumed()
    session.agent_stopped_speaking(heard=0.2, text="ho")
    if speech is not None:
        session.agent_played_on(speech, heard=0.3)
    session.handoff("other", from_="a")
    session.event("e", {"n": 1})
    session.error("failed")
    session.transport_quality(mos=4.0)
    session.outcome("resolved")
    session.identify(user_id="u")
    session.agent_idle()
    session.end("hung up")
    return ["told"]


async def awaited() -> list[object]:
    """Hold a call that is cancelled in the middle of its answer."""
    began = asyncio.Event()

    async def call() -> None:
        async with (
            voicespan.session() as session,
            session.turn() as turn,
            turn.llm(model="m"),
            voicespan.span("db"),
        ):
            began.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(call())
    await began.wait()
    task.cancel()
    (outcome,) = await asyncio.gather(task, return_exceptions=True)
    return [type(outcome)]


def application() -> list[object]:
    """Run it all, to the end of the process; return what the application itself made of it."""
    handle = voicespan.instrument(tracer_provider=balance.provider, exporter=InMemorySpanExporter())
    done = [*with_blocks(), *by_events(), *asyncio.run(awaited())]
    voicespan.annotate(call_sid="CA1", scores={"csat": 5})
    handle.flush(10)
    handle.shutdown(10)
    voicespan.uninstrument()
    return done


UNDISTURBED: list[object] = [
    "answered",
    45,
    ("the application's",),
    "held",
    "told",
    asyncio.CancelledError,
]


class Balance(SpanProcessor):
    """Counts the spans that have begun and not ended."""

    def __init__(self) -> None:
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(self)
        self.open: dict[int, str] = {}
        self.ended: list[str] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        assert span.context
        self.open[span.context.span_id] = span.name

    def on_end(self, span: ReadableSpan) -> None:
        assert span.context
        self.ended.append(self.open.pop(span.context.span_id))


balance = Balance()


@pytest.fixture(autouse=True)
def _fresh_balance() -> None:
    balance.__init__()  # type: ignore[misc]  # as new for every test


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the sites that failed, as logged."""
    said = [record.getMessage() for record in caplog.records if "failed; the call" in record.msg]
    assert all(record.levelno == logging.WARNING for record in caplog.records)
    return [message.removeprefix("voicespan: ").partition(" failed;")[0] for message in said]


def test_undisturbed_it_exports_and_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert application() == UNDISTURBED
    assert balance.open == {}
    assert balance.ended.count("session") == 3
    assert complaints(caplog) == []


# --- every guarded method made to fail ------------------------------------------------------------


def guarded_functions() -> dict[str, Callable[..., Any]]:
    """Return every function under `@guarded`, by its qualified name."""
    modules = (api, _instrument, handle_module, handles, turn, own, session_module())
    found = {}
    for module in modules:
        for holder in (module, *(c for _, c in inspect.getmembers(module, inspect.isclass))):
            for function in vars(holder).values():
                if is_guarded(function):
                    found[function.__qualname__] = function
    return found


def session_module() -> ModuleType:
    """Return the module of Session."""
    module = inspect.getmodule(Session)
    assert module is not None
    return module


def is_guarded(function: object) -> bool:
    """Return whether this is what `@guarded` makes of a function."""
    code = getattr(function, "__code__", None)
    return code is not None and code.co_qualname.startswith("guarded.<locals>.decorate")


@contextmanager
def failing(function: Callable[..., Any]) -> Iterator[None]:
    """Within this block what a guard surrounds raises TypeError."""
    assert function.__closure__
    cell = dict(zip(function.__code__.co_freevars, function.__closure__, strict=True))["function"]

    def broken(*args: object, **kwargs: object) -> None:
        raise TypeError("planted")

    whole, cell.cell_contents = cell.cell_contents, broken
    broken.__qualname__ = whole.__qualname__
    try:
        yield
    finally:
        cell.cell_contents = whole


GUARDED = guarded_functions()


@pytest.mark.parametrize("name", GUARDED)
def test_a_method_that_fails_is_logged_once_and_nothing_else_changes(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with failing(GUARDED[name]):
        assert application() == UNDISTURBED
        assert complaints(caplog) == [name]
    if name not in {"OwnSpan._stop", "Session.end"}:
        assert balance.open == {}, "a span may be missing, never left open"


def test_every_method_under_guard_is_reached_by_the_test_above() -> None:
    assert len(GUARDED) > 60
    for kind in (Session, TurnHandle, StageHandle, *handles.HANDLES.values()):
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            if not name.startswith("_"):
                assert is_guarded(method), f"{kind.__name__}.{name} is not guarded"


def test_everything_at_once_may_fail(caplog: pytest.LogCaptureFixture) -> None:
    from contextlib import ExitStack

    with ExitStack() as stack:
        for function in GUARDED.values():
            stack.enter_context(failing(function))
        assert application() == UNDISTURBED
    assert balance.ended == []
    assert len(complaints(caplog)) == len(set(complaints(caplog)))


# --- inert handles --------------------------------------------------------------------------------

FACTORIES = {
    name: function
    for name, function in GUARDED.items()
    if name.split(".")[-1]
    in {"session", "span", "turn", "stage", "stt", "llm", "realtime", "tool", "tts"}
    | {"user_speech", "agent_speech", "attached"}
}


@pytest.mark.parametrize("name", FACTORIES)
def test_a_factory_that_fails_returns_something_whose_every_method_works(name: str) -> None:
    voicespan.instrument(tracer_provider=balance.provider, exporter=[])
    with voicespan.session() as session, session.turn() as open_turn, open_turn.tool("t") as stage:
        holder = {"TurnHandle": open_turn, "StageHandle": stage}
        holder |= {"Session": session, "Conversation": session}
        owner, _, method = name.rpartition(".")
        factory = getattr(holder.get(owner, api), method)
        arguments = {"stage": ("nlu",), "tool": ("t",), "span": ("db",)}.get(method, ())
        whole = factory(*arguments)
        with failing(FACTORIES[name]):
            inert = factory(*arguments)
        assert inert is not None
        assert name.endswith(".attached") or type(inert) is type(whole)
        use(inert)


@pytest.mark.parametrize("kind", handles.HANDLES)
def test_a_stage_of_a_kind_that_fails_has_the_methods_of_its_kind(kind: str) -> None:
    """`session.stage("llm").first_token()` must work whatever becomes of the stage."""
    session = voicespan.session()
    with failing(GUARDED["Conversation.stage"]):
        inert = session.stage(kind)
    assert set(dir(session.stage(kind))) <= set(dir(inert))


def use(inert: Any) -> None:
    """Call every public method with plausible arguments, and enter it as a block."""
    given = {"text": "hi", "name": "n", "value": 1, "error": "e", "kind": "nlu", "to": "x"}
    given |= {"speech": None, "heard": 0.1}
    for name, method in inspect.getmembers(inert, inspect.ismethod):
        if name.startswith("_") or name == "end":
            continue
        required = [
            parameter.name
            for parameter in inspect.signature(method).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        ]
        made = method(**{argument: given[argument] for argument in required})
        if isinstance(made, StageHandle | TurnHandle):
            use_block(made)
    use_block(inert)


def use_block(inert: Any) -> None:
    """Enter and leave, well and badly."""
    with inert:
        pass
    with pytest.raises(ValueError, match="mine"), inert:
        raise ValueError("mine")


# --- what stands below the guards -----------------------------------------------------------------


def methods(*holders: Any) -> Iterator[Any]:
    """Yield every method and function of these classes and modules that is theirs."""
    for holder in holders:
        home = holder.__name__ if isinstance(holder, ModuleType) else holder.__module__
        for name, member in inspect.getmembers(holder, inspect.isfunction):
            dunder = name.startswith("__")
            if not dunder and (isinstance(holder, type) or member.__module__ == home):
                yield pytest.param(holder, name, id=f"{holder.__name__.split('.')[-1]}.{name}")


BELOW = [
    *methods(Call, Tracker, SessionSpans),
    *methods(session_spans, own, drafts, steps, write, summary, summary.Summary),
    pytest.param(Calls, "open", id="Calls.open"),
    pytest.param(VoiceSpanProcessor, "on_end", id="VoiceSpanProcessor.on_end"),
]


@pytest.mark.parametrize(("holder", "name"), BELOW)
def test_whatever_fails_below_the_guards_the_application_runs_on(
    holder: Any, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Every way by which a fact becomes a span, broken one at a time."""

    def broken(*args: object, **kwargs: object) -> None:
        raise TypeError("planted")

    monkeypatch.setattr(holder, name, broken)
    for module in (session_spans, own):
        if not isinstance(holder, type) and hasattr(module, name):
            monkeypatch.setattr(module, name, broken)
    assert application() == UNDISTURBED
    assert len(complaints(caplog)) == len(set(complaints(caplog))), "once a site"
    if holder not in (Call, Tracker) and name not in NETS:
        assert sorted(set(balance.open.values())) == []


NETS = {"_always_ended", "_ending", "_write_session", "ended", "_write"}
"""What ends spans when all else fails: without it, an open span is what is lost."""


class Raising(SpanProcessor):
    """A processor whose every hook raises."""

    on_start = on_end = shutdown = force_flush = lambda *args: 1 / 0  # type: ignore[assignment]


def test_a_processor_that_raises_is_kept_from_the_application(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The SDK passes what a processor raises on to whoever ends a span."""
    switch = Switch()
    switch.processors = (Raising(),)
    balance.provider.add_span_processor(switch)
    with balance.provider.get_tracer("app").start_as_current_span("theirs"):
        pass
    assert balance.provider.force_flush()
    balance.provider.shutdown()
    hooks = ["on_start", "on_end", "force_flush", "shutdown"]
    assert complaints(caplog) == [f"processor.{hook}" for hook in hooks]


class Broken(Listener):
    """A listener of somebody's that raises whatever it is told."""

    placed = settled = ended = attached = lambda self, *args: 1 / 0  # type: ignore[assignment]


def test_one_listener_that_fails_is_nothing_to_the_others(caplog: pytest.LogCaptureFixture) -> None:
    handle = voicespan.instrument(tracer_provider=balance.provider, exporter=[])
    handle.installation.calls.listen(lambda session: Broken())
    handle.installation.calls.listen(lambda session: 1 / 0)  # type: ignore[arg-type, return-value]  # on purpose
    assert with_blocks() == UNDISTURBED[:4]
    handle.shutdown(10)
    assert balance.open == {}
    assert {"session", "turn", "chat m", "nlu"} <= set(balance.ended)
    assert complaints(caplog) == ["listener.new", "listener.attached", "listener", "listener.ended"]


# --- the guard itself -----------------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_what_is_no_exception_is_never_caught(error: type[BaseException]) -> None:
    @_guard.guarded(None)
    def raising() -> None:
        raise error

    with pytest.raises(error):
        raising()
    with pytest.raises(error), _guard.guard("x"):
        raise error


def test_a_site_complains_once_until_reset(caplog: pytest.LogCaptureFixture) -> None:
    @_guard.guarded(None)
    def here() -> None:
        raise TypeError("planted")

    for _ in range(3):
        here()
        _guard.warn_once("there", "%s is wrong", "that")
    assert len(caplog.records) == 2
    assert "in here" in caplog.text
    _guard.reset()
    _guard.warn_once("there", "%s is wrong", "that")
    assert caplog.records[-1].getMessage() == "voicespan: that is wrong"
    assert len(caplog.records) == 3


def test_the_sites_remembered_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    for n in range(_guard._MAX_SITES + 50):
        _guard.warn_once(f"site {n}", "wrong")
    assert len(caplog.records) == len(_guard._logged) == _guard._MAX_SITES
