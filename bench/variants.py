"""A variant's name in, this process traced that way out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opentelemetry import trace

from bench.discard import Discard, batching

_BARE = {"enable_turn_tracking": False, "enable_rtvi": False, "idle_timeout_secs": None}
"""A worker without any of the observers it has by default: every variant starts from here."""


@dataclass(frozen=True)
class Tracing:
    """`options` for `PipelineWorker`; `spans()` says how many were exported since last asked."""

    options: Mapping[str, Any] = field(default_factory=dict)
    spans: Callable[[], int] | None = None


def switch_on(variant: str) -> Tracing:
    """Trace this process in one way, for good."""
    found = _VARIANTS[variant]()
    return Tracing(_BARE | dict(found.options), found.spans)


def _nothing() -> Tracing:
    return Tracing()


def _voicespan() -> Tracing:
    import voicespan

    exporter = Discard()
    handle = voicespan.instrument(exporter=exporter)

    def spans() -> int:
        handle.flush(10)
        return exporter.take()

    return Tracing(spans=spans)


def _native() -> Tracing:
    spans = _global_provider()
    return Tracing({"enable_tracing": True, "enable_turn_tracking": True, **_metrics()}, spans)


def _openinference() -> Tracing:
    from openinference.instrumentation.pipecat import PipecatInstrumentor

    spans = _global_provider()
    PipecatInstrumentor().instrument()
    return Tracing(_metrics(), spans)


_VARIANTS = {
    "nothing": _nothing,
    "voicespan": _voicespan,
    "pipecat native": _native,
    "openinference": _openinference,
}


def _metrics() -> dict[str, Any]:
    """Switch on what both peers take their figures from; voicespan needs no flags."""
    from pipecat.pipeline.worker import PipelineParams

    return {"params": PipelineParams(enable_metrics=True, enable_usage_metrics=True)}


def _global_provider() -> Callable[[], int]:
    exporter = Discard()
    provider = batching(exporter)
    trace.set_tracer_provider(provider)

    def spans() -> int:
        provider.force_flush()
        return exporter.take()

    return spans
