"""Variants to compare in, samples of each from interleaved rounds out: a process for each.

The processes live side by side and take turns: whatever slows the machine down for a while slows
every variant down alike. Instrumentations change classes, so no process has more than one.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

Sample = Mapping[str, float]
"""Figure → CPU seconds per unit of work."""
Measure = Callable[[int], Sample]
"""How many units of work in, one sample out. `prepare(variant)` of a measured module returns it."""
Samples = Mapping[str, Sequence[Sample]]
"""Variant → its samples, one per round."""

_SPAWN = get_context("spawn")


class Child:
    """A process that has one variant in effect and measures when told to."""

    def __init__(self, module: str, variant: str) -> None:
        self._variant = variant
        self._connection, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(
            target=_serve, args=(module, variant, theirs), name=variant, daemon=True
        )
        self._process.start()
        theirs.close()

    def ask(self, size: int) -> None:
        """Begin to measure `size` units of work."""
        self._connection.send(size)

    def answer(self) -> Sample:
        """Wait for the sample."""
        try:
            sample: Sample = self._connection.recv()
        except (EOFError, OSError):
            raise RuntimeError(f"{self._variant}: the measurement failed, see above") from None
        return sample

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._connection.close()
        self._process.join(timeout=5)
        if self._process.is_alive():
            self._process.kill()


def interleaved(
    module: str,
    variants: Sequence[str],
    *,
    size: int,
    rounds: int,
    generations: int,
    said: Callable[[str], None],
) -> Samples:
    """Measure every variant once a round, in rotating order.

    Each generation is a new set of processes: where things happen to lie in memory makes one
    process faster or slower than another of the same variant, for as long as it lives.
    """
    samples: dict[str, list[Sample]] = {variant: [] for variant in variants}
    for generation in range(generations):
        with ExitStack() as stack:
            children = {v: stack.enter_context(Child(module, v)) for v in variants}
            _warm_up(children.values(), size)
            for number in range(rounds):
                said(f"round {generation * rounds + number + 1} of {generations * rounds}")
                for variant in _rotated(variants, number):
                    children[variant].ask(size)
                    samples[variant].append(children[variant].answer())
    return samples


def _warm_up(children: Iterable[Child], size: int) -> None:
    """Let them import what they need, all at once, and measure for nothing."""
    for child in children:
        child.ask(size)
    for child in children:
        child.answer()


def _rotated(variants: Sequence[str], by: int) -> list[str]:
    by %= len(variants)
    return [*variants[by:], *variants[:by]]


def _serve(module: str, variant: str, connection: Connection) -> None:
    _hush()
    measure: Measure = importlib.import_module(module).prepare(variant)
    with suppress(EOFError, OSError):  # the bench is done
        while True:
            size = connection.recv()
            sample = _measured(measure, size)
            connection.send(sample)


def _measured(measure: Measure, size: int) -> Sample:
    try:
        return measure(size)
    except OSError as error:  # not the connection's
        raise RuntimeError("the measurement failed") from error


def _hush() -> None:
    """Keep Pipecat from greeting and logging; its peers from being told of deprecations."""
    logging.captureWarnings(True)
    importlib.import_module("loguru").logger.remove()
