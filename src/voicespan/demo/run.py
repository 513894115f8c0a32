"""`voicespan demo`: one call held, its turns printed, its spans sent where the environment says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loguru import logger as pipecat_logger
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

import voicespan
from voicespan import _config
from voicespan.demo.printer import Printer
from voicespan.primitives.calls import in_force

INTERRUPTED = 130
"""What a shell expects of a program that Ctrl-C ended."""


def run_demo(console: Console | None = None, *, save_svg: Path | None = None) -> int:
    """Hold the call on this terminal; returns the exit code.

    `save_svg`: a picture of what was printed, 100 columns wide, is left there as well.
    """
    if console is None:
        console = _camera() if save_svg is not None else Console()
    console.print(
        "A caller, a real Pipecat pipeline, the real Silero; recogniser, model and voice are"
        " scripted.\nEach turn is printed when it is over; the call takes half a minute.",
        style="dim",
    )
    destination = _destination()
    service = _config.resolve({}).service_name or "voicespan-demo"
    handle = voicespan.instrument(
        agent="demo", service_name=service, exporter=_exporter(destination)
    )
    in_force.current().listen(lambda session: Printer(session, console))
    try:
        with _silent_pipecat():
            from voicespan.demo.call import hold_call

            asyncio.run(hold_call())
        code = 0
    except KeyboardInterrupt:
        code = INTERRUPTED
    delivered = handle.shutdown()
    console.print(Text("\n").append_text(_where(destination, delivered=delivered)))
    if save_svg is not None:
        console.print()  # the picture cuts the last line's descenders off
        console.save_svg(str(save_svg), title="voicespan demo", theme=MONOKAI)
    return code


def _camera() -> Console:
    """Return a console that keeps what it prints, the same on every terminal."""
    return Console(record=True, width=100, force_terminal=True, _environ={"TERM": "xterm-256color"})


@contextmanager
def _silent_pipecat() -> Iterator[None]:
    """Keep Pipecat's own log off the screen: it greets on import, and tells every frame."""
    pipecat_logger.disable("pipecat")
    try:
        yield
    finally:
        pipecat_logger.enable("pipecat")


def _exporter(destination: str | None) -> Any:
    """Return what to pass on: without a destination no exporter, as the last line says."""
    return [] if destination is None else _config.UNSET


def _destination() -> str | None:
    """Return where the environment wants spans to go, None if it does not say."""
    chosen = _config.resolve({}).exporter
    return _config.otlp_endpoint() if chosen is None else ", ".join(chosen)


def _where(destination: str | None, *, delivered: bool) -> Text:
    if destination is None:
        return Text(
            "The spans of this call went nowhere. To see them in a backend:\n"
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 voicespan demo",
            "dim",
        )
    if delivered:
        return Text(f"The spans of this call were sent to {destination}", "green3")
    return Text(f"Not all spans of this call could be sent to {destination}", "bold red1")
