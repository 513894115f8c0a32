"""Jobs and deadlines in, each run on one daemon thread out: work leaves the call's own threads."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from voicespan._fork import reset_in_child
from voicespan._guard import guard, warn_once
from voicespan.primitives.clock import NANOSECONDS, Clock

Job = Callable[[], None]

MAX_JOBS = 4096
"""Jobs held at most; when the worker cannot keep up the oldest are dropped."""


class Scheduler(Protocol):
    """Where a session hands work to: `Worker`, or `InlineWorker` under `capture()`."""

    def submit(self, job: Job) -> None:
        """Run `job` soon."""
        ...

    def call_at(self, when: int, job: Job) -> None:
        """Run `job` once the monotonic clock has reached `when` (nanoseconds)."""
        ...

    def drain(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds until all that was submitted has run; return whether."""
        ...


class Timers:
    """A heap of jobs by the monotonic time at which they fall due."""

    def __init__(self) -> None:
        """Begin without any."""
        self._heap: list[tuple[int, int, Job]] = []
        self._order = itertools.count()

    def add(self, when: int, job: Job) -> None:
        """Add a job."""
        heapq.heappush(self._heap, (when, next(self._order), job))

    def next(self) -> int | None:
        """Return when the next job falls due, or None."""
        return self._heap[0][0] if self._heap else None

    def due(self, now: int) -> Job | None:
        """Remove and return a job that is due at `now`, or None."""
        return heapq.heappop(self._heap)[2] if self._heap and self._heap[0][0] <= now else None


class Worker:
    """One daemon thread, started with the first job and again in a forked child."""

    def __init__(self, clock: Clock) -> None:
        """Prepare; no thread is started yet."""
        self._clock = clock
        self.reset()
        reset_in_child(self.reset)

    def submit(self, job: Job) -> None:
        """Run `job` soon, after those submitted before it."""
        with self._changed:
            if len(self._jobs) >= MAX_JOBS:
                self._jobs.popleft()
                warn_once("worker.full", "the worker cannot keep up: telemetry is being dropped")
            self._jobs.append(job)
            running = self._wake()
        if not running:  # the interpreter is exiting and starts no more threads
            self._run_here()

    def call_at(self, when: int, job: Job) -> None:
        """Run `job` once the monotonic clock has reached `when`."""
        with self._changed:
            self._timers.add(when, job)
            self._wake()

    def drain(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds until everything submitted has run."""
        if threading.current_thread() is self._thread:
            return not self._jobs  # a job that waited for itself would wait for ever
        with self._changed:
            return self._changed.wait_for(lambda: not (self._jobs or self._busy), timeout)

    def reset(self) -> None:
        """Start afresh: in a forked child the thread is gone, and the jobs are the parent's."""
        self._changed = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._timers = Timers()
        self._busy = False
        self._thread: threading.Thread | None = None

    def _wake(self) -> bool:
        """Start the thread if it does not run; return whether it does."""
        if self._thread is None or not self._thread.is_alive():
            thread = threading.Thread(target=self._run, name="voicespan", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return False
            self._thread = thread
        self._changed.notify_all()
        return True

    def _run_here(self) -> None:
        while self._jobs:
            with guard("worker"):
                self._jobs.popleft()()

    def _run(self) -> None:
        while True:
            job = self._next_job()
            with guard("worker"):
                job()
            del job  # an idle worker must not keep the last session alive

    def _next_job(self) -> Job:
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            while True:
                job = self._timers.due(self._clock.monotonic_ns())
                if job is None and self._jobs:
                    job = self._jobs.popleft()
                if job is not None:
                    self._busy = True
                    return job
                self._changed.wait(self._idle_seconds())

    def _idle_seconds(self) -> float | None:
        due = self._timers.next()
        return None if due is None else max(0, due - self._clock.monotonic_ns()) / NANOSECONDS


class InlineWorker:
    """Runs jobs on the calling thread at once, and timers when `advance` says time has passed."""

    def __init__(self) -> None:
        """Begin without timers."""
        self._timers = Timers()

    def submit(self, job: Job) -> None:
        """Run `job` now."""
        job()

    def call_at(self, when: int, job: Job) -> None:
        """Keep `job` until `advance` reaches `when`."""
        self._timers.add(when, job)

    def next(self) -> int | None:
        """Return the monotonic time at which the next timer falls due, or None."""
        return self._timers.next()

    def advance(self, now: int) -> None:
        """Run the timers due at monotonic time `now`, in order."""
        while (job := self._timers.due(now)) is not None:
            job()

    def drain(self, timeout: float) -> bool:
        """Return True: nothing is ever left to run."""
        return True
