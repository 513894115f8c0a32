"""A script in, what a fresh interpreter made of it out: with no settings but those given."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
_OURS = ("OTEL_", "VOICESPAN_", "LANGFUSE_")


def run(
    script: str | Path,
    *,
    environment: Mapping[str, str] | None = None,
    launcher: Sequence[str] = (),
    arguments: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a script (its text, or a file) to its end."""
    what = [str(script)] if isinstance(script, Path) else ["-c", script]
    return subprocess.run(
        [*launcher, sys.executable, *what, *arguments],
        env=clean_environment() | dict(environment or {}),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def clean_environment() -> dict[str, str]:
    """Return the environment without anything that could configure tracing."""
    return {k: v for k, v in os.environ.items() if not k.startswith(_OURS)}  # noqa: TID251  # for a child


def script_beside_python(name: str) -> str:
    """Return the path of a script installed in this environment."""
    return str(Path(sys.executable).with_name(name))
