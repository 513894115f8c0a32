"""A command line in, an answer on the terminal out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from voicespan._version import version


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `voicespan`; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] | None = getattr(options, "run", None)
    if run is None:
        parser.print_help()
        return 2
    return run(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="voicespan", description="OpenTelemetry tracing for realtime voice agents."
    )
    parser.add_argument("--version", action="version", version=f"voicespan {version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    demo = commands.add_parser(
        "demo",
        help="hold a call with a real Pipecat agent, and watch its turns (no account needed)",
        description="Holds one call with a real Pipecat pipeline on recorded speech: Silero hears"
        " the caller, recogniser, model and voice are scripted. Each turn is printed as it settles;"
        " spans go to wherever OTEL_EXPORTER_OTLP_ENDPOINT points.",
    )
    demo.add_argument(
        "--save-svg", type=Path, metavar="FILE", help="also leave a picture of the output in FILE"
    )
    demo.set_defaults(run=_demo)

    trace_id = commands.add_parser(
        "trace-id",
        help="print the trace id of a call's session span",
        description="Prints the trace id that a carrier's Call SID fixes: sha256(sid)[:16].",
    )
    trace_id.add_argument("call_sid", metavar="CALL_SID", help="the carrier's call id, as given")
    trace_id.set_defaults(run=_trace_id)
    return parser


def _trace_id(options: argparse.Namespace) -> int:
    from voicespan.spans.ids import trace_id_of

    print(trace_id_of(options.call_sid))
    return 0


def _demo(options: argparse.Namespace) -> int:
    try:
        from voicespan.demo.run import run_demo

        return run_demo(save_svg=options.save_svg)
    except ImportError as missing:
        print(
            f"voicespan demo needs a package that is not installed ({missing.name}):"
            " pip install 'voicespan[demo]'",
            file=sys.stderr,
        )
        return 1


if __name__ == "__main__":
    sys.exit(main())
