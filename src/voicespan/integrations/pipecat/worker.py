"""A pipeline worker's run in, one Session from its first task to its last out."""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakSet, finalize, ref

from voicespan._guard import guard, guarded
from voicespan.integrations.pipecat.tap import Tap
from voicespan.integrations.wrapping import Method, Wrapping
from voicespan.primitives.calls import Calls, in_force
from voicespan.primitives.session import Session

logger = logging.getLogger("voicespan")

_TAP = "_voicespan_tap"
"""Where a worker keeps its tap: the two refer to each other, so no mapping could let them go."""

_taps: WeakSet[Tap] = WeakSet()


def instrument() -> Callable[[], None]:
    """Follow every pipeline worker that runs from now on; returns what takes that back."""

    def around(original: Method) -> Method:
        async def run(self: Any, *args: Any, **kwargs: Any) -> Any:
            return await _followed(self, functools.partial(original, self, *args, **kwargs))

        return run

    wrapping = Wrapping(_worker_class(), "run", around)

    def undo() -> None:
        wrapping.release()
        for tap in list(_taps):
            tap.remove()

    return undo


def attach(worker: Any, **known: Any) -> Session:
    """Follow one worker explicitly; `known` is what `voicespan.session()` takes (`agent=`, …).

    The session begins now and ends when the worker's run does, or with a worker that never runs.
    """
    tap: Tap | None = vars(worker).get(_TAP)
    if tap is None:
        tap = _open(worker, **known)
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
    tap: Tap | None = vars(worker).pop(_TAP, None)
    if tap is not None:
        _taps.discard(tap)
        tap.finish()


def _gone(calls: Calls, reference: ref[Session]) -> None:
    """A worker is no more: end a session that waits for its run.

    Not here: garbage is collected on any thread, whatever lock it holds.
    """
    session = reference()
    if session is not None and not session.ended:
        calls.worker.submit(functools.partial(session.end, "never_ran"))


def _open(worker: Any, **known: Any) -> Tap:
    calls = in_force.current()
    session = calls.open(
        session_id=getattr(worker, "_conversation_id", None), commits=True, **known
    )
    if getattr(worker, "_enable_tracing", False):
        logger.warning(
            "voicespan: Pipecat's own tracing is on (enable_tracing=True) and is left alone;"
            " its spans come beside voicespan's"
        )
    tap = vars(worker)[_TAP] = Tap(worker, session)
    _taps.add(tap)
    finalize(worker, _gone, calls, ref(session)).atexit = False
    with guard("pipecat.tap"):
        tap.install()
    return tap


def _worker_class() -> Any:
    try:
        from pipecat.pipeline.worker import PipelineWorker
    except ImportError:  # before 1.3
        from pipecat.pipeline.task import PipelineTask as PipelineWorker
    return PipelineWorker
