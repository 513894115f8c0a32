"""Fresh interpreters in, what importing and installing voicespan costs each of them out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.rounds import Sample, Samples

_SCRIPT = Path(__file__).with_name("fresh.py")


def measure(rounds: int, said: Callable[[str], None]) -> tuple[Samples, dict[str, Any]]:
    """Return samples, cumulative so that the difference is voicespan's, and what it loaded."""
    samples: dict[str, list[Sample]] = {"opentelemetry": [], "voicespan": []}
    found = _fresh()  # compiles what has not been yet
    for number in range(rounds):
        said(f"round {number + 1} of {rounds}")
        found = _fresh()
        took = found["seconds"]
        samples["opentelemetry"].append({"import": took["api"], "install": took["sdk"]})
        samples["voicespan"].append(
            {
                "import": took["api"] + took["voicespan"],
                "install": took["sdk"] + took["instrument"],
            }
        )
    return samples, found


def _fresh() -> dict[str, Any]:
    command = [sys.executable, str(_SCRIPT)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603  # our own interpreter and file
    found: dict[str, Any] = json.loads(run.stdout)
    return found
