"""A configuration in, what it needs wired together out, in force until it leaves: wiring only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voicespan._config import Config, ConfigError
from voicespan._version import version
from voicespan.attributes import SCOPE_NAME, VOICE_PII_POLICY
from voicespan.integrations import hooks
from voicespan.primitives.calls import Calls, in_force
from voicespan.primitives.clock import Clock
from voicespan.primitives.session import Session
from voicespan.primitives.worker import Scheduler
from voicespan.processors.cost import Cost
from voicespan.processors.draft import Step
from voicespan.processors.masking import Mask
from voicespan.processors.processor import VoiceSpanProcessor
from voicespan.processors.ttfa import TTFA
from voicespan.spans.annotation import EndedSessions
from voicespan.spans.provider import application_provider, own_provider, switch_of
from voicespan.spans.session_spans import SessionSpans
from voicespan.spans.settings import SpanSettings, own_tracer
from voicespan.spans.switch import Switch

if TYPE_CHECKING:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.export import SpanExporter

_in_effect: list[Installation] = []
"""What has been put in place, the one in force last: a capture stays above every `instrument()`."""


@dataclass(slots=True, eq=False)
class Installation:
    """What one `instrument()` or `capture()` has put in place."""

    config: Config
    provider: trace.TracerProvider
    switch: Switch
    processors: tuple[SpanProcessor, ...]
    calls: Calls
    settings: SpanSettings
    past: EndedSessions
    captures: bool = False

    def enter(self) -> None:
        """Take effect, over everything but the captures under way."""
        above = [] if self.captures else [other for other in _in_effect if other.captures]
        for other in above:
            other._remove()  # noqa: SLF001  # one of its own class
        for installation in (self, *above):
            _in_effect.append(installation)
            in_force.enter(installation.calls)
            installation._choose()  # noqa: SLF001  # one of its own class
        hooks.activate()

    def leave(self) -> None:
        """Take everything back; what was in force before is again."""
        self._remove()
        self._choose()
        if not _in_effect:
            hooks.deactivate()

    def _remove(self) -> None:
        _in_effect.remove(self)
        in_force.leave(self.calls)

    def _choose(self) -> None:
        """Let the provider's spans go to the latest installation that shares it."""
        latest = [other.processors for other in _in_effect if other.switch is self.switch]
        self.switch.processors = latest[-1] if latest else ()

    def settle(self, timeout: float) -> bool:
        """Settle what has closed and wait until it is written; return whether it all was."""
        for session in self.calls.under_way():
            session.call.flush()
        return self.calls.worker.drain(timeout)


def install(
    config: Config,
    provider: trace.TracerProvider | None,
    *,
    exporters: Sequence[SpanExporter] = (),
    processors: tuple[SpanProcessor, ...] = (),
    clock: Clock | None = None,
    worker: Scheduler | None = None,
    captures: bool = False,
) -> Installation:
    """Wire a configuration up, without taking effect yet."""
    steps = steps_of(config)
    provider = provider or own_provider(config.service_name)
    # An exporter's own Mask can tell by the scope what has been through this policy already.
    masked = {VOICE_PII_POLICY: policy} if (policy := _policy(config)) else None
    tracer = provider.get_tracer(SCOPE_NAME, version(), attributes=masked)
    settings = SpanSettings(
        tracer, own_tracer(tracer), steps, config.trace_per, config.capture_content
    )
    past = EndedSessions()

    def spans(session: Session) -> SessionSpans:
        return SessionSpans(session, settings, past)

    if exporters:
        processors = (*processors, VoiceSpanProcessor(exporters, steps=steps))
    defaults = {"agent": config.agent, "agent_version": config.agent_version}
    calls = Calls((spans,), clock=clock, worker=worker, defaults=defaults)
    switch = switch_of(provider)
    return Installation(config, provider, switch, processors, calls, settings, past, captures)


def steps_of(config: Config) -> tuple[Step, ...]:
    """Return the steps every span passes, in order. Raises `ConfigError` for an unknown mask."""
    mask = config.mask
    try:
        masking = () if mask is None else (mask if callable(mask) else Mask(mask),)
    except ValueError as error:
        raise ConfigError(f"mask (VOICESPAN_MASK): {error}") from None
    return (TTFA(), Cost(), *masking)


def _policy(config: Config) -> str | None:
    return config.mask if isinstance(config.mask, str) else None


def provider_in_use() -> trace.TracerProvider | None:
    """Return the provider spans go through now, None if nobody has set one."""
    return _in_effect[-1].provider if _in_effect else application_provider()


def in_effect() -> Installation | None:
    """Return what was put in place last and has not left, None without any."""
    return _in_effect[-1] if _in_effect else None
