"""This machine in, what a measurement must be read with out: when, on what, of which versions."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version

_PACKAGES = (
    "voicespan",
    "opentelemetry-sdk",
    "pipecat-ai",
    "openinference-instrumentation-pipecat",
)


def machine() -> dict[str, str]:
    """Return names and values, in the order in which they are printed."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, {platform.system()}",
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }
