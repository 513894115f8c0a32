"""A pipeline worker's run in, one Session from its first task to its last out."""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakKeyDictionary

from voicespan._guard import guard, guarded
from voicespan.integrations.pipecat.tap import Tap
from voicespan.primitives.calls import in_force
from voicespan.primitives.session import Session

logger = logging.getLogger("voicespan")

_taps: WeakKeyDictionary[Any, Tap] = WeakKeyDictionary()


def instrument() -> Callable[[], None]:
    """Follow every pipeline worker that runs from now on; returns what takes that back."""
    worker_class = _worker_class()
    original = worker_class.run

    @functools.wraps(original)
    async def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await _followed(self, functools.partial(original, self, *args, **kwargs))

    worker_class.run = run

    def undo() -> None:
        if worker_class.run is run:
            worker_class.run = original
        for tap in list(_taps.values()):
            tap.remove()

    return undo


def attach(worker: Any, **known: Any) -> Session:
    """Follow one worker explicitly; `known` is what `voicespan.session()` takes (`agent=`, …).

    The session begins now and ends when the worker's run does.
    """
    tap = _taps.get(worker)
    if tap is None:
        tap = _taps[worker] = _open(worker, **known)
    else:
        tap.session.identify(**known)
    return tap.session


async def _followed(worker: Any, run: Callable[[], Awaitable[Any]]) -> Any:
    session = _begin(worker)
    if session is None:
        return await run()
    with session:  # what other code starts inside belongs to this call; ends it by any path
        try:
            return await run()
        finally:
            _end(worker)


@guarded(None)
def _begin(worker: Any) -> Session | None:
    if worker.has_finished():
        return None
    return attach(worker)


@guarded(None)
def _end(worker: Any) -> None:
    tap = _taps.pop(worker, None)
    if tap is not None:
        tap.finish()


def _open(worker: Any, **known: Any) -> Tap:
    session = in_force.current().open(
        session_id=getattr(worker, "_conversation_id", None), commits=True, **known
    )
    if getattr(worker, "_enable_tracing", False):
        logger.warning(
            "voicespan: Pipecat's own tracing is on (enable_tracing=True) and is left alone;"
            " its spans come beside voicespan's"
        )
    tap = Tap(worker, session)
    with guard("pipecat.tap"):
        tap.install()
    return tap


def _worker_class() -> Any:
    try:
        from pipecat.pipeline.worker import PipelineWorker
    except ImportError:  # before 1.3
        from pipecat.pipeline.task import PipelineTask as PipelineWorker
    return PipelineWorker
