"""A method of somebody else's object in, ours around it out; taking it back harms nobody's."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Final

Method = Callable[..., Any]

_INHERITED: Final = object()
"""Stands for the attribute the owner itself did not have."""


class Wrapping:
    """One method of an instance, or of a class, replaced by what `around` makes of it."""

    def __init__(self, owner: Any, name: str, around: Callable[[Method], Method]) -> None:
        """Put ours in place."""
        self._owner = owner
        self._name = name
        self._before = vars(owner).get(name, _INHERITED)
        self._original: Method = getattr(owner, name)
        self._call = around(self._original)
        self._ours = functools.wraps(self._original)(self._dispatcher())
        setattr(owner, name, self._ours)

    def release(self) -> None:
        """Restore what was there; where others have wrapped ours since, it only passes on."""
        self._call = self._original
        if vars(self._owner).get(self._name) is not self._ours:
            return
        if self._before is _INHERITED:
            delattr(self._owner, self._name)
        else:
            setattr(self._owner, self._name, self._before)

    def _dispatcher(self) -> Method:
        """Return what calls ours while it counts; a coroutine function stays one."""
        if inspect.iscoroutinefunction(self._call):

            async def call_later(*args: Any, **kwargs: Any) -> Any:
                return await self._call(*args, **kwargs)

            return call_later

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._call(*args, **kwargs)

        return call
