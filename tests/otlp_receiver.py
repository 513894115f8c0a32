"""OTLP requests on a loopback socket in, the spans that arrived out: over HTTP and gRPC."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(eq=False)
class Receiver:
    """What has arrived so far. `environment` sends OpenTelemetry's exporters here."""

    endpoint: str = ""
    protocol: str = ""
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """The standard variables."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": self.protocol,
        }

    @property
    def spans(self) -> list[Span]:
        """Every span that arrived, in order of arrival."""
        return [span for _, span in self.scoped()]

    def scoped(self) -> Iterator[tuple[str, Span]]:
        """Yield every span with the name of its scope."""
        for request in self.requests:
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    yield from ((scope.scope.name, span) for span in scope.spans)

    def names(self, scope: str = "voicespan") -> list[str]:
        """Return the names of a scope's spans, sorted."""
        return sorted(span.name for named, span in self.scoped() if named == scope)

    def resource(self, name: str) -> set[object]:
        """Return the values of a resource attribute over all requests."""
        found = (r.resource.attributes for q in self.requests for r in q.resource_spans)
        return {value(pair.value) for pairs in found for pair in pairs if pair.key == name}

    def take(self, request: ExportTraceServiceRequest, headers: dict[str, str]) -> None:
        """Keep a request."""
        self.requests.append(request)
        self.headers.append(headers)


def value(any_value: AnyValue) -> object:
    """Return a scalar attribute's value."""
    which = any_value.WhichOneof("value")
    return None if which is None else getattr(any_value, which)


def attributes(span: Span) -> dict[str, object]:
    """Return a span's scalar attributes."""
    return {pair.key: value(pair.value) for pair in span.attributes}


@contextmanager
def receive(protocol: str = "http/protobuf") -> Iterator[Receiver]:
    """Listen on a free port of 127.0.0.1 within this block."""
    with {"http/protobuf": _http, "grpc": _grpc}[protocol](Receiver(protocol=protocol)) as receiver:
        yield receiver


@contextmanager
def _http(receiver: Receiver) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            headers = {name.lower(): said for name, said in self.headers.items()}
            receiver.take(ExportTraceServiceRequest.FromString(body), headers)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


class _Servicer(TraceServiceServicer):
    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver

    def Export(self, request: ExportTraceServiceRequest, context: Any) -> Any:  # noqa: N802  # gRPC's
        headers = {name: str(said) for name, said in context.invocation_metadata()}
        self.receiver.take(request, headers)
        return ExportTraceServiceResponse()


@contextmanager
def _grpc(receiver: Receiver) -> Iterator[Receiver]:
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    add_TraceServiceServicer_to_server(_Servicer(receiver), server)  # type: ignore[no-untyped-call]  # generated
    receiver.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield receiver
    finally:
        server.stop(None).wait()


@contextmanager
def black_hole() -> Iterator[str]:
    """Yield the URL of a socket that takes connections and never answers."""
    import socket

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
