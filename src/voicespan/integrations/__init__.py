"""One file per framework: its events in, verbs on a Session out. Hooked when it is imported."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING

import wrapt

from voicespan._guard import guard

if TYPE_CHECKING:
    from voicespan.integrations import pipecat

__all__ = ["Hooks", "hooks", "pipecat"]

Undo = Callable[[], None]

_TRIGGERS = {
    "pipecat.pipeline.worker": "voicespan.integrations.pipecat",
    "pipecat.pipeline.task": "voicespan.integrations.pipecat",
}
"""The framework module whose import makes which integration hook it (`instrument() -> Undo`)."""

_MODULES = frozenset(home.rpartition(".")[2] for home in _TRIGGERS.values())


def __getattr__(name: str) -> ModuleType:
    """Load an integration when it is first named."""
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Hooks:
    """The frameworks hooked in this process. A hook waits for the import, and can be taken back."""

    def __init__(self) -> None:
        """Hook nothing yet."""
        self._active = False
        self._waiting = False
        self._undo: dict[str, Undo] = {}

    def activate(self) -> None:
        """Hook the frameworks that are loaded, and the others as they are."""
        self._active = True
        if self._waiting:
            for trigger in _TRIGGERS:
                self._imported(trigger)
            return
        self._waiting = True
        for trigger in _TRIGGERS:
            wrapt.register_post_import_hook(partial(self._hook, trigger), trigger)

    def deactivate(self) -> None:
        """Unhook every framework: what was wrapped is as it was."""
        self._active = False
        while self._undo:
            _, undo = self._undo.popitem()
            with guard("integration.undo"):
                undo()

    def _hook(self, trigger: str, module: ModuleType) -> None:
        integration = _TRIGGERS[trigger]
        if self._active and integration not in self._undo:
            with guard(f"integration {integration}"):
                self._undo[integration] = importlib.import_module(integration).instrument()

    def _imported(self, trigger: str) -> None:
        import sys

        if (module := sys.modules.get(trigger)) is not None:
            self._hook(trigger, module)


hooks = Hooks()
