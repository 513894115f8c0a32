"""The examples in, run as a reader would; what they print and export out."""

from __future__ import annotations

import ast
import importlib
import importlib.util

import pytest

from tests.otlp_receiver import attributes, receive
from tests.processes import REPOSITORY, run

EXAMPLES = REPOSITORY / "examples"
KEYS = {"cartesia", "deepgram", "openai", "aiortc", "smallwebrtc", "fastapi", "uvicorn"}
"""Packages of providers and transports an example may need beyond our own extras."""


def test_the_manual_loop_prints_its_turns_as_trees() -> None:
    done = run(EXAMPLES / "manual_loop.py")
    assert done.returncode == 0, done.stderr
    for expected in (
        "turn 1 · completed",
        "turn 2 · interrupted",
        "├─ user_speech",
        "├─ speech_to_text nova-3",
        "├─ chat gpt-4.1-mini",
        "├─ execute_tool lookup_order",
        "│  └─ database",
        "├─ text_to_speech sonic-2",
        "└─ agent_speech",
        "guardrail:toxicity",
        "ended: completed · resolved · 2 turns · 1 interruption",
    ):
        assert expected in done.stderr, f"{expected!r} is not in\n{done.stderr}"
    assert "warehouse" not in done.stderr, "content is masked"
    assert done.stdout == ""


def test_the_manual_loop_exports_to_where_the_environment_says() -> None:
    with receive() as receiver:
        done = run(EXAMPLES / "manual_loop.py", environment=receiver.environment)
    assert (done.returncode, done.stderr) == (0, "")
    stages = ["agent_speech", "chat gpt-4.1-mini", "database", "execute_tool lookup_order"]
    stages += ["speech_to_text nova-3", "text_to_speech sonic-2", "turn", "user_speech"]
    assert receiver.names() == sorted([*stages * 2, "session"])
    outcomes = [attributes(span).get("voice.turn.outcome") for span in receiver.spans]
    assert sorted(filter(None, map(str, outcomes))).count("interrupted") == 1


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_every_import_of_an_example_resolves(example: object) -> None:
    """Names move between a framework's releases; an example that no longer imports helps nobody."""
    assert hasattr(example, "read_text")
    source = example.read_text(encoding="utf-8")
    compile(source, str(example), "exec")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            _resolve(node.module, [alias.name for alias in node.names])


def _resolve(module: str, names: list[str]) -> None:
    assert importlib.util.find_spec(module) is not None, f"there is no {module}"
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as missing:
        package = str(missing.name).partition(".")[0]
        assert package in KEYS, f"{module} needs {package}"
    except Exception as missing:  # noqa: BLE001  # Pipecat wraps a missing package in an Exception
        assert "missing module" in str(missing).lower(), missing  # noqa: PT017  # what it is about
    else:
        for name in names:
            assert hasattr(loaded, name), f"there is no {name} in {module}"
