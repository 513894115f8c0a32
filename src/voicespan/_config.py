"""Arguments and the environment in, a frozen configuration out: the one reader of the latter."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal


class _Unset:
    """The default of every option: decided by the environment, else by the table below."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = _Unset()

Environment = Mapping[str, str]


class ConfigError(ValueError):
    """A setting that cannot work, said at start, with what to do about it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One option: the variables that set it, first that is set wins, and its default."""

    name: str
    variables: tuple[str, ...]
    parse: Callable[[str], Any]
    default: Any
    description: str


def _text(value: str) -> str:
    return value.strip()


def _optional(value: str) -> str | None:
    return None if value.strip().lower() in {"none", "off", "false", "0"} else value.strip()


def _names(value: str) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()]


def _content(value: str) -> bool:
    """Read our own boolean, or the convention's enumeration of where content may go."""
    word = value.strip().lower()
    if word in {"true", "1", "yes", "on", "span_only", "span_and_event"}:
        return True
    if word in {"false", "0", "no", "off", "no_content", "event_only"}:
        return False
    raise ConfigError(f"cannot read {value!r} as yes or no")


def _trace_per(value: object) -> str:
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in {"turn", "session"}:
        raise ConfigError(f"trace_per is 'turn' or 'session', not {value!r}")
    return word


def _mask(value: object) -> object:
    """Accept a policy's name, None, or a step that says what becomes of a draft when it fails."""
    if value is None or isinstance(value, str) or callable(getattr(value, "withhold", None)):
        return value
    raise ConfigError(
        f"mask is the name of a policy, a `voicespan.processors.Mask` or None, not {value!r}"
    )


SETTINGS: Final = (
    Setting("agent", ("VOICESPAN_AGENT",), _text, None, "name of the agent"),
    Setting("agent_version", ("VOICESPAN_AGENT_VERSION",), _text, None, "its version"),
    Setting(
        "service_name",
        ("VOICESPAN_SERVICE_NAME", "OTEL_SERVICE_NAME"),
        _text,
        None,
        "`service.name` of a provider voicespan sets up itself",
    ),
    Setting(
        "exporter",
        ("VOICESPAN_EXPORTER",),
        _names,
        None,
        "`otlp`, `console`, an exporter object, or a list of them (by variable: with commas)",
    ),
    Setting(
        "trace_per",
        ("VOICESPAN_TRACE_PER",),
        _trace_per,
        "turn",
        "one trace per `turn`, or one per `session`",
    ),
    Setting(
        "mask",
        ("VOICESPAN_MASK",),
        _optional,
        "default",
        "masking policy, by its preset's name; `none` turns masking off",
    ),
    Setting(
        "capture_content",
        ("VOICESPAN_CAPTURE_CONTENT", "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"),
        _content,
        True,
        "whether what was said is recorded (masked) at all",
    ),
)


@dataclass(frozen=True, slots=True)
class Config:
    """Everything `instrument()` decided."""

    agent: str | None
    agent_version: str | None
    service_name: str | None
    exporter: Any
    trace_per: Literal["turn", "session"]
    mask: Any
    capture_content: bool


@dataclass(frozen=True, slots=True)
class OtelConfig:
    """Where spans go by OpenTelemetry's own variables; the exporters read the rest of them."""

    exporters: tuple[str, ...]
    silent: bool
    protocol: str
    compression: str


_REGISTERED: Final = {"otlp_proto_http": "http/protobuf", "otlp_proto_grpc": "grpc"}
"""The names under which the SDK registers OTLP by one protocol."""


def resolve(arguments: Mapping[str, Any], environment: Environment | None = None) -> Config:
    """Return the configuration: an argument, else a variable, else the default.

    Raises `ConfigError`, naming the variable, when one cannot be read.
    """
    env = os.environ if environment is None else environment
    chosen: dict[str, Any] = {
        setting.name: _choose(setting, arguments, env) for setting in SETTINGS
    }
    chosen["trace_per"] = _trace_per(chosen["trace_per"])
    chosen["mask"] = _mask(chosen["mask"])
    if not isinstance(chosen["capture_content"], bool):
        raise ConfigError(f"capture_content is True or False, not {chosen['capture_content']!r}")
    return Config(**{field.name: chosen[field.name] for field in fields(Config)})


def otel(environment: Environment | None = None) -> OtelConfig:
    """Return what OpenTelemetry's variables say; OTLP is gzipped unless they say otherwise."""
    env = os.environ if environment is None else environment
    endpoints = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    asked = _names(env.get("OTEL_TRACES_EXPORTER", ""))
    protocols = [_REGISTERED[name] for name in asked if name in _REGISTERED]
    named = ["otlp" if name in _REGISTERED else name for name in asked]
    if not named and any(env.get(name) for name in endpoints):
        named = ["otlp"]
    return OtelConfig(
        exporters=tuple(name for name in named if name != "none"),
        silent="none" in named,
        protocol=next(iter(protocols), _traces(env, "PROTOCOL") or "http/protobuf"),
        compression=_traces(env, "COMPRESSION") or "gzip",
    )


def otlp_endpoint(environment: Environment | None = None) -> str | None:
    """Return where OpenTelemetry's variables send spans by OTLP, None if they do not say."""
    return _traces(os.environ if environment is None else environment, "ENDPOINT")


def _traces(env: Environment, name: str) -> str | None:
    return env.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}") or env.get(f"OTEL_EXPORTER_OTLP_{name}")


def _choose(setting: Setting, arguments: Mapping[str, Any], env: Environment) -> object:
    given = arguments.get(setting.name, UNSET)
    if given is not UNSET:
        return given
    for variable in setting.variables:
        if env.get(variable):
            try:
                return setting.parse(env[variable])
            except ConfigError as error:
                raise ConfigError(f"{variable}: {error}") from None
    return setting.default
