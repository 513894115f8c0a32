"""Command lines in, output and exit codes out."""

from __future__ import annotations

import hashlib
import subprocess

import pytest

from tests.processes import clean_environment, run, script_beside_python
from voicespan._version import version
from voicespan.cli import main
from voicespan.testing import capture


def test_trace_id_prints_what_the_call_sid_fixes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace-id", "CA123"]) == 0
    printed = capsys.readouterr().out
    assert printed == hashlib.sha256(b"CA123").hexdigest()[:32] + "\n"


@pytest.mark.usefixtures("fresh")
def test_it_is_the_trace_id_the_session_has(capsys: pytest.CaptureFixture[str]) -> None:
    import voicespan

    main(["trace-id", "CA-ü"])
    with capture() as calls, voicespan.session(call_sid="CA-ü"):
        pass
    (session,) = calls.sessions
    assert session.span.context
    assert format(session.span.context.trace_id, "032x") == capsys.readouterr().out.strip()


def test_without_a_command_the_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "trace-id" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["trace-id"], ["nonsense"], ["trace-id", "a", "b"]])
def test_a_wrong_command_line_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert "usage: voicespan" in capsys.readouterr().err


def test_the_installed_script_and_the_module_are_the_same_command() -> None:
    script = subprocess.run(
        [script_beside_python("voicespan"), "--version"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert script.stdout == f"voicespan {version()}\n"
    module = run("import runpy; runpy.run_module('voicespan.cli', run_name='__main__')")
    assert module.returncode == 2
    assert "trace-id" in module.stdout


def test_the_demo_without_its_packages_names_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "voicespan.demo.run", None)
    assert main(["demo"]) == 1
    assert "pip install 'voicespan[demo]'" in capsys.readouterr().err
