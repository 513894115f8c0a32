"""A method in, that method called in every child this process forks out."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from types import MethodType
from typing import cast
from weakref import WeakKeyDictionary

_resets: WeakKeyDictionary[object, Callable[[object], None]] = WeakKeyDictionary()


def reset_in_child(method: Callable[[], None]) -> None:
    """Call a bound method, one per object, in each forked child while its object lives.

    A child has no thread but the one that forked, and locks as they were held then.
    """
    bound = cast("MethodType", method)
    _resets[bound.__self__] = cast("Callable[[object], None]", bound.__func__)
    _register()


@cache
def _register() -> None:
    if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
        os.register_at_fork(after_in_child=_reset_all)


def _reset_all() -> None:
    for owner, reset in list(_resets.items()):
        reset(owner)
