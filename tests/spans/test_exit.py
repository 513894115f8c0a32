"""Processes that end in the middle of a call in, the spans that reached a collector out."""

from __future__ import annotations

import signal

import pytest

from tests.otlp_receiver import attributes, black_hole, receive
from tests.processes import run, script_beside_python

OPEN_TURN = """
import sys, asyncio, voicespan
voicespan.instrument(agent="support")
session = voicespan.session(external_session_id="a", call_sid="CA1")
turn = session.turn()
turn.start()
turn.llm(model="m").start()
turn.tool("t").start()
"""

ENDS = {
    "falling off the end": (OPEN_TURN, 0),
    "sys.exit": (OPEN_TURN + "sys.exit(3)", 3),
    "an exception nobody catches": (OPEN_TURN + "raise ValueError('boom')", 1),
    "control-C": (OPEN_TURN + "raise KeyboardInterrupt", -signal.SIGINT),
    "sys.exit in the blocks": (
        """
import sys, voicespan
voicespan.instrument(agent="support")
with voicespan.session(external_session_id="a", call_sid="CA1") as session:
    with session.turn() as turn, turn.llm(model="m"), turn.tool("t"):
        sys.exit(3)
""",
        3,
    ),
    "an exception in a task": (
        """
import asyncio, voicespan
voicespan.instrument(agent="support")
async def main():
    async with voicespan.session(external_session_id="a", call_sid="CA1") as session:
        async with session.turn() as turn, turn.llm(model="m"), turn.tool("t"):
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                await asyncio.Event().wait()
async def fail():
    raise ValueError("boom")
asyncio.run(main())
""",
        1,
    ),
}


@pytest.mark.parametrize(
    ("end", "protocol"),
    [
        *((end, "http/protobuf") for end in ENDS),
        ("falling off the end", "grpc"),
        ("sys.exit in the blocks", "grpc"),
    ],
)
def test_a_process_that_ends_mid_turn_delivers_everything(end: str, protocol: str) -> None:
    script, code = ENDS[end]
    with receive(protocol) as receiver:
        done = run(script, environment=receiver.environment)
    assert done.returncode == code, done.stderr
    assert receiver.names() == ["chat m", "execute_tool t", "session", "turn"], done.stderr
    assert "voicespan" not in done.stderr.replace("import voicespan", "").partition("Traceback")[0]
    session = next(span for span in receiver.spans if span.name == "session")
    assert attributes(session)["gen_ai.agent.name"] == "support"


def test_a_provider_of_the_applications_own_delivers_too() -> None:
    """Its own exit handler must not come before ours: it takes no more spans after that."""
    with receive() as receiver:
        done = run(
            """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
import voicespan, voicespan._instrument
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
voicespan.instrument()
voicespan.session().turn().start()
""",
            environment=receiver.environment,
        )
    assert done.returncode == 0, done.stderr
    assert receiver.names() == ["session", "turn"], done.stderr


def test_a_collector_that_never_answers_does_not_keep_the_process() -> None:
    with black_hole() as url:
        done = run(OPEN_TURN, environment={"OTEL_EXPORTER_OTLP_ENDPOINT": url})
    assert done.returncode == 0, done.stderr


def test_opentelemetry_instrument_needs_no_code_at_all() -> None:
    """The agent only says what happens; that it is traced at all is decided outside."""
    agent = """
import voicespan
with voicespan.session(external_session_id="a") as session:
    with session.turn() as turn, turn.llm(model="m"):
        pass
"""
    with receive() as receiver:
        done = run(
            agent,
            launcher=[script_beside_python("opentelemetry-instrument")],
            environment=receiver.environment
            | {
                "OTEL_SERVICE_NAME": "callcentre",
                "VOICESPAN_AGENT": "support",
                # Whom we are benchmarked against has such an entry point too, and loads Pipecat.
                "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "pipecat",
            },
        )
    assert done.returncode == 0, done.stderr
    assert receiver.names() == ["chat m", "session", "turn"], done.stderr
    assert receiver.resource("service.name") == {"callcentre"}
    assert {attributes(span)["gen_ai.agent.name"] for span in receiver.spans} == {"support"}
    assert done.stderr == ""
