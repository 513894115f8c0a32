"""A configuration in, everything wired together out: wiring only."""

from __future__ import annotations

import asyncio
import atexit
import logging
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from voicespan import _config, _guard
from voicespan._config import UNSET, Config, ConfigError
from voicespan._installation import Installation, in_effect, install
from voicespan.primitives.records import Identity
from voicespan.processors.processor import VoiceSpanProcessor
from voicespan.sinks.exporters import make_exporter
from voicespan.spans.annotation import annotate
from voicespan.spans.provider import application_provider, is_own, unmasked

if TYPE_CHECKING:
    from opentelemetry import trace
    from opentelemetry.sdk.trace.export import SpanExporter

logger = logging.getLogger("voicespan")


class Handle:
    """What `instrument()` returns. Timeouts are seconds, and are kept."""

    def __init__(self, installation: Installation) -> None:
        """Hold on to what was installed."""
        self.installation = installation
        self._delivered: bool | None = None

    @_guard.guarded(False)
    def flush(self, timeout: float = 2.0) -> bool:
        """Write out every closed turn; return whether all of it was delivered in time.

        After `shutdown()` there is nothing to write: it returns what that did.
        """
        if self._delivered is not None:
            return self._delivered
        return self._flush(time.monotonic() + timeout)

    def _flush(self, until: float) -> bool:
        settled = self.installation.settle(max(0.0, until - time.monotonic()))
        # Ours first: another processor of the application's may take all the time there is.
        flushed = self.installation.switch.force_flush(_milliseconds_until(until))
        return _flush(self.installation.provider, until) and flushed and settled

    @_guard.guarded(False)
    def shutdown(self, timeout: float = 2.0) -> bool:
        """End every session, deliver what there is, and take voicespan out of the process.

        Doing so twice is once, and returns the same.
        """
        global _installed  # noqa: PLW0603  # one per process
        if self._delivered is None:
            if _installed is self:
                _installed = None
            self._delivered = False
            self._delivered = self._shut_down(time.monotonic() + timeout)
        return self._delivered

    def _shut_down(self, until: float) -> bool:
        try:
            self.installation.calls.end_all("shutdown")
            delivered = self._flush(until)
        finally:
            self.installation.leave()
        for processor in self.installation.processors:
            if isinstance(processor, VoiceSpanProcessor):
                delivered = processor.shutdown(_milliseconds_until(until)) and delivered
        return delivered

    async def aflush(self, timeout: float = 2.0) -> bool:  # noqa: ASYNC109  # it is the deadline
        """As `flush`, without blocking the event loop."""
        return await asyncio.to_thread(self.flush, timeout)

    async def ashutdown(self, timeout: float = 2.0) -> bool:  # noqa: ASYNC109  # it is the deadline
        """As `shutdown`, without blocking the event loop."""
        return await asyncio.to_thread(self.shutdown, timeout)


_installed: Handle | None = None


def instrument(  # the one place where everything is decided; all keyword-only
    *,
    agent: str | None = UNSET,  # type: ignore[assignment]  # every default is UNSET, see _config
    agent_version: str | None = UNSET,  # type: ignore[assignment]
    service_name: str | None = UNSET,  # type: ignore[assignment]
    exporter: str | SpanExporter | Sequence[str | SpanExporter] | None = UNSET,  # type: ignore[assignment]
    tracer_provider: trace.TracerProvider | None = None,
    trace_per: str = UNSET,  # type: ignore[assignment]
    mask: object = UNSET,
    capture_content: bool = UNSET,  # type: ignore[assignment]
) -> Handle:
    """Trace every voice agent in this process; frameworks are hooked now or when imported.

    Each option: the argument, else `VOICESPAN_*`, else OpenTelemetry's own variables, else a
    default (`docs/configuration.md`). A second call warns and returns the first handle.

    Raises `ConfigError` if a setting cannot work, saying what to do.
    """
    global _installed  # noqa: PLW0603  # one per process
    if _installed is not None:
        logger.warning("voicespan: instrument() was called again; the first call stands")
        return _installed
    arguments: dict[str, Any] = {
        "agent": agent,
        "agent_version": agent_version,
        "service_name": service_name,
        "exporter": exporter,
        "trace_per": trace_per,
        "mask": mask,
        "capture_content": capture_content,
    }
    config = _config.resolve(arguments)
    found = application_provider() if tracer_provider is None else tracer_provider
    if found is not None and not callable(getattr(found, "get_tracer", None)):
        raise ConfigError(f"tracer_provider: not a tracer provider: {found!r}")
    where = "VOICESPAN_EXPORTER" if arguments["exporter"] is UNSET else "exporter"
    installation = install(
        config, found, exporters=_exporters(config, where, has_provider=found is not None)
    )
    installation.enter()
    if found is not None and config.mask is not None and (exposed := unmasked(found)):
        logger.warning(
            "voicespan: its own spans are masked, those of other libraries reach %s as they are;"
            " wrap the exporter in voicespan.processors.VoiceSpanExporter to mask them too",
            ", ".join(exposed),
        )
    _installed = Handle(installation)
    # Last registered is first called: before the provider, which would take no more spans.
    atexit.unregister(_at_exit)
    atexit.register(_at_exit)
    return _installed


def uninstrument() -> None:
    """Take voicespan out of the process: frameworks are as they were, sessions end."""
    atexit.unregister(_at_exit)
    if _installed is not None:
        _installed.shutdown()
    _guard.reset()


def installed() -> Handle | None:
    """Return the handle of the `instrument()` in force, None without one."""
    return _installed


def _exporters(config: Config, where: str, *, has_provider: bool) -> list[SpanExporter]:
    otel = _config.otel()
    chosen = config.exporter
    if chosen is None:
        where = "OTEL_TRACES_EXPORTER"
        # An application that set a provider up exports already: by the same variables, most likely.
        chosen = () if has_provider else otel.exporters
        if not chosen and not otel.silent:
            _say_where_spans_go(has_provider=has_provider)
    wanted = chosen if isinstance(chosen, list | tuple) else [chosen]
    try:
        return [
            make_exporter(spec, protocol=otel.protocol, compression=otel.compression)
            for spec in wanted
        ]
    except (ValueError, ImportError) as error:
        raise ConfigError(f"{where}: {error}") from error


def _say_where_spans_go(*, has_provider: bool) -> None:
    if has_provider:
        logger.info("voicespan: spans go to the tracer provider that is already set up")
    else:
        logger.warning(
            "voicespan: no exporter is configured, spans go nowhere; set"
            " OTEL_EXPORTER_OTLP_ENDPOINT or instrument(exporter=...)"
        )


def _flush(provider: trace.TracerProvider, until: float) -> bool:
    """Flush the application's own processors too; they keep no deadline, so it is kept here."""
    flush = getattr(provider, "force_flush", None)
    if flush is None or is_own(provider):
        return True
    results: list[object] = []
    left = _milliseconds_until(until)

    def run() -> None:
        with _guard.guard("provider.force_flush"):
            results.append(flush(left))

    thread = threading.Thread(target=run, name="voicespan-flush", daemon=True)
    try:
        thread.start()
        thread.join(left / 1000)
    except RuntimeError:  # from Python 3.12 on no thread starts at exit
        run()
    return results == [True]


def _milliseconds_until(deadline: float) -> int:
    return max(0, round((deadline - time.monotonic()) * 1000))


def _at_exit() -> None:
    if _installed is not None:
        _installed.shutdown()


def annotate_call(
    session_id: str | None,
    call_sid: str | None,
    *,
    outcome: str | None,
    scores: dict[str, Any],
    attributes: dict[str, Any],
) -> None:
    """Write an annotation with the installation in effect, see `voicespan.annotate`."""
    installation = in_effect()
    if installation is None or (session_id is None and call_sid is None):
        _guard.warn_once("annotate", "annotate() needs instrument() and a session_id or call_sid")
        return
    annotate(
        installation.settings,
        installation.past.find(session_id, call_sid),
        Identity(session_id=session_id or "", call_sid=call_sid),
        outcome=outcome,
        scores=scores,
        attributes=attributes,
    )
