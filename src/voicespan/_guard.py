"""A call into voicespan in, its result or a warning out: the one boundary that breaks no call."""

from __future__ import annotations

import functools
import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar, cast, overload

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F")

logger = logging.getLogger("voicespan")

_MAX_SITES = 512
_logged: set[str] = set()


class _Mode:
    strict = 0  # how many `strict()` blocks are open


@overload
def guarded(fallback: None) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
@overload
def guarded(fallback: Callable[..., F]) -> Callable[[Callable[P, F]], Callable[P, F]]: ...
@overload
def guarded(fallback: F) -> Callable[[Callable[P, F]], Callable[P, F]]: ...
def guarded(fallback: Any) -> Any:
    """Decorate an entry point: an `Exception` inside is logged once and `fallback` returned.

    A callable `fallback` is called with the same arguments for the value, so that factories can
    hand out an inert object. `BaseException` (cancellation, interpreter exit) is never caught.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> object:
            try:
                return function(*args, **kwargs)
            except Exception:
                failed(function.__qualname__)
                return fallback(*args, **kwargs) if callable(fallback) else fallback

        return cast("Callable[P, R]", call)

    return decorate


@contextmanager
def guard(site: str) -> Iterator[None]:
    """Run a block of ours that must not raise into the application; `site` names it in the log."""
    try:
        yield
    except Exception:
        failed(site)


def failed(site: str) -> None:
    """Report the exception being handled: raise it again under `strict()`, else log it once.

    With its traceback but not its message, which may repeat what somebody said.
    """
    if _Mode.strict:
        raise  # noqa: PLE0704  # called only from an except block
    kind, _, trace = sys.exc_info()
    if _first(site) and kind is not None:
        logger.warning(
            "voicespan: %s failed; the call goes on with less telemetry (logged once)\n%s%s",
            site,
            "".join(traceback.format_tb(trace)),
            kind.__qualname__,
        )


def warn_once(site: str, message: str, *args: object) -> None:
    """Log misuse once a site, without a traceback."""
    if _first(site):
        logger.warning(f"voicespan: {message}", *args)  # noqa: G004  # args are still lazy


@contextmanager
def strict() -> Iterator[None]:
    """Raise guarded errors within this block: for our own tests and `capture(strict=True)`."""
    _Mode.strict += 1
    try:
        yield
    finally:
        _Mode.strict -= 1


def reset() -> None:
    """Forget which sites have been logged, so that the next `instrument()` speaks up again."""
    _logged.clear()


def _first(site: str) -> bool:
    if site in _logged or len(_logged) >= _MAX_SITES:
        return False
    _logged.add(site)
    return True
