"""instrument(), uninstrument() and a handle in; what is put in place and taken back out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import voicespan
from tests.otlp_receiver import black_hole, receive
from voicespan import _installation
from voicespan.instrumentor import VoicespanInstrumentor
from voicespan.integrations import hooks
from voicespan.processors import Mask, VoiceSpanExporter, VoiceSpanProcessor
from voicespan.sinks.console import ConsoleExporter
from voicespan.testing import capture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

pytestmark = pytest.mark.usefixtures("fresh")

CALL = ["session", "turn"]


def hold(**known: Any) -> None:
    """Hold a call of one turn."""
    with voicespan.session(**known) as session, session.turn():
        pass


def names(exporter: InMemorySpanExporter) -> list[str]:
    """Return what was exported, sorted, and forget it."""
    found = sorted(span.name for span in exporter.get_finished_spans())
    exporter.clear()
    return found


# --- once, again, and back ------------------------------------------------------------------------


def test_a_second_call_warns_and_returns_the_first_handle(caplog: pytest.LogCaptureFixture) -> None:
    first = voicespan.instrument(exporter=[], agent="a")
    second = voicespan.instrument(exporter="nonsense", agent="b")
    assert second is first
    assert [record.getMessage() for record in caplog.records] == [
        "voicespan: instrument() was called again; the first call stands"
    ]


def test_uninstrument_takes_everything_back() -> None:
    exporter = InMemorySpanExporter()
    voicespan.instrument(exporter=exporter)
    hold()
    voicespan.uninstrument()
    assert names(exporter) == CALL
    hold()
    assert names(exporter) == []
    assert hooks._active is False
    assert _installation.in_effect() is None
    voicespan.uninstrument()


def test_instrument_works_again_after_uninstrument() -> None:
    """The global provider can be set once only; ours keeps serving, with other processors."""
    for _ in range(3):
        exporter = InMemorySpanExporter()
        handle = voicespan.instrument(exporter=exporter)
        hold()
        with trace.get_tracer("app").start_as_current_span("theirs"):
            pass
        assert handle.flush(10)
        assert names(exporter) == ["session", "theirs", "turn"]
        voicespan.uninstrument()
        assert exporter._stopped


def test_the_environment_counts_again_after_uninstrument(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own provider is nobody else's: that it is there says nothing about exporters."""
    with capture():
        hold()
    for _ in range(2):
        with receive() as receiver:
            for name, value in receiver.environment.items():
                monkeypatch.setenv(name, value)
            handle = voicespan.instrument()
            hold()
            assert handle.shutdown(10)
            assert receiver.names() == CALL


def test_uninstrument_forgets_what_was_logged(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        voicespan.instrument(exporter=[])
        with voicespan.span(""):
            pass
        voicespan.uninstrument()
    assert len(caplog.records) == 2


def test_a_framework_is_as_it_was_after_uninstrument() -> None:
    pytest.importorskip("pipecat")
    from pipecat.pipeline.worker import PipelineWorker

    before = PipelineWorker.__dict__["run"]
    voicespan.instrument(exporter=[])
    assert PipelineWorker.__dict__["run"] is not before
    voicespan.uninstrument()
    assert PipelineWorker.__dict__["run"] is before


def test_an_applications_processors_are_left_alone(provider: TracerProvider) -> None:
    theirs = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(theirs))
    for _ in range(2):
        voicespan.instrument()
        hold()
        voicespan.uninstrument()
        assert names(theirs) == CALL
    hold()
    assert names(theirs) == []
    assert trace.get_tracer_provider() is provider


# --- where spans go -------------------------------------------------------------------------------


def exporters() -> list[str]:
    """Return the exporters of the installation in effect by their class."""
    installation = _installation.in_effect()
    assert installation is not None
    found = []
    for processor in installation.processors:
        assert isinstance(processor, VoiceSpanProcessor)
        found += [type(exporter) for exporter in processor._exporters]
    return [f"{kind.__module__.split('.')[-2]}.{kind.__name__}" for kind in found]


ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
LOCAL = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("environment", "arguments", "expected"),
    [
        ({}, {}, []),
        ({ENDPOINT: LOCAL}, {}, ["otlp"]),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": LOCAL}, {}, ["otlp"]),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, {}, ["otlp"]),
        ({"OTEL_TRACES_EXPORTER": "console,otlp"}, {}, ["console", "otlp"]),
        ({"OTEL_TRACES_EXPORTER": "none", ENDPOINT: LOCAL}, {}, []),
        ({"OTEL_TRACES_EXPORTER": "otlp", "VOICESPAN_EXPORTER": "console"}, {}, ["console"]),
        ({"VOICESPAN_EXPORTER": "console"}, {"exporter": "otlp"}, ["otlp"]),
        ({"VOICESPAN_EXPORTER": "console", ENDPOINT: LOCAL}, {"exporter": []}, []),
        ({}, {"exporter": ["otlp", "console"]}, ["otlp", "console"]),
        ({}, {"exporter": ("console", InMemorySpanExporter())}, ["console", "memory"]),
    ],
    ids=str,
)
def test_who_decides_where_spans_go(
    environment: Mapping[str, str],
    arguments: dict[str, Any],
    expected: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    voicespan.instrument(**arguments)
    short = {"http.OTLPSpanExporter": "otlp", "trace_exporter.OTLPSpanExporter": "otlp"}
    short |= {"sinks.ConsoleExporter": "console", "export.InMemorySpanExporter": "memory"}
    assert [short[name] for name in exporters()] == expected


def test_a_provider_that_is_set_up_gets_no_second_exporter(
    provider: TracerProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It exports by the same variables already: every span would arrive twice."""
    monkeypatch.setenv(ENDPOINT, LOCAL)
    voicespan.instrument()
    assert exporters() == []


def test_a_provider_that_is_set_up_gets_the_exporter_asked_for(provider: TracerProvider) -> None:
    ours = InMemorySpanExporter()
    handle = voicespan.instrument(exporter=ours)
    hold()
    assert handle.flush(10)
    assert names(ours) == CALL


def test_a_provider_given_is_used_and_not_made_global() -> None:
    mine, exporter = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    mine.add_span_processor(SimpleSpanProcessor(exporter))
    handle = voicespan.instrument(tracer_provider=mine)
    hold()
    assert handle.shutdown(10)
    assert names(exporter) == CALL
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    mine.shutdown()


def test_the_global_provider_is_set_if_there_is_none() -> None:
    exporter = InMemorySpanExporter()
    handle = voicespan.instrument(exporter=exporter, service_name="callcentre")
    hold(external_session_id="a")
    assert handle.shutdown(10)
    resources = {span.resource.attributes["service.name"] for span in exporter.get_finished_spans()}
    assert resources == {"callcentre"}
    assert isinstance(trace.get_tracer_provider(), TracerProvider)


def test_with_nothing_configured_one_line_says_so(caplog: pytest.LogCaptureFixture) -> None:
    voicespan.instrument()
    hold()
    (record,) = caplog.records
    assert "no exporter is configured" in record.getMessage()
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in record.getMessage()


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_spans_arrive_over_a_real_socket(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with receive(protocol) as receiver:
        for name, value in receiver.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret")
        handle = voicespan.instrument(agent="support", agent_version="v1")
        hold()
        assert handle.flush(10)
        assert receiver.names() == CALL
        hold()
        assert handle.shutdown(10)
    assert receiver.names() == sorted(CALL * 2)
    assert {headers["authorization"] for headers in receiver.headers} == {"secret"}


def test_everybodys_spans_pass_our_steps_on_their_way_to_our_exporter() -> None:
    exporter = InMemorySpanExporter()
    handle = voicespan.instrument(exporter=exporter)
    with trace.get_tracer("app").start_as_current_span("theirs") as span:
        span.set_attributes({"gen_ai.input.messages": "my card is 4111", "kept": 1})
    assert handle.flush(10)
    (theirs,) = exporter.get_finished_spans()
    assert dict(theirs.attributes or {}) == {"kept": 1}


def test_agent_and_version_are_those_of_calls_that_say_nothing() -> None:
    exporter = InMemorySpanExporter()
    handle = voicespan.instrument(exporter=exporter, agent="support", agent_version="v1")
    hold()
    hold(agent="sales")
    assert handle.flush(10)
    agents = [(s.attributes or {})["gen_ai.agent.name"] for s in exporter.get_finished_spans()]
    assert sorted(map(str, agents)) == ["sales", "sales", "support", "support"]


# --- loud at start --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"exporter": "otpl"}, "exporter: no exporter is called 'otpl'; use 'otlp' or 'console'"),
        ({"exporter": 7}, "exporter: not an exporter: 7"),
        ({"exporter": ["otlp", None]}, "exporter: not an exporter: None"),
        ({"trace_per": "call"}, "trace_per is 'turn' or 'session', not 'call'"),
        ({"trace_per": None}, "trace_per is 'turn' or 'session', not None"),
        ({"mask": 7}, "mask is the name of a policy"),
        ({"mask": lambda drafts: drafts}, "mask is the name of a policy"),
        ({"capture_content": "no"}, "capture_content is True or False, not 'no'"),
        ({"tracer_provider": "global"}, "tracer_provider: not a tracer provider: 'global'"),
    ],
    ids=str,
)
def test_a_setting_that_cannot_work_is_said_at_start(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(voicespan.ConfigError) as raised:
        voicespan.instrument(**arguments)
    assert str(raised.value).startswith(message)
    assert _installation.in_effect() is None
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    voicespan.instrument(exporter=[])


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("VOICESPAN_EXPORTER", "otpl", "VOICESPAN_EXPORTER: no exporter is called 'otpl'"),
        ("OTEL_TRACES_EXPORTER", "zipkin", "OTEL_TRACES_EXPORTER: no exporter is called 'zipkin'"),
        ("VOICESPAN_TRACE_PER", "call", "VOICESPAN_TRACE_PER: trace_per is 'turn' or 'session'"),
        ("VOICESPAN_CAPTURE_CONTENT", "maybe", "VOICESPAN_CAPTURE_CONTENT: cannot read 'maybe'"),
    ],
)
def test_a_variable_that_cannot_work_is_named(
    variable: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(voicespan.ConfigError) as raised:
        voicespan.instrument()
    assert str(raised.value).startswith(message)


def test_a_provider_that_takes_no_processors_is_said_so(caplog: pytest.LogCaptureFixture) -> None:
    voicespan.instrument(
        tracer_provider=trace.NoOpTracerProvider(), exporter=InMemorySpanExporter()
    )
    assert "takes no span processors" in caplog.text


def test_arguments_are_keywords_only() -> None:
    with pytest.raises(TypeError):
        voicespan.instrument("support")  # type: ignore[call-arg]  # on purpose
    with pytest.raises(TypeError):
        voicespan.instrument(shoe_size=43)  # type: ignore[call-arg]  # on purpose


# --- the handle -----------------------------------------------------------------------------------


class Answering(SpanExporter):
    """Answers as it is told."""

    def __init__(self, answer: SpanExportResult) -> None:
        self.answer = answer

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self.answer


def test_flush_says_whether_everything_arrived() -> None:
    exporter = Answering(SpanExportResult.FAILURE)
    handle = voicespan.instrument(exporter=exporter)
    assert handle.flush(10), "nothing to deliver"
    hold()
    assert handle.flush(10) is False
    exporter.answer = SpanExportResult.SUCCESS
    hold()
    assert handle.flush(10) is True
    assert handle.shutdown(10) is True


def test_shutdown_says_whether_everything_arrived_and_says_it_again() -> None:
    handle = voicespan.instrument(exporter=Answering(SpanExportResult.FAILURE))
    hold()
    assert [handle.shutdown(10), handle.shutdown(10)] == [False, False]
    assert handle.flush(10) is False
    assert voicespan.instrument(exporter=[]) is not handle


def test_shutdown_of_an_old_handle_leaves_the_new_one_alone() -> None:
    old = voicespan.instrument(exporter=[])
    assert old.shutdown(10)
    exporter = InMemorySpanExporter()
    new = voicespan.instrument(exporter=exporter)
    assert old.shutdown(10)
    hold()
    assert new.flush(10)
    assert names(exporter) == CALL


def test_flush_settles_a_turn_that_has_closed_but_not_one_under_way() -> None:
    """A turn waits two seconds for late facts, unless somebody cannot wait."""
    exporter = InMemorySpanExporter()
    handle = voicespan.instrument(exporter=exporter)
    session = voicespan.session()
    session.user_started_speaking()
    session.user_transcript("hi")
    session.user_stopped_speaking()
    llm = session.stage("llm", model="m")
    llm.stop(final=False)
    session.agent_started_speaking()
    session.agent_stopped_speaking()
    session.agent_idle()
    assert handle.flush(10)
    assert "turn" in names(exporter)
    session.user_started_speaking()
    assert handle.flush(10)
    assert names(exporter) == []


async def test_the_async_forms_leave_the_event_loop_free() -> None:
    with black_hole() as url:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        handle = voicespan.instrument(exporter=OTLPSpanExporter(f"{url}/v1/traces"))
        hold()
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0)
                ticks += 1

        ticking = asyncio.create_task(tick())
        flushed, ended = await handle.aflush(0.2), await handle.ashutdown(0.2)
        ticking.cancel()
    assert (flushed, ended) == (False, False)
    assert ticks > 10


@pytest.fixture(params=["ours", "the application's"])
def hole(request: pytest.FixtureRequest) -> Iterator[voicespan.Handle]:
    """A handle whose spans go, by our exporter or the application's, where nobody answers."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    with black_hole() as url:
        exporter = OTLPSpanExporter(f"{url}/v1/traces", timeout=3)
        if request.param == "ours":
            yield voicespan.instrument(exporter=exporter)
            return
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        yield voicespan.instrument(tracer_provider=provider)
        exporter.shutdown()  # type: ignore[no-untyped-call]  # the exporter's


def test_deadlines_are_kept_where_nobody_answers(hole: voicespan.Handle) -> None:
    """Generous bounds: this only catches that somebody waits for the retries of an exporter."""
    began = time.monotonic()
    hold()
    assert hole.flush(0.2) is False
    hold()
    assert hole.shutdown(0.2) is False
    assert time.monotonic() - began < 2.5


def test_our_spans_arrive_although_the_applications_exporter_hangs() -> None:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    ours = InMemorySpanExporter()
    with black_hole() as url:
        hanging = OTLPSpanExporter(f"{url}/v1/traces", timeout=3)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(hanging))
        handle = voicespan.instrument(tracer_provider=provider, exporter=ours)
        hold()
        assert handle.flush(0.5) is False
        assert names(ours) == CALL
        hold()
        assert handle.shutdown(0.5) is False
        hanging.shutdown()  # type: ignore[no-untyped-call]  # the exporter's
    assert names(ours) == CALL


# --- the entry point ------------------------------------------------------------------------------


def test_the_instrumentor_takes_what_every_instrumentor_is_given() -> None:
    provider, exporter = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = VoicespanInstrumentor()
    assert instrumentor.instrumentation_dependencies() == ()
    instrumentor.instrument(tracer_provider=provider, meter_provider=None, logger_provider=None)
    hold()
    instrumentor.uninstrument()
    assert names(exporter) == CALL
    hold()
    assert names(exporter) == []


def test_options_reach_instrument_through_the_instrumentor() -> None:
    exporter = InMemorySpanExporter()
    instrumentor = VoicespanInstrumentor()
    instrumentor.instrument(exporter=[exporter, ConsoleExporter()], mask=Mask("pci"))
    hold()
    instrumentor.uninstrument()
    assert names(exporter) == CALL


def test_a_provider_whose_processors_see_raw_spans_of_others_is_said_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Ours are masked before they end; what stands beside us sees everybody else's as they are."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    voicespan.instrument(tracer_provider=provider)
    assert "those of other libraries reach SimpleSpanProcessor" in caplog.text


def test_a_provider_whose_exporters_are_wrapped_is_left_in_peace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    provider = TracerProvider()
    wrapped = VoiceSpanExporter(InMemorySpanExporter())
    provider.add_span_processor(SimpleSpanProcessor(wrapped))
    provider.add_span_processor(BatchSpanProcessor(wrapped))
    provider.add_span_processor(VoiceSpanProcessor(InMemorySpanExporter()))
    voicespan.instrument(tracer_provider=provider)
    assert caplog.records == []
    provider.shutdown()
