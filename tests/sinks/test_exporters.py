"""The name of an exporter in, a real exporter out, or an error that says what to do."""

from __future__ import annotations

import gzip
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.processors.turns import recorded
from voicespan.sinks.console import ConsoleExporter
from voicespan.sinks.exporters import make_exporter


class Collector(HTTPServer):
    """Takes one OTLP request after another."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str | None, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Collector)
        self.server.requests.append((self.headers["Content-Encoding"], body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("compression", "encoding"), [("gzip", "gzip"), ("none", None)])
def test_otlp_is_http_and_reads_the_standard_environment(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, compression: str, encoding: str | None
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    exporter = make_exporter("otlp", compression=compression)
    assert exporter.export(recorded()) is SpanExportResult.SUCCESS
    exporter.shutdown()
    assert isinstance(exporter, HttpExporter)
    ((sent, body),) = collector.requests
    assert sent == encoding
    request = ExportTraceServiceRequest.FromString(gzip.decompress(body) if encoding else body)
    (scope_spans,) = request.resource_spans[0].scope_spans
    assert [span.name for span in scope_spans.spans] == [span.name for span in recorded()]


def test_gzip_is_the_default(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    exporter = make_exporter("otlp")
    exporter.export(recorded())
    exporter.shutdown()
    assert collector.requests[0][0] == "gzip"


@pytest.mark.parametrize("compression", ["gzip", "deflate", "none"])
def test_otlp_is_grpc_when_asked(compression: str) -> None:
    exporter = make_exporter("otlp", protocol="grpc", compression=compression)
    assert isinstance(exporter, GrpcExporter)
    exporter.shutdown()


def test_an_exporter_passes_through_and_the_console_has_a_name() -> None:
    mine = InMemorySpanExporter()
    assert make_exporter(mine) is mine
    assert isinstance(make_exporter("console"), ConsoleExporter)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"spec": "otpl"}, r"no exporter is called 'otpl'; use 'otlp' or 'console'"),
        ({"spec": 7}, r"not an exporter: 7; use a SpanExporter or 'otlp' or 'console'"),
        (
            {"spec": "otlp", "protocol": "http/json"},
            r"no OTLP protocol is called 'http/json'; use 'http/protobuf' or 'grpc'",
        ),
        (
            {"spec": "otlp", "compression": "zip"},
            r"no compression is called 'zip'; use 'gzip' or 'deflate' or 'none'",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else "-".join(map(str, value.values())),
)
def test_a_wrong_name_lists_the_right_ones(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_exporter(**wrong)


def test_a_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "grpc", None)
    command = r"pip install 'opentelemetry-exporter-otlp-proto-grpc'"
    with pytest.raises(ValueError, match=command):
        make_exporter("otlp", protocol="grpc")
