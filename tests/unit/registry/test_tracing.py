"""Traces: sent where the environment says, and nothing in them that opens something."""

from __future__ import annotations

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from signkit.registry import tracing
from tests.support.registry import running_registry
from tests.support.registry_api import calling

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


@pytest.fixture
def collector():
    """What an OpenTelemetry collector is sent, and where it listens."""
    bodies = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", bodies
        server.shutdown()
        thread.join()


def spans(bodies):
    for body in bodies:
        request = ExportTraceServiceRequest()
        request.ParseFromString(body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                yield from scope.spans


def test_requests_are_traced_without_what_opens_something(tmp_path, collector, monkeypatch):
    url, bodies = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    with running_registry(tmp_path) as registry, calling(registry) as api:
        binary = api.binary(b"traced")
        presigned = api.declare(binary, 1, b"traced")["presigned_upload_url"]
        assert api.send(presigned, b"traced", traceparent=PARENT).status_code == 200
        assert registry.stop() == 0
        lines = [json.loads(line) for line in registry.log.read_text().splitlines()]
    (sent,) = (line for line in lines if line["path"].startswith("/upload/"))
    assert sent["trace"] == PARENT.split("-")[1]
    found = [span for span in spans(bodies) if span.trace_id.hex() == sent["trace"]]
    attributes = {each.key: each.value.string_value for span in found for each in span.attributes}
    assert attributes["url.path"] == sent["path"]
    assert attributes["url.query"] == "[removed]"
    assert attributes["http.route"] == "/upload/{organization}/{binary}/{index}"
    everything = b"".join(bodies)
    assert b"signkit-registry" in everything
    for secret in (presigned.partition("signature=")[2], registry.token):
        assert secret.encode() not in everything


def test_a_collector_that_is_gone_holds_nothing_up(tmp_path, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with running_registry(tmp_path) as registry, calling(registry) as api:
        api.signed(b"untraced")
        assert registry.stop() == 0
    assert "spans" in registry.log.read_text() or "export" in registry.log.read_text().lower()


def test_without_a_word_nothing_is_traced(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    configured = tracing.configure_tracing()
    assert [configured[name] for name in ("tracing", "metrics", "logs", "auto_configure")] == [
        False
    ] * 4
    assert tracing.trace_of_request() is None


def test_without_the_extra_it_is_said(monkeypatch, caplog):
    monkeypatch.setitem(os.environ, VARIABLES[1], "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "signkit.registry.tracing_export", None)
    assert tracing.configure_tracing()["tracing"] is False
    assert "install the extra, signkit[otel]" in caplog.text
