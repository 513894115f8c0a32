"""`voicespan.processors` in, the names it promises out, each loaded when it is asked for."""

import subprocess
import sys

import pytest

from voicespan import processors


def test_every_name_it_promises_is_there() -> None:
    assert [getattr(processors, name).__name__ for name in processors.__all__] == processors.__all__
    assert set(processors.__all__) <= set(dir(processors))


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = processors.Nothing


def test_importing_it_loads_nothing() -> None:
    """The SDK costs a tenth of a second; whoever only imports voicespan does not pay it."""
    code = (
        "import sys, voicespan, voicespan.processors, voicespan.sinks.exporters;"
        "print([name for name in sys.modules if name.startswith('opentelemetry.sdk')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
