"""The bench runs, and its table has every row: no test says how fast anything is."""

import json
import subprocess
import sys
from pathlib import Path

PEERS = {"nothing", "voicespan", "pipecat native", "openinference"}
EXPECTED = {
    "per input audio frame, 5 processors": PEERS,
    "per input audio frame, pushed in bulk": PEERS,
    "per output audio frame, 5 processors": PEERS,
    "per turn of 6 stages, calling thread": {"bare sdk", "voicespan"},
    "per turn of 6 stages, all threads": {"bare sdk", "voicespan"},
    "import": {"opentelemetry", "voicespan"},
    "first set-up: the SDK, then instrument()": {"opentelemetry", "voicespan"},
    "modules loaded by import voicespan": {"voicespan"},
}


def test_the_table_has_every_row(tmp_path: Path) -> None:
    """`make bench` in small: each variant traces in a process of its own and is compared."""
    rows, table = tmp_path / "bench.json", tmp_path / "bench.md"
    subprocess.run(
        [sys.executable, "-m", "bench", "--quick", f"--json={rows}", f"--markdown={table}"],
        cwd=Path(__file__).parents[1],
        check=True,
        capture_output=True,
        timeout=60,
    )
    found = json.loads(rows.read_text())["rows"]
    variants = {
        row["what"]: {r["variant"] for r in found if r["what"] == row["what"]} for row in found
    }
    assert variants == EXPECTED
    assert all(row["median"] > 0 for row in found)
    text = table.read_text()
    assert all(f"| {what}" in text for what in EXPECTED)


def test_importing_voicespan_loads_no_sdk_exporter_or_framework(tmp_path: Path) -> None:
    """Whoever imports voicespan and never calls it pays next to nothing."""
    rows = tmp_path / "bench.json"
    subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "start", f"--json={rows}"],
        cwd=Path(__file__).parents[1],
        check=True,
        capture_output=True,
        timeout=60,
    )
    (loaded,) = (r for r in json.loads(rows.read_text())["rows"] if "modules" in r["what"])
    assert loaded["holds"] is True
