"""OpenTelemetry tracing for realtime voice agents: what the caller heard and waited for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voicespan._config import ConfigError
    from voicespan._instrument import Handle, instrument, uninstrument
    from voicespan._version import version as _version
    from voicespan.api import annotate, current_turn, event, identify, session, span
    from voicespan.primitives.current import current_session
    from voicespan.primitives.session import Session

    __version__ = _version()

__all__ = [
    "ConfigError",
    "Handle",
    "Session",
    "annotate",
    "current_session",
    "current_turn",
    "event",
    "identify",
    "instrument",
    "session",
    "span",
    "uninstrument",
]

_HOMES = {
    "ConfigError": "voicespan._config",
    "Handle": "voicespan._instrument",
    "Session": "voicespan.primitives.session",
    "annotate": "voicespan.api",
    "current_session": "voicespan.primitives.current",
    "current_turn": "voicespan.api",
    "event": "voicespan.api",
    "identify": "voicespan.api",
    "instrument": "voicespan._instrument",
    "session": "voicespan.api",
    "span": "voicespan.api",
    "uninstrument": "voicespan._instrument",
}
"""Where each public name lives: importing voicespan loads none of it."""

_MODULES = frozenset({"integrations", "pii", "pricing", "processors", "testing"})


def __getattr__(name: str) -> object:
    if name == "__version__":
        from voicespan._version import version

        return version()
    if name in _MODULES:
        return importlib.import_module(f"voicespan.{name}")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'voicespan' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(home), name)
    return value
