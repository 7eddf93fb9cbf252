"""A real OpenTelemetry collector: takes OTLP by gRPC and HTTP, and hands on what it understood to the test."""

import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

from tests.servers.go_programs import go_program
from tests.servers.processes import free_ports

VERSION, PROVIDER = "0.150.0", "1.56.0"
START_SECONDS = 60.0
_PARTS = f"""\
dist: {{name: otelcol, output_path: FOLDER, module: penstock.tests/otelcol}}
receivers: [{{gomod: go.opentelemetry.io/collector/receiver/otlpreceiver v{VERSION}}}]
exporters: [{{gomod: go.opentelemetry.io/collector/exporter/otlphttpexporter v{VERSION}}}]
providers:
  - gomod: go.opentelemetry.io/collector/confmap/provider/envprovider v{PROVIDER}
  - gomod: go.opentelemetry.io/collector/confmap/provider/fileprovider v{PROVIDER}
"""
_SETTINGS = """\
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "127.0.0.1:GRPC"}
      http: {endpoint: "127.0.0.1:HTTP"}
exporters:
  otlp_http:
    endpoint: http://127.0.0.1:TEST
    encoding: json
    compression: none
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp_http]}
    logs: {receivers: [otlp], exporters: [otlp_http]}
    metrics: {receivers: [otlp], exporters: [otlp_http]}
"""


def otelcol_program() -> Path:
    """Where the collector is, built once and kept in the user's cache; the test is skipped where it cannot be had."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "penstock" / "tools"
    found = cache / f"otelcol-{VERSION}"
    if found.exists():
        return found
    builder = go_program(f"otelcol-builder-{VERSION}", f"go.opentelemetry.io/collector/cmd/builder@v{VERSION}")
    with tempfile.TemporaryDirectory(prefix="otelcol-", dir=cache) as apart:
        (Path(apart) / "parts.yaml").write_text(_PARTS.replace("FOLDER", f"{apart}/src"))
        command = [str(builder), "--config", f"{apart}/parts.yaml"]
        built = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        if built.returncode:
            pytest.skip(f"the collector could not be built: {built.stderr.strip()[-200:]}")
        (Path(apart) / "src/otelcol").replace(found)
    return found


@dataclass
class Otelcol:
    """A collector, and all that it has understood; used in a `with`."""

    received: dict[str, list[Any]] = field(default_factory=lambda: {"traces": [], "logs": [], "metrics": []})

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="otelcol-"))
        self.grpc_port, self.http_port = free_ports(2)
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                data = json.loads(self.rfile.read(int(self.headers["content-length"])))
                received[self.path.rpartition("/")[2]].append(data)
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self.handed_on = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.handed_on.serve_forever, daemon=True).start()
        settings = _SETTINGS.replace("GRPC", str(self.grpc_port)).replace("HTTP", str(self.http_port))
        settings = settings.replace("TEST", str(self.handed_on.server_port))
        (self.folder / "otelcol.yaml").write_text(settings)
        self.log = self.folder / "log"
        command = [str(otelcol_program()), "--config", f"file:{self.folder}/otelcol.yaml"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while b"Everything is ready" not in self.log.read_bytes():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.handed_on.shutdown()
        self.handed_on.server_close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def spans(self, are_enough: Callable[[list["Span"]], bool], seconds: float = 60.0) -> list["Span"]:
        """All spans, once they are enough."""
        deadline = time.monotonic() + seconds
        while not are_enough(found := [span for batch in list(self.received["traces"]) for span in _spans(batch)]):
            assert time.monotonic() < deadline, (found, self.log.read_text()[-2000:])
            time.sleep(0.02)
        return found


@dataclass(frozen=True)
class Span:
    """A span as the collector understood it."""

    trace: str
    id: str
    parent: str
    name: str
    kind: int
    began: int
    ended: int
    attributes: dict[str, Any]
    events: list[str]
    status: dict[str, Any]
    state: str
    resource: dict[str, Any]


def _spans(batch: Any) -> list[Span]:
    return [
        Span(
            one["traceId"],
            one["spanId"],
            one.get("parentSpanId", ""),
            one["name"],
            one["kind"],
            int(one["startTimeUnixNano"]),
            int(one["endTimeUnixNano"]),
            _attributes(one),
            [event["name"] for event in one.get("events", ())],
            one["status"],
            one.get("traceState", ""),
            _attributes(of["resource"]),
        )
        for of in batch["resourceSpans"]
        for scope in of["scopeSpans"]
        for one in scope["spans"]
    ]


def _attributes(owner: Any) -> dict[str, Any]:
    def plain(value: dict[str, Any]) -> Any:
        [(kind, found)] = value.items()
        return int(found) if kind == "intValue" else found

    return {one["key"]: plain(one["value"]) for one in owner.get("attributes", ())}
