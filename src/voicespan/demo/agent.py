"""A transport in, the demo's voice agent on it out: a Pipecat pipeline as an application builds it.

Nothing here but `voicespan.span(...)` in the tool knows of voicespan. Needs pipecat-ai 1.14, whose
agent speaks up again after a noise without words has cut it off; older ones stay silent.
"""

import asyncio
import sqlite3
from typing import Any

from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.services.llm_service import FunctionCallParams
from pipecat.transports.base_transport import BaseTransport
from pipecat.workers.runner import WorkerRunner

import voicespan
from voicespan.demo.pipecat_services import ScriptedLLM, ScriptedSTT, ScriptedTTS, Speech
from voicespan.demo.turn_taking import turn_taking

INSTRUCTIONS = "You answer the phone of a parcel service. Be brief."
UNHEARD_AFTER = 2.3
"""Seconds after which Pipecat gives up on words for a voice that cut the agent (its default: 5)."""

LOOKUP_ORDER = FunctionSchema(
    name="lookup_order",
    description="Find where an order is.",
    properties={"number": {"type": "string", "description": "the order's number"}},
    required=["number"],
)


async def lookup_order(params: FunctionCallParams) -> None:
    """Answer the model's call: where an order is."""
    number = str(params.arguments["number"])
    with voicespan.span("orders.query", {"db.system.name": "sqlite"}) as query:
        found = _find(number)
        await asyncio.sleep(0.2)  # a database is rarely in the same process
        query.update(input=number, output=found)
    with voicespan.span("courier.track"):
        await asyncio.sleep(0.4)
    await params.result_callback({"order": number, "status": found, "arrives": "Friday"})


class Agent:
    """The pipeline of one call; `stt` and `llm` are scripted from outside."""

    def __init__(self, transport: BaseTransport) -> None:
        self.stt = ScriptedSTT()
        self.llm = ScriptedLLM()
        self.llm.register_function(LOOKUP_ORDER.name, lookup_order)
        context = LLMContext(
            [{"role": "system", "content": INSTRUCTIONS}],
            tools=ToolsSchema(standard_tools=[LOOKUP_ORDER]),
        )
        aggregators = LLMContextAggregatorPair(
            context,
            user_params=LLMUserAggregatorParams(
                user_turn_strategies=turn_taking(),
                user_turn_stop_timeout=UNHEARD_AFTER,
                vad_analyzer=SileroVADAnalyzer(),
            ),
        )
        self.worker = PipelineWorker(
            Pipeline(
                [
                    transport.input(),
                    self.stt,
                    aggregators.user(),
                    self.llm,
                    ScriptedTTS(Speech(first_byte=0.18), words=True),
                    transport.output(),
                    aggregators.assistant(),
                ]
            )
        )
        self.started = asyncio.Event()
        self.worker.add_event_handler("on_pipeline_started", self._on_started)

    async def run(self) -> None:
        """Run the pipeline to its end."""
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(self.worker)
        await runner.run()

    async def _on_started(self, *_: Any) -> None:
        self.started.set()


def _find(number: str) -> str:
    with sqlite3.connect(":memory:") as orders:
        orders.execute("CREATE TABLE orders (number TEXT PRIMARY KEY, status TEXT)")
        orders.execute("INSERT INTO orders VALUES ('417', 'with the courier')")
        row = orders.execute("SELECT status FROM orders WHERE number = ?", (number,)).fetchone()
    return str(row[0]) if row else "unknown"
