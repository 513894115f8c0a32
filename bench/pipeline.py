"""Processors and a script in, the script played on a real Pipecat pipeline out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.filters.identity_filter import IdentityFilter
from pipecat.workers.runner import WorkerRunner

if TYPE_CHECKING:
    from pipecat.frames.frames import Frame
    from pipecat.processors.frame_processor import FrameDirection, FrameProcessor


class Passing(IdentityFilter):
    """A processor that passes everything on, typed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Pipecat leaves it unannotated


class Arrival(Passing):
    """The last processor: says when a frame of one type has come all the way."""

    def __init__(self, kind: type[Frame]) -> None:
        super().__init__()
        self._kind = kind
        self._arrived = asyncio.Event()
        self.count = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass everything on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, self._kind):
            self.count += 1
            self._arrived.set()

    async def came(self) -> None:
        """Wait for the frame that is under way."""
        await self._arrived.wait()
        self._arrived.clear()


async def play(
    processors: list[FrameProcessor],
    options: Mapping[str, Any],
    script: Callable[[PipelineWorker], Awaitable[float]],
) -> float:
    """Run a pipeline, return what `script` returns once it has started, and tear it down."""
    worker = PipelineWorker(Pipeline(processors), **options)
    started = asyncio.Event()

    async def on_started(*_: object) -> None:
        started.set()

    worker.add_event_handler("on_pipeline_started", on_started)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    await started.wait()
    try:
        return await script(worker)
    finally:
        await worker.cancel()
        await running


async def observed(worker: PipelineWorker) -> None:
    """Wait until every observer has seen every frame: their queues belong to the cost."""
    for proxy in (worker._observer._proxies or {}).values():
        await proxy.queue.join()
