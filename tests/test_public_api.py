"""What voicespan promises by name; changing any of it is a decision."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest

import voicespan
from tests.processes import run

PROMISED = {
    "voicespan": {
        "ConfigError", "Handle", "Session", "annotate", "current_session", "current_turn", "event",
        "identify", "instrument", "session", "span", "uninstrument",
    },
    "voicespan.processors": {"TTFA", "Cost", "Mask", "VoiceSpanExporter", "VoiceSpanProcessor"},
    "voicespan.testing": {
        "Captured", "FakeClock", "SessionView", "ToolView", "TurnView", "capture",
    },
    "voicespan.integrations.pipecat": {"attach", "instrument"},
}  # fmt: skip


@pytest.mark.parametrize("module", PROMISED)
def test_all_is_exactly_what_is_promised(module: str) -> None:
    loaded = importlib.import_module(module)
    assert set(loaded.__all__) == PROMISED[module]
    for name in loaded.__all__:
        value = getattr(loaded, name)
        assert value.__doc__, f"{module}.{name} is not documented"


SIGNATURES = {
    "instrument": "agent agent_version service_name exporter tracer_provider trace_per mask"
    " capture_content",
    "uninstrument": "",
    "session": "agent agent_version user_id call_sid transport external_session_id tenant"
    " attributes",
    "identify": "user_id call_sid external_session_id tenant attributes",
    "annotate": "session_id call_sid outcome scores attributes",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_arguments_are_keywords_and_these(name: str) -> None:
    parameters = inspect.signature(getattr(voicespan, name)).parameters
    assert " ".join(parameters) == SIGNATURES[name]
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters.values())
    assert all(p.default is not inspect.Parameter.empty for p in parameters.values())


def test_every_public_method_of_the_call_model_takes_at_as_a_keyword() -> None:
    """Facts have a time: whoever knows a better one than now can say it."""
    timeless = {"stage.set_attribute", "stage.facts", "stage.usage", "stage.attached"}
    timeless |= {"turn.set_attribute", "turn.user_speech", "turn.stt", "turn.llm", "turn.realtime"}
    timeless |= {"turn.tool", "turn.tts", "turn.agent_speech", "turn.stage", "session.turn"}
    timeless |= {"session.outcome", "session.identify", "session.attached"}
    from voicespan.primitives.handle import StageHandle
    from voicespan.primitives.turn import TurnHandle

    kinds: dict[str, type[Any]] = {
        "session": voicespan.Session,
        "turn": TurnHandle,
        "stage": StageHandle,
    }
    without = {
        f"{name}.{method}"
        for name, kind in kinds.items()
        for method, function in inspect.getmembers(kind, inspect.isfunction)
        if not method.startswith("_") and "at" not in inspect.signature(function).parameters
    }
    assert without == timeless


def test_what_is_not_promised_is_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        voicespan.nonsense  # noqa: B018  # on purpose
    assert voicespan.__version__.count(".") >= 1
    for module in ("integrations", "processors", "testing"):
        assert inspect.ismodule(getattr(voicespan, module))


FORBIDDEN = (
    "pipecat",
    "livekit",
    "opentelemetry",
    "grpc",
    "requests",
    "google",
    "wrapt",
    "sqlite3",
)


@pytest.mark.parametrize(
    ("script", "forbidden"),
    [
        ("import voicespan", FORBIDDEN),
        ("import voicespan.attributes, voicespan.schema", FORBIDDEN),
        (
            "from voicespan import session, event, span, identify",
            ("pipecat", "livekit", "opentelemetry.sdk", "opentelemetry.exporter", "grpc"),
        ),
        (
            "import voicespan; voicespan.instrument(exporter='console')",
            ("pipecat", "livekit", "opentelemetry.exporter", "grpc", "requests"),
        ),
    ],
    ids=["voicespan", "schema", "functions", "instrument"],
)
def test_importing_loads_nothing_that_is_not_used(script: str, forbidden: tuple[str, ...]) -> None:
    done = run(f"{script}\nimport sys\nprint(*sys.modules, sep='\\n')")
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.splitlines()
    assert "voicespan" in loaded
    assert [
        name for name in loaded if f"{name}.".startswith(tuple(f"{f}." for f in forbidden))
    ] == []
