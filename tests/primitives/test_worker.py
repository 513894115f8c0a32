"""Jobs and deadlines in; each run once, on the worker's thread, in every process, out."""

import gc
import logging
import os
import threading
import weakref
from collections.abc import Iterator

import pytest

from tests.primitives.telling import HandClock
from voicespan.primitives import worker as module
from voicespan.primitives.clock import SystemClock
from voicespan.primitives.worker import InlineWorker, Worker

LONG = 30.0


@pytest.fixture
def worker() -> Worker:
    return Worker(SystemClock())


@pytest.fixture
def held(worker: Worker) -> Iterator[threading.Event]:
    """The worker is busy until the event is set."""
    let_go, busy = threading.Event(), threading.Event()

    def job() -> None:
        busy.set()
        let_go.wait(LONG)

    worker.submit(job)
    assert busy.wait(LONG)
    yield let_go
    let_go.set()


def test_jobs_run_in_order_on_another_thread(worker: Worker) -> None:
    """Work leaves the thread of the call."""
    ran: list[tuple[int, int]] = []
    for index in range(100):
        worker.submit(lambda index=index: ran.append((index, threading.get_ident())))  # type: ignore[misc]  # a default fixes the value
    assert worker.drain(LONG)
    assert [index for index, _ in ran] == list(range(100))
    assert {thread for _, thread in ran} - {threading.get_ident()}


def test_drain_gives_up_at_its_deadline(worker: Worker, held: threading.Event) -> None:
    """Shutdown keeps its word even if a job hangs."""
    worker.submit(lambda: None)
    assert not worker.drain(0.0)
    held.set()
    assert worker.drain(LONG)


def test_drain_from_a_job_does_not_wait_for_itself(worker: Worker) -> None:
    """A job that flushes must not deadlock."""
    drained: list[bool] = []
    worker.submit(lambda: drained.append(worker.drain(LONG)))
    assert worker.drain(LONG)
    assert drained == [True]


def test_a_job_that_raises_does_not_stop_the_next(worker: Worker) -> None:
    """The worker outlives its jobs' mistakes."""
    ran: list[int] = []
    worker.submit(lambda: 1 // 0)  # type: ignore[arg-type]  # whatever a job returns
    worker.submit(lambda: ran.append(1))
    assert worker.drain(LONG)
    assert ran == [1]


def test_timers_run_when_due(worker: Worker) -> None:
    """Also those set for the past, and the later not before the earlier."""
    ran: list[str] = []
    done = threading.Event()
    now = SystemClock().monotonic_ns()

    def last() -> None:
        ran.append("later")
        done.set()

    worker.call_at(now + 20_000_000, last)
    worker.call_at(now - 1, lambda: ran.append("past"))
    assert done.wait(LONG)
    assert ran == ["past", "later"]
    assert SystemClock().monotonic_ns() >= now + 20_000_000


def test_overflow_drops_the_oldest_and_says_so(
    worker: Worker,
    held: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A worker that cannot keep up costs telemetry, not memory."""
    monkeypatch.setattr(module, "MAX_JOBS", 3)
    ran: list[int] = []
    with caplog.at_level(logging.WARNING, logger="voicespan"):
        for index in range(10):
            worker.submit(lambda index=index: ran.append(index))  # type: ignore[misc]  # a default fixes the value
    held.set()
    assert worker.drain(LONG)
    assert ran == [7, 8, 9]
    assert len(caplog.records) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_forked_child_has_a_worker_of_its_own(worker: Worker, held: threading.Event) -> None:
    """Servers fork after import: the child works, and leaves the parent's jobs to the parent."""
    ran: list[str] = []
    worker.submit(lambda: ran.append("parent"))
    child = os.fork()
    if child == 0:
        worker.submit(lambda: ran.append("child"))
        os._exit(0 if worker.drain(LONG) and ran == ["child"] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    held.set()
    assert worker.drain(LONG)
    assert ran == ["parent"]


def test_without_a_thread_jobs_run_on_the_callers(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interpreter that exits starts no threads, but what was begun is still written."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    ran: list[int] = []
    worker.submit(lambda: ran.append(threading.get_ident()))
    assert ran == [threading.get_ident()]
    assert worker.drain(0.0)


def test_an_idle_worker_keeps_no_job_alive(worker: Worker) -> None:
    """The last session's records go when they are written."""

    class Job:
        def __call__(self) -> None:
            pass

    job = Job()
    reference = weakref.ref(job)
    worker.submit(job)
    assert worker.drain(LONG)
    del job
    gc.collect()
    assert reference() is None


def test_inline_worker_runs_jobs_at_once_and_timers_when_told() -> None:
    """Tests see the effect of a fact when the verb returns."""
    clock, inline, ran = HandClock(), InlineWorker(), []
    inline.submit(lambda: ran.append("now"))
    inline.call_at(clock.monotonic + 10, lambda: ran.append("later"))
    inline.advance(clock.monotonic + 9)
    assert ran == ["now"]
    assert inline.next() == clock.monotonic + 10
    inline.advance(clock.monotonic + 10)
    assert ran == ["now", "later"]
    assert inline.drain(0.0)
