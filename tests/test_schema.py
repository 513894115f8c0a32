"""The names this package promises: constants, rows and the page say the same, and hold on spans."""

import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind

from voicespan import attributes as a
from voicespan import schema_doc
from voicespan.schema import EVENTS, METRICS, SCHEMA, content_keys, metric_problems, problems

PREFIXED = re.compile(
    r"(KIND|EVENT|METRIC|OPERATION|OUTCOME|INITIATOR|WAITED_FOR|LINK|OUTPUT_TYPE|TOKEN_TYPE"
    r"|END_REASON)_|SCHEMA_VERSION$|SCOPE_NAME$"
)
CONSTANTS = {
    name: value for name, value in vars(a).items() if name.isupper() and isinstance(value, str)
}
NAMES = {name: value for name, value in CONSTANTS.items() if not PREFIXED.match(name)}
DOC = Path(__file__).parent.parent / "docs" / "schema.md"


def constant(name: str) -> str:
    return name.upper().replace(".", "_")


def of_prefix(prefix: str) -> set[str]:
    return {value for name, value in CONSTANTS.items() if name.startswith(prefix)}


@dataclass
class Event:
    name: str
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Span:
    name: str
    attributes: dict[str, Any]
    events: list[Event] = field(default_factory=list)


def turn(*events: Event, **attributes: Any) -> Span:
    fixed = {a.VOICE_SPAN_KIND: a.KIND_TURN, a.GEN_AI_OPERATION_NAME: a.OPERATION_INVOKE_AGENT}
    return Span("turn", fixed | attributes, list(events))


def llm(name: str, **attributes: Any) -> Span:
    fixed = {a.VOICE_SPAN_KIND: a.KIND_LLM, a.GEN_AI_OPERATION_NAME: a.OPERATION_CHAT}
    return Span(name, fixed | attributes)


def test_the_page_is_what_the_schema_says() -> None:
    assert DOC.read_text(encoding="utf-8") == schema_doc.page(), (
        "run: python -m voicespan.schema_doc > docs/schema.md"
    )


def test_the_page_names_everything() -> None:
    page = schema_doc.page()
    for name in (*SCHEMA, *EVENTS, *METRICS, *a.SPANS):
        assert f"`{name}`" in page


def test_a_constant_is_its_name_in_upper_case() -> None:
    assert {constant(value): value for value in NAMES.values()} == NAMES
    metrics = {f"METRIC_{constant(name)}": name for name in METRICS}
    assert {name: CONSTANTS[name] for name in metrics} == metrics


def test_every_constant_has_a_row_and_every_row_a_constant() -> None:
    assert set(NAMES.values()) == set(SCHEMA)
    assert of_prefix("EVENT_") == {*EVENTS, a.EVENT_GUARDRAIL_PREFIX}
    assert of_prefix("METRIC_") == set(METRICS)
    assert of_prefix("KIND_") == set(a.SPANS)
    assert of_prefix("OPERATION_") == {it.operation for it in a.SPANS.values() if it.operation}


def test_what_events_and_metrics_carry_is_declared() -> None:
    carried = [
        *(it.attributes for it in EVENTS.values()),
        *(it.attributes for it in METRICS.values()),
    ]
    assert {name for names in carried for name in names} <= set(SCHEMA)


def test_metrics_carry_no_ids_and_no_content() -> None:
    """Low cardinality by construction: each session as a time series would sink a Prometheus."""
    for row in METRICS.values():
        assert {SCHEMA[name].privacy for name in row.attributes} == {"none"}, row.name


def test_the_parts_of_ttfa_are_attributes_in_order() -> None:
    spelled = [name for name in SCHEMA if name.startswith("voice.turn.ttfa.")]
    assert list(a.TTFA_ATTRIBUTES.values()) == spelled
    assert tuple(a.TTFA_ATTRIBUTES) == a.TTFA_PARTS


def test_what_people_said_is_content() -> None:
    assert content_keys() >= {
        a.GEN_AI_INPUT_MESSAGES,
        a.GEN_AI_OUTPUT_MESSAGES,
        a.GEN_AI_SYSTEM_INSTRUCTIONS,
        a.GEN_AI_TOOL_CALL_ARGUMENTS,
        a.GEN_AI_TOOL_CALL_RESULT,
        a.EXCEPTION_MESSAGE,
        a.EXCEPTION_STACKTRACE,
    }


def test_a_span_is_named_after_its_model_when_there_is_one() -> None:
    assert a.SPANS[a.KIND_LLM].named("gpt-4.1-mini") == "chat gpt-4.1-mini"
    assert a.SPANS[a.KIND_LLM].named() == "chat"
    assert a.SPANS[a.KIND_TURN].named("gpt-4.1-mini") == "turn"


def test_a_known_span_has_no_problems() -> None:
    span = llm(
        "chat gpt-4.1-mini",
        **{
            a.SESSION_ID: "s1",
            a.VOICE_TURN_NUMBER: 1,
            a.GEN_AI_REQUEST_MODEL: "gpt-4.1-mini",
            a.GEN_AI_RESPONSE_FINISH_REASONS: ("stop",),
            a.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: 0.31,
        },
    )
    assert problems(span) == []
    assert problems(llm("chat")) == []


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (turn(vertical="acme"), "vertical: unknown attribute"),
        (turn(**{a.VOICE_TURN_NUMBER: 1.0}), "voice.turn.number: double, not int"),
        (turn(**{a.VOICE_TURN_COST: 1}), "voice.turn.cost: int, not double"),
        (turn(**{a.VOICE_TURN_NUMBER: True}), "voice.turn.number: boolean, not int"),
        (turn(**{a.VOICE_TURN_PREEMPTIVE: 1}), "voice.turn.preemptive: int, not boolean"),
        (
            llm("chat", **{a.GEN_AI_RESPONSE_FINISH_REASONS: "stop"}),
            "gen_ai.response.finish_reasons: string, not string[]",
        ),
        (turn(**{a.VOICE_STT_CONFIDENCE: 0.9}), "voice.stt.confidence: not on turn spans"),
        (turn(Event("barged")), "event barged: unknown"),
        (
            turn(Event(a.EVENT_BARGE_IN, {"latency": 0.2})),
            "event barge_in: latency: unknown attribute",
        ),
        (
            turn(Event(a.EVENT_HANDOFF, {a.USER_ID: "u"})),
            "event handoff: user.id: not expected here",
        ),
        (
            turn(Event(a.EVENT_BARGE_IN, {a.VOICE_BARGE_IN_LATENCY: 1})),
            "event barge_in: voice.barge_in.latency: int, not double",
        ),
        (
            llm("chat", **{a.GEN_AI_REQUEST_MODEL: "gpt-4.1"}),
            "name: 'chat', not 'chat gpt-4.1'",
        ),
        (llm("llm"), "name: 'llm', not 'chat'"),
        (
            turn(**{a.GEN_AI_OPERATION_NAME: "chat"}),
            "gen_ai.operation.name: 'chat', not 'invoke_agent'",
        ),
    ],
)
def test_what_the_schema_does_not_know_is_named(span: Span, expected: str) -> None:
    assert problems(span) == [expected]


def test_a_span_without_a_kind_is_not_ours() -> None:
    assert "voice.span.kind: unknown kind 'None'" in problems(Span("turn", {}))


def test_the_callers_own_names_are_allowed_when_declared() -> None:
    own = frozenset({"vertical", "triage"})
    span = Span("triage", {a.VOICE_SPAN_KIND: "triage", "vertical": "acme", a.SERVER_ADDRESS: "h"})
    assert problems(span, own) == []
    assert problems(turn(Event("triage", {"anything": 1})), own) == []
    assert problems(turn(Event("guardrail:toxicity", {"flagged": False}))) == []
    assert problems(span) == [
        "voice.span.kind: unknown kind 'triage'",
        "vertical: unknown attribute",
    ]


def test_an_exported_span_is_checked_with_its_kind_and_links() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    first = tracer.start_span("turn", attributes=turn().attributes)
    first.end()
    link = Link(first.get_span_context(), {a.VOICE_LINK_KIND: a.LINK_PREVIOUS_TURN})
    wrong = Link(first.get_span_context(), {"why": "because"})
    tracer.start_span(
        "turn", kind=SpanKind.SERVER, attributes=turn().attributes, links=[link, wrong]
    ).end()
    good, bad = exporter.get_finished_spans()
    assert problems(good) == []
    assert problems(bad) == ["kind: SERVER, not INTERNAL", "link: why: unknown attribute"]


def test_metrics_are_checked_by_name_unit_instrument_and_attributes() -> None:
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("test")
    count = meter.create_counter(a.METRIC_VOICE_TURN_COUNT, unit="{turn}")
    count.add(1, {a.VOICE_TURN_OUTCOME: a.OUTCOME_COMPLETED, "vertical": "acme"})
    meter.create_up_down_counter(a.METRIC_VOICE_SESSION_ACTIVE, unit="{session}").add(1)
    meter.create_histogram(a.METRIC_VOICE_LOOP_LAG, unit="ms").record(3)
    meter.create_counter(a.METRIC_VOICE_TURN_DURATION, unit="s").add(1, {a.SESSION_ID: "s"})
    meter.create_counter("voice.turns").add(1)
    data = reader.get_metrics_data()
    assert data is not None
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    assert [line for metric in metrics for line in metric_problems(metric)] == [
        "metric voice.turn.count: vertical: unknown attribute",
        "metric voice.loop_lag: unit is 'ms', not 's'",
        "metric voice.turn.duration: is a counter, not a histogram",
        "metric voice.turn.duration: session.id: not expected here",
        "metric voice.turns: unknown",
    ]
    assert metric_problems(metrics[0], frozenset({"vertical"})) == []


def test_the_page_prints_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m voicespan.schema_doc` is how the page is made, also where stdout is not UTF-8."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    command = [sys.executable, "-m", "voicespan.schema_doc"]
    printed = subprocess.run(command, capture_output=True, check=True).stdout
    assert printed.decode("utf-8") == schema_doc.page()
