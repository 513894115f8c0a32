"""Arguments and variables in, one configuration or a helpful refusal out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from voicespan import _config
from voicespan._config import SETTINGS, UNSET, Config, ConfigError

DEFAULTS: dict[str, Any] = {
    "agent": None,
    "agent_version": None,
    "service_name": None,
    "exporter": None,
    "trace_per": "turn",
    "mask": "default",
    "capture_content": True,
}


def resolved(environment: Mapping[str, str], **arguments: Any) -> dict[str, Any]:
    """Return what is not at its default."""
    config = _config.resolve(arguments, environment)
    found = {name: getattr(config, name) for name in DEFAULTS}
    return {name: value for name, value in found.items() if value != DEFAULTS[name]}


def test_nothing_said_is_the_defaults() -> None:
    assert resolved({}) == {}
    assert resolved({}, **dict.fromkeys(DEFAULTS, UNSET)) == {}


def test_every_setting_of_the_table_is_in_the_configuration() -> None:
    assert [setting.name for setting in SETTINGS] == list(Config.__dataclass_fields__)


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        _config.resolve({}, {}).agent = "x"  # type: ignore[misc]  # on purpose


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"VOICESPAN_AGENT": " support "}, {"agent": "support"}),
        ({"VOICESPAN_AGENT_VERSION": "v1"}, {"agent_version": "v1"}),
        ({"OTEL_SERVICE_NAME": "s"}, {"service_name": "s"}),
        ({"OTEL_SERVICE_NAME": "s", "VOICESPAN_SERVICE_NAME": "t"}, {"service_name": "t"}),
        ({"VOICESPAN_EXPORTER": "otlp, console,"}, {"exporter": ["otlp", "console"]}),
        ({"VOICESPAN_TRACE_PER": "Session"}, {"trace_per": "session"}),
        ({"VOICESPAN_MASK": "pci"}, {"mask": "pci"}),
        ({"VOICESPAN_MASK": "None"}, {"mask": None}),
        ({"VOICESPAN_MASK": "off"}, {"mask": None}),
        ({"VOICESPAN_CAPTURE_CONTENT": "0"}, {"capture_content": False}),
        ({"VOICESPAN_CAPTURE_CONTENT": ""}, {}),
        ({"VOICESPAN_AGENT": ""}, {}),
    ],
    ids=str,
)
def test_a_variable_decides_where_no_argument_does(
    environment: Mapping[str, str], expected: dict[str, Any]
) -> None:
    assert resolved(environment) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("NO_CONTENT", False),
        ("EVENT_ONLY", False),
        ("SPAN_ONLY", True),
        ("SPAN_AND_EVENT", True),
        ("true", True),
        ("false", False),
    ],
)
def test_the_conventions_variable_for_content_is_honoured(value: str, expected: bool) -> None:
    variable = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
    assert _config.resolve({}, {variable: value}).capture_content is expected
    ours = {variable: value, "VOICESPAN_CAPTURE_CONTENT": "no" if expected else "yes"}
    assert _config.resolve({}, ours).capture_content is not expected


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_an_argument_wins_over_every_variable(setting: _config.Setting) -> None:
    value = {"trace_per": "turn", "capture_content": True}.get(setting.name, "argument")
    nonsense = dict.fromkeys(setting.variables, "nonsense")
    assert getattr(_config.resolve({setting.name: value}, nonsense), setting.name) == value


def test_none_is_an_answer_too() -> None:
    environment = {"VOICESPAN_AGENT": "support", "VOICESPAN_MASK": "pci"}
    assert resolved(environment, agent=None, mask=None) == {"mask": None}


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("VOICESPAN_TRACE_PER", "call", "trace_per is 'turn' or 'session', not 'call'"),
        ("VOICESPAN_CAPTURE_CONTENT", "some", "cannot read 'some' as yes or no"),
        (
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
            "all",
            "cannot read 'all' as yes or no",
        ),
    ],
)
def test_a_variable_that_cannot_be_read_is_named(variable: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        _config.resolve({}, {variable: value})
    assert str(raised.value) == f"{variable}: {message}"


@pytest.mark.parametrize(
    ("environment", "exporters", "protocol", "compression"),
    [
        ({}, (), "http/protobuf", "gzip"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "x"}, ("otlp",), "http/protobuf", "gzip"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "x"}, ("otlp",), "http/protobuf", "gzip"),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "x"}, (), "http/protobuf", "gzip"),
        (
            {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "x"},
            (),
            "http/protobuf",
            "gzip",
        ),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, ("console", "otlp"), "http/protobuf", "gzip"),
        (
            {
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc",
                "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
            },
            (),
            "grpc",
            "none",
        ),
    ],
    ids=str,
)
def test_opentelemetrys_variables_say_where_spans_go(
    environment: Mapping[str, str], exporters: tuple[str, ...], protocol: str, compression: str
) -> None:
    silent = environment.get("OTEL_TRACES_EXPORTER") == "none"
    expected = _config.OtelConfig(exporters, silent, protocol, compression)
    assert _config.otel(environment) == expected


def test_otlp_may_be_asked_for_by_the_names_the_sdk_registers() -> None:
    found = _config.otel({"OTEL_TRACES_EXPORTER": "otlp_proto_grpc"})
    assert (found.exporters, found.protocol) == (("otlp",), "grpc")
