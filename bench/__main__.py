"""Measure what tracing costs, voicespan beside the others, and print one table.

Every figure is CPU time, measured round by round with the variants taking turns, because machines
are shared: a median over the rounds, ± half the interquartile range. Differences and ratios are
taken within a round, then their median.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from bench.machine import machine
from bench.plan import QUICK, SECTIONS, Extent, Said
from bench.table import Row, markdown


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write."""
    options = _options(arguments)
    extent = QUICK if options.quick else Extent()
    table: list[Row] = []
    for name in options.sections or SECTIONS:
        table += _measured(name, extent)
    where = machine()
    text = markdown(table) + "\n" + "; ".join(f"{key} {value}" for key, value in where.items())
    print(text)
    if options.markdown:
        options.markdown.write_text(text + "\n", encoding="utf-8")
    if options.json:
        found = {"machine": where, "rows": [asdict(row) for row in table]}
        options.json.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; default: all"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table as Markdown")
    parser.add_argument(
        "--quick", action="store_true", help="only see that everything runs; figures mean nothing"
    )
    options = parser.parse_args(arguments)
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    return options


def _measured(name: str, extent: Extent) -> list[Row]:
    began = time.monotonic()
    found = SECTIONS[name](extent, _progress(name))
    _progress(name)(" " * 20)
    print(f"\r{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return found


def _progress(name: str) -> Said:
    def said(progress: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{name}: {progress}", end="", file=sys.stderr, flush=True)

    return said


if __name__ == "__main__":
    sys.exit(main())
