"""An application's tracer provider or none in, the one our spans go through and its switch out."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.semconv.resource import ResourceAttributes

from voicespan._guard import warn_once
from voicespan.spans.switch import Switch

_switches: WeakKeyDictionary[trace.TracerProvider, Switch] = WeakKeyDictionary()
_own: list[trace.TracerProvider] = []


def application_provider() -> trace.TracerProvider | None:
    """Return the global provider, None while nobody but voicespan has set one."""
    provider = trace.get_tracer_provider()
    unset = isinstance(provider, trace.ProxyTracerProvider)
    return None if unset or is_own(provider) else provider


def own_provider(service_name: str | None) -> trace.TracerProvider:
    """Return the global provider voicespan set, setting it if it has not: once per process."""
    if is_own(present := trace.get_tracer_provider()):
        return present
    named = {ResourceAttributes.SERVICE_NAME: service_name} if service_name else {}
    provider = TracerProvider(resource=Resource.create(named))
    trace.set_tracer_provider(provider)
    _own[:] = [provider]
    return provider


def is_own(provider: trace.TracerProvider) -> bool:
    """Return whether voicespan set this provider up: nobody else exports its spans."""
    return any(provider is own for own in _own)


def switch_of(provider: trace.TracerProvider) -> Switch:
    """Return the switch a provider keeps for good, adding it the first time."""
    switch = _switches.get(provider)
    if switch is None:
        switch = _switches[provider] = Switch()
        add = getattr(provider, "add_span_processor", None)
        if add is None:
            warn_once("provider", "%r takes no span processors: nothing is exported", provider)
        else:
            add(switch)
    return switch


def unmasked(provider: trace.TracerProvider) -> list[str]:
    """Return the processors of a provider that other libraries' spans reach unmasked.

    What stands beside a masking processor is not protected by it; an exporter wrapped in
    `VoiceSpanExporter` is. The SDK keeps its processors in `_active_span_processor` (1.34 → 1.45).
    """
    from voicespan.processors.exporter import VoiceSpanExporter
    from voicespan.processors.processor import VoiceSpanProcessor

    beside = getattr(getattr(provider, "_active_span_processor", None), "_span_processors", ())
    return [
        type(processor).__name__
        for processor in beside
        if not isinstance(processor, Switch | VoiceSpanProcessor)
        and not isinstance(getattr(processor, "span_exporter", None), VoiceSpanExporter)
    ]
