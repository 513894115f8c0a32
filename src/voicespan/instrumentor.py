"""`opentelemetry-instrument` in, `voicespan.instrument()` called out: tracing without code."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]  # its module is not typed

_OTHERS = frozenset({"meter_provider", "logger_provider"})
"""What whoever instruments everything passes to all instrumentors, and this one has no use for."""


class VoicespanInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # Any to mypy, see above
    """The entry point `opentelemetry_instrumentor`; takes what `instrument()` takes."""

    @property
    def _is_instrumented_by_opentelemetry(self) -> bool:
        """Whether voicespan is in force, by whomever: the base class keeps a flag of its own."""
        from voicespan._instrument import installed

        return installed() is not None

    @_is_instrumented_by_opentelemetry.setter
    def _is_instrumented_by_opentelemetry(self, value: bool) -> None:
        """Ignore what `BaseInstrumentor` notes."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return no requirement: frameworks are hooked when they are imported, or never."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:  # noqa: ANN401  # the base class's
        from voicespan._instrument import instrument

        instrument(**{name: given for name, given in kwargs.items() if name not in _OTHERS})

    def _uninstrument(self, **kwargs: Any) -> None:  # noqa: ANN401  # the base class's
        from voicespan._instrument import uninstrument

        uninstrument()
