"""Batches of real spans in, what a person reads on the terminal out."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Span, Status, StatusCode, Tracer, set_span_in_context

from tests.processors.turns import COMMITTED, FIRST, PLAIN, at, play, recorded, tracer_into
from voicespan import attributes as a
from voicespan.processors import TTFA
from voicespan.processors.foreign import rewrite
from voicespan.sinks.console import ConsoleExporter, render

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


def message(words: str) -> str:
    return json.dumps([{"role": "user", "parts": [{"type": "text", "content": words}]}])


TURN: dict[str, Any] = {
    **COMMITTED,
    a.SESSION_ID: "3f9c2a71-and-more",
    a.VOICE_TURN_NUMBER: 3,
    a.VOICE_SPAN_KIND: "turn",
    a.VOICE_TURN_OUTCOME: "completed",
    a.VOICE_TURN_COST: 0.00123,
}
FACTS: dict[str, dict[str, Any]] = {
    "stt": {a.VOICE_STT_AUDIO_DURATION: 1.18, a.VOICE_STT_CONFIDENCE: 0.97},
    "llm": {
        a.GEN_AI_PROVIDER_NAME: "openai",
        a.GEN_AI_USAGE_INPUT_TOKENS: 420,
        a.GEN_AI_USAGE_OUTPUT_TOKENS: 80,
        a.GEN_AI_USAGE_COST: 0.00012,
    },
    "tts": {a.GEN_AI_PROVIDER_NAME: "cartesia", a.VOICE_TTS_CHARACTERS: 33},
    "agent_speech": {a.VOICE_AGENT_SPEECH_HEARD: 1.0},
}
TREE = """\
● 3f9c2a71 turn 3 · completed · first audio 1000 ms = endpointing 400 + application 50 + llm 250 + \
tts 200 + output 100 · $0.0012
  user  I can't log in
  agent Let me help
      +0    1000 ms  ├─ user_speech
     +20    1180 ms  ├─ stt                     1.2 s of audio · confidence 0.97
   +1450     500 ms  ├─ llm                     openai · first after 250 ms \
· 420 → 80 tokens · $0.0001
   +1500     400 ms  ├─ execute_tool lookup     {"id": 42} → {"found": true}
   +1600     200 ms  │  └─ GET /accounts        barged at 100 ms
   +1700     800 ms  ├─ tts                     cartesia · first after 200 ms · 33 characters
   +1950      10 ms  ├─ text_to_speech sonic-2  ✗ TimeoutError: it took too long
   +2000    1000 ms  └─ agent_speech            1.0 s heard
"""


def spans_of_a_turn() -> list[ReadableSpan]:
    exporter = InMemorySpanExporter()
    tracer = tracer_into(SimpleSpanProcessor(exporter))
    said = {
        a.GEN_AI_INPUT_MESSAGES: message("I can't log in"),
        a.GEN_AI_OUTPUT_MESSAGES: message("Let me\nhelp"),
    }
    turn = tracer.start_span("turn", start_time=at(0), attributes=TURN | said)
    for kind, start, end, facts in PLAIN:
        told = {a.VOICE_SPAN_KIND: kind, **FACTS.get(kind, {}), **facts}
        begin(tracer, kind, turn, start, told).end(at(end))
    broken = begin(tracer, "text_to_speech sonic-2", turn, 1950, {a.ERROR_TYPE: "TimeoutError"})
    broken.set_status(Status(StatusCode.ERROR, "it took too long"))
    broken.end(at(1960))
    asked = {a.GEN_AI_TOOL_CALL_ARGUMENTS: '{"id": 42}'}
    answered = {a.GEN_AI_TOOL_CALL_RESULT: '{"found": true}'}
    tool = begin(tracer, "execute_tool lookup", turn, 1500, asked | answered)
    request = begin(tracer, "GET /accounts", tool, 1600, {})
    request.add_event("barged", timestamp=at(1700))
    request.end(at(1800))
    tool.end(at(1900))
    turn.end(at(3000))
    return rewrite(exporter.get_finished_spans(), (TTFA(),))


def begin(tracer: Tracer, name: str, under: Span, start: int, facts: dict[str, Any]) -> Span:
    return tracer.start_span(
        name, set_span_in_context(under), start_time=at(start), attributes=facts
    )


def test_a_turn_is_a_tree() -> None:
    assert render(spans_of_a_turn()) == TREE


def test_without_content_there_are_no_words() -> None:
    assert "user  " not in render(recorded())


def test_on_a_terminal_errors_are_red_and_nowhere_else_is_there_colour() -> None:
    (red,) = (line for line in render(spans_of_a_turn(), colour=True).split("\n") if "[31m" in line)
    assert "TimeoutError" in red
    out = io.StringIO()
    assert ConsoleExporter(out).export(spans_of_a_turn()) is SpanExportResult.SUCCESS
    assert out.getvalue() == TREE


def test_what_was_said_cannot_steer_the_terminal() -> None:
    hostile = {a.GEN_AI_INPUT_MESSAGES: message("\x1b]0;owned\x07 hi\r\n" + "x" * 200)}
    text = render(recorded(turn=hostile))
    assert "\x1b" not in text
    assert "\x07" not in text
    (said,) = (line for line in text.splitlines() if line.startswith("  user"))
    assert said.endswith("x…")
    assert len(said) < 120


@pytest.mark.parametrize("words", ["no json", "[1]", '{"parts": 1}', '[{"parts": [1]}]', "null"])
def test_words_in_another_shape_are_shown_as_they_are(words: str) -> None:
    assert f"  user  {words}\n" in render(recorded(turn={a.GEN_AI_INPUT_MESSAGES: words}))


def test_turns_of_one_trace_stand_alone_and_the_session_comes_last() -> None:
    exporter = InMemorySpanExporter()
    tracer = tracer_into(SimpleSpanProcessor(exporter))
    told: dict[str, Any] = {
        a.SESSION_ID: "s-1",
        a.VOICE_SPAN_KIND: "session",
        a.VOICE_SESSION_END_REASON: "hangup",
        a.VOICE_SESSION_TURN_COUNT: 2,
        a.VOICE_SESSION_INTERRUPTION_COUNT: 1,
        a.VOICE_SESSION_TTFA_P50: 0.812,
        a.VOICE_SESSION_COST: 0.02,
    }
    session = tracer.start_span("session", start_time=at(0), attributes=told)
    play(tracer, number=1, under=session)
    play(tracer, number=2, under=session)
    session.end(at(9000))
    heads = [text for text in render(exporter.get_finished_spans()).splitlines() if text[0] != " "]
    assert heads == [
        "● s-1 turn 1",
        "● s-1 turn 2",
        "■ s-1 session · 9.0 s · ended: hangup · 2 turns · 1 interruption · first audio p50 812 ms"
        " · $0.0200",
    ]


def test_stages_that_came_without_their_turn_say_whose_they_are() -> None:
    """Batches split turns, and nothing is kept between them."""
    assert render(recorded()[2:3]) == "○ s-1 turn 1 llm · 0.5 s · first after 250 ms\n"


def test_an_interrupted_turn_and_an_answer_after_a_filler_say_so() -> None:
    turn = {a.VOICE_BARGE_IN_LATENCY: 0.18, a.VOICE_TURN_TIME_TO_ANSWER: 2.5}
    head = render(recorded(turn=turn)).splitlines()[0]
    assert head == "● s-1 turn 1 · answer 2500 ms · silent 180 ms after barge-in"


def test_a_stream_that_knows_no_unicode_gets_plain_characters() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    ConsoleExporter(out).export(spans_of_a_turn())
    assert b"\n   +1600     200 ms  |  `- GET /accounts" in raw.getvalue()
    assert b"420 > 80 tokens" in raw.getvalue()


def test_a_stream_that_is_closed_is_a_failure_and_nothing_raises() -> None:
    out = io.StringIO()
    out.close()
    exporter = ConsoleExporter(out)
    assert exporter.export(recorded()) is SpanExportResult.FAILURE
    assert exporter.force_flush() is True
    exporter.shutdown()


def test_it_prints_where_the_logs_are(capsys: pytest.CaptureFixture[str]) -> None:
    ConsoleExporter().export(recorded(("llm", 0, 10, {FIRST: 0.01})))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("● s-1 turn 1\n")
