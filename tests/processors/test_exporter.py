"""Any exporter in, the same behind the steps out: what it is given and what it answers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, Tracer

from tests.processors.doubles import FAILURE, SUCCESS, Failing
from tests.processors.turns import PLAIN_PARTS, play, recorded, timed, tracer_into
from voicespan import _guard
from voicespan import attributes as a
from voicespan.processors import TTFA, Cost, Mask, VoiceSpanExporter
from voicespan.processors.draft import Draft

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor


@pytest.fixture(autouse=True)
def talkative() -> Iterator[None]:
    """Each test may log each thing once."""
    _guard.reset()
    yield
    _guard.reset()


def broken(drafts: list[Draft]) -> list[Draft]:
    drafts[0].attributes["half"] = "done"
    raise ValueError("step")


class BrokenMask(Mask):
    def __call__(self, drafts: list[Draft]) -> list[Draft]:
        super().__call__(drafts[:1])
        raise ValueError("mask")


def private_spans(tracer: Tracer) -> None:
    """Write a span as other instrumentations do, with words wherever a span can hold some."""
    link = tracer.start_span("linked")
    links = [Link(link.get_span_context(), {"text": "secret", "n": 1})]
    link.end()
    span = tracer.start_span("GET", kind=SpanKind.CLIENT, links=links)
    span.set_attributes({"gen_ai.prompt.0.content": "secret", "output": "secret", "code": 200})
    try:
        int("secret")
    except ValueError as error:
        span.record_exception(error)
    span.set_status(Status(StatusCode.ERROR, "ValueError: secret"))
    span.end()


def everything_in(span: ReadableSpan) -> str:
    return str(span.to_json())


def test_a_wrapped_exporter_gets_enriched_spans_in_the_order_of_the_batch() -> None:
    inside = InMemorySpanExporter()
    wrapped = VoiceSpanExporter(inside, steps=(TTFA(), Cost(), Mask()))
    batch: SpanProcessor = BatchSpanProcessor(wrapped)
    play(tracer_into(batch))
    assert batch.force_flush()
    batch.shutdown()
    exported = inside.get_finished_spans()
    assert [span.name for span in exported] == [span.name for span in recorded()]
    assert timed(exported) == pytest.approx({a.VOICE_TURN_TIME_TO_FIRST_AUDIO: 1.0} | PLAIN_PARTS)


def test_an_exporter_beside_it_sees_the_spans_as_they_were() -> None:
    inside, beside = InMemorySpanExporter(), InMemorySpanExporter()
    wrapped = VoiceSpanExporter(inside)
    private_spans(tracer_into(SimpleSpanProcessor(wrapped), SimpleSpanProcessor(beside)))
    assert "secret" in everything_in(beside.get_finished_spans()[1])
    assert "secret" not in everything_in(inside.get_finished_spans()[1])


def test_masked_spans_of_others_keep_their_facts_and_lose_their_words() -> None:
    inside = InMemorySpanExporter()
    private_spans(tracer_into(SimpleSpanProcessor(VoiceSpanExporter(inside, (Mask(),)))))
    span = inside.get_finished_spans()[1]
    (event,) = span.events
    (link,) = span.links
    assert span.attributes == {"code": 200}
    assert event.name == "exception"
    assert dict(event.attributes or {}) == {
        "exception.type": "ValueError",
        "exception.escaped": "False",
    }
    assert dict(link.attributes or {}) == {"n": 1}
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)


def test_a_failing_step_fails_open(caplog: pytest.LogCaptureFixture) -> None:
    inside = InMemorySpanExporter()
    exporter = VoiceSpanExporter(inside, (broken, TTFA()))
    assert exporter.export(recorded()) is SUCCESS
    assert exporter.export(recorded()) is SUCCESS
    assert timed(inside.get_finished_spans()[:6])[a.VOICE_TURN_TIME_TO_FIRST_AUDIO] == 1.0
    assert len(caplog.records) == 1
    assert caplog.records[0].levelno == logging.WARNING
    assert "step broken" in caplog.text


def test_a_failing_mask_fails_closed() -> None:
    """What it had not come to is left with the schema's own facts alone."""
    inside = InMemorySpanExporter()
    tracer = tracer_into(SimpleSpanProcessor(inside))
    for _ in range(2):
        private_spans(tracer)
    spans = inside.get_finished_spans()[1::2]
    inside.clear()
    assert VoiceSpanExporter(inside, (BrokenMask(),)).export(spans) is SUCCESS
    first, second = inside.get_finished_spans()
    assert first.attributes == {"code": 200}
    assert second.attributes == {a.VOICE_PII_FAILED: True}
    assert (second.events, second.links) == ((), ())
    assert "secret" not in everything_in(first) + everything_in(second)


@pytest.mark.parametrize("answer", [FAILURE, RuntimeError("exporter")], ids=["failing", "raising"])
def test_a_failing_exporter_is_a_failure_and_nothing_raises(
    answer: SpanExportResult | Exception,
) -> None:
    inside = Failing(answer)
    exporter = VoiceSpanExporter(inside)
    assert exporter.export(recorded()) is FAILURE
    assert exporter.force_flush() is False
    exporter.shutdown()
    assert inside.calls == ["export", "force_flush", "shutdown"]


def test_a_batch_of_which_nothing_is_left_is_not_exported() -> None:
    inside = Failing(FAILURE)
    assert VoiceSpanExporter(inside, (lambda drafts: [],)).export(recorded()) is SUCCESS
    assert inside.calls == []


def test_everything_else_is_the_wrapped_exporters() -> None:
    inside = InMemorySpanExporter()
    exporter = VoiceSpanExporter(inside, steps=())
    exporter.export(spans := recorded())
    get_spans: object = exporter.get_finished_spans
    assert callable(get_spans)
    assert list(get_spans()) == spans
    assert not hasattr(exporter, "nothing_of_the_kind")
    exporter.shutdown()
    assert exporter.export(recorded()) is FAILURE


def test_something_that_exports_nothing_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="`export`"):
        VoiceSpanExporter("otlp")  # type: ignore[arg-type]  # the mistake under test


class Shouting(Mask):
    """Stands in for masking that changes text on every pass."""

    def __call__(self, drafts: list[Draft]) -> list[Draft]:
        for draft in drafts:
            if draft.masked != self.policy:
                draft.name += "!"
                draft.masked = self.policy
        return drafts


@pytest.mark.parametrize(
    ("scope", "policy", "expected"),
    [
        ("voicespan", "default", "turn"),  # done before the span ended
        ("voicespan", "pci", "turn!"),  # under another policy than this exporter asks for
        ("voicespan", None, "turn!"),  # instrument(mask=None)
        ("elsewhere", "default", "turn!"),  # anybody may claim so
    ],
)
def test_nothing_is_masked_twice_and_nothing_not_at_all(
    scope: str, policy: str | None, expected: str
) -> None:
    inside = InMemorySpanExporter()
    tracer = tracer_into(
        SimpleSpanProcessor(VoiceSpanExporter(inside, (Shouting(), Shouting()))),
        scope=scope,
        claims={} if policy is None else {a.VOICE_PII_POLICY: policy},
    )
    tracer.start_span("turn").end()
    assert [span.name for span in inside.get_finished_spans()] == [expected]
