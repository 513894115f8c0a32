"""The name of an exporter in, an exporter ready to use out; a wrong name is loud, at start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

T = TypeVar("T")


def make_exporter(
    spec: str | SpanExporter, *, protocol: str = "http/protobuf", compression: str = "gzip"
) -> SpanExporter:
    """Return the exporter `spec` names, or `spec` itself if it is one.

    `protocol` and `compression` are for `"otlp"`; endpoint, headers, timeout and certificates
    are what the exporter reads from the standard `OTEL_EXPORTER_OTLP_*`. Raises `ValueError`.
    """
    if not isinstance(spec, str):
        if callable(getattr(spec, "export", None)):
            return spec
        raise ValueError(f"not an exporter: {spec!r}; use a SpanExporter or {_among(_EXPORTERS)}")
    return _pick(_EXPORTERS, spec, "exporter")(protocol, compression)


def _otlp(protocol: str, compression: str) -> SpanExporter:
    make = _pick(_PROTOCOLS, protocol, "OTLP protocol")
    try:
        return make(compression)
    except ImportError as error:
        package = _PACKAGES[protocol]
        raise ValueError(
            f"OTLP by {protocol} needs {error.name}: pip install '{package}'"
        ) from error


def _console(_protocol: str, _compression: str) -> SpanExporter:
    from voicespan.sinks.console import ConsoleExporter

    return ConsoleExporter()


def _http(compression: str) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    known = {"gzip": Compression.Gzip, "deflate": Compression.Deflate}
    known |= {"none": Compression.NoCompression}
    return OTLPSpanExporter(compression=_pick(known, compression, "compression"))


def _grpc(compression: str) -> SpanExporter:
    from grpc import Compression  # type: ignore[import-untyped]  # grpcio ships no types
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    known = {"gzip": Compression.Gzip, "deflate": Compression.Deflate}
    known |= {"none": Compression.NoCompression}
    return OTLPSpanExporter(compression=_pick(known, compression, "compression"))


_EXPORTERS: dict[str, Callable[[str, str], SpanExporter]] = {"otlp": _otlp, "console": _console}
_PROTOCOLS: dict[str, Callable[[str], SpanExporter]] = {"http/protobuf": _http, "grpc": _grpc}
_PACKAGES = {
    "http/protobuf": "opentelemetry-exporter-otlp-proto-http",
    "grpc": "opentelemetry-exporter-otlp-proto-grpc",
}


def _pick(table: Mapping[str, T], name: str, what: str) -> T:
    if name not in table:
        raise ValueError(f"no {what} is called {name!r}; use {_among(table)}")
    return table[name]


def _among(table: Mapping[str, object]) -> str:
    return " or ".join(repr(name) for name in table)
