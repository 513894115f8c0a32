"""A way to trace a hand-written voice loop in, CPU seconds per turn of six stages out.

The bare SDK makes spans of the same names, kinds and attributes, all of which it is given ready
made at the start: no clock arithmetic, no TTFA, no cost, no masking, no link. That is the floor.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context

import voicespan
from bench.discard import Discard, batching
from bench.rounds import Measure, Sample
from voicespan.testing import capture

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Tracer

    from voicespan.primitives.turn import TurnHandle

TURNS_PER_CALL = 8
CALLER: dict[str, Any] = {
    "agent": "support_v3",
    "agent_version": "v42",
    "user_id": "user_42",
    "transport": "sip",
}
QUESTION, ANSWER = "Where is my order?", "It left our warehouse this morning."


def prepare(variant: str) -> Measure:
    """Make ready to trace in one way."""
    hold_calls, spans = _VARIANTS[variant]()

    def measure(size: int) -> Sample:
        calls = max(1, size // TURNS_PER_CALL)
        gc.collect()
        process, thread = time.process_time(), time.thread_time()
        hold_calls(calls)
        on_thread = time.thread_time() - thread
        exported = spans()
        everywhere = time.process_time() - process
        if exported != calls * (1 + TURNS_PER_CALL * 7):
            raise AssertionError(f"{variant} exported {exported} spans of {calls} calls")
        turns = calls * TURNS_PER_CALL
        return {"calling thread": on_thread / turns, "all threads": everywhere / turns}

    return measure


def _voicespan() -> tuple[Callable[[int], None], Callable[[], int]]:
    exporter = Discard()
    handle = voicespan.instrument(exporter=exporter)

    def hold_calls(count: int) -> None:
        for _ in range(count):
            hold_call(TURNS_PER_CALL)

    def spans() -> int:
        handle.flush(30)
        return exporter.take()

    return hold_calls, spans


def _bare_sdk() -> tuple[Callable[[int], None], Callable[[], int]]:
    with capture() as recorded:
        hold_call(1)
    call, (turn,) = recorded.sessions[0].span, recorded.turns
    exporter = Discard()
    provider = batching(exporter)
    tracer = provider.get_tracer("bench")

    def hold_calls(count: int) -> None:
        for _ in range(count):
            with tracer.start_as_current_span(**_same(call)):
                for _ in range(TURNS_PER_CALL):
                    _exchange_bare(tracer, turn.span, turn.stages)

    def spans() -> int:
        provider.force_flush()
        return exporter.take()

    return hold_calls, spans


_VARIANTS = {"bare sdk": _bare_sdk, "voicespan": _voicespan}


def hold_call(turns: int) -> None:
    """Hold a call as `examples/manual_loop.py` does, without the waiting."""
    with voicespan.session(**CALLER) as session:
        for _ in range(turns):
            with session.turn() as turn:
                exchange(turn)


def exchange(turn: TurnHandle) -> None:
    """Hear a question, think, look something up, answer."""
    with turn.user_speech() as speech:
        speech.transcript(QUESTION)
    with turn.stt(provider="deepgram", model="nova-3") as stt:
        stt.transcript(QUESTION, confidence=0.97, language="en")
        stt.usage(audio_seconds=0.3)
    with turn.llm(provider="openai", model="gpt-4.1-mini") as llm:
        llm.first_token()
        llm.messages(input=[{"role": "user", "content": QUESTION}], output=ANSWER)
        llm.usage(input_tokens=420, output_tokens=80)
    with turn.tool("lookup_order", arguments={"id": 417}) as tool:
        tool.result({"status": "shipped"})
    with turn.tts(provider="cartesia", model="sonic-2", voice="calm") as tts:
        tts.first_byte()
        tts.usage(characters=len(ANSWER), audio_seconds=1.2)
    with turn.agent_speech() as agent:
        agent.transcript(ANSWER)


def _exchange_bare(tracer: Tracer, turn: ReadableSpan, stages: tuple[ReadableSpan, ...]) -> None:
    with tracer.start_as_current_span(context=Context(), **_same(turn)):
        for stage in stages:
            with tracer.start_as_current_span(**_same(stage)):
                pass


def _same(span: ReadableSpan) -> dict[str, Any]:
    return {"name": span.name, "kind": span.kind, "attributes": span.attributes}
