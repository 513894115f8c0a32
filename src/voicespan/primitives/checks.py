"""What a caller handed over in, only what makes sense out: misuse is logged once and dropped."""

from __future__ import annotations

from math import isfinite
from typing import TypeGuard

from voicespan._guard import warn_once


def is_text(value: object, what: str = "text") -> TypeGuard[str]:
    """Return whether `value` is a text."""
    if isinstance(value, str):
        return True
    warn_once(f"{what}.type", "%s is no text but a %s", what, _kind(value))
    return False


def is_name(value: object, what: str) -> TypeGuard[str]:
    """Return whether `value` is a text that is not empty."""
    if isinstance(value, str) and value:
        return True
    warn_once(f"{what}.name", "a %s needs a name, not a %s", what, _kind(value))
    return False


def is_error(value: object) -> TypeGuard[BaseException | str]:
    """Return whether `value` says what went wrong: an exception or a message."""
    if isinstance(value, BaseException | str):
        return True
    warn_once("error.type", "a %s is neither an exception nor a message", _kind(value))
    return False


def is_amount(value: object) -> TypeGuard[int | float]:
    """Return whether `value` is a number that can be an amount: finite and not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isfinite(value) and value >= 0


def amount(value: object, what: str) -> float | None:
    """Return `value` if it is an amount, None if it is None or makes no sense."""
    if value is None:
        return None
    if is_amount(value):
        return value
    warn_once(f"{what}.amount", "a %s is no amount of %s", _kind(value), what)
    return None


def known(**facts: object) -> dict[str, object]:
    """Return the facts that are known: None is no fact."""
    return {name: value for name, value in facts.items() if value is not None}


def _kind(value: object) -> str:
    """Name a value by its type: it may hold what somebody said, and logs are not masked."""
    return type(value).__name__ if value != "" else "empty text"
