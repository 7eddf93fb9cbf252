"""Metrics that are sent to a collector: a real one, one that is away, and one that never answers."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from penstock.admin.push.delivery import deliver
from penstock.model.collector import OtlpCollector
from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.load import Load
from tests.servers.origin import Origin
from tests.servers.otelcol import Otelcol

# The first time, programs of others are built or fetched.
pytestmark = pytest.mark.timeout(900)

PUSHED = """
---
kind: Telemetry
name: default
otlp: {{endpoint: "{endpoint}", protocol: {protocol}, timeout: 1s, headers: {{x-key: secret}}}}
metrics: {{interval: 200ms, service_name: front}}
"""


def points(collector: Otelcol, name: str) -> list[dict[str, Any]]:
    """The latest points of a metric as the collector understood them, each with its metric's data and its resource."""
    for batch in reversed(list(collector.received["metrics"])):
        for of in batch["resourceMetrics"]:
            for one in (metric for scope in of["scopeMetrics"] for metric in scope["metrics"]):
                if one["name"] == name:
                    [data] = [one[kind] for kind in ("sum", "gauge", "histogram") if kind in one]
                    return [{"data": data, "of": of["resource"], **point} for point in data["dataPoints"]]
    return []


def attributes(owner: dict[str, Any]) -> dict[str, str]:
    return {one["key"]: one["value"]["stringValue"] for one in owner.get("attributes", ())}


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_collector_takes_sums_gauges_and_histograms(protocol: str) -> None:
    if protocol == "grpc":
        pytest.importorskip("grpc")
    with Otelcol() as collector, Origin() as origin:
        port = collector.http_port if protocol == "http" else collector.grpc_port
        pushed = PUSHED.format(endpoint=f"http://127.0.0.1:{port}", protocol=protocol)
        with GatewayProcess(forwarding(origin.url) + pushed) as gateway, Load(gateway.port(), kept=2) as load:
            wait_until(lambda: load.losses.answered > 50)

            def requests() -> dict[tuple[str, str], dict[str, Any]]:
                found = points(collector, "penstock_requests")
                return {(attributes(one)["route"], attributes(one)["class"]): one for one in found}

            wait_until(lambda: requests().get(("all", "2xx"), {}).get("asDouble", 0) > 50, 30)
            sample = requests()["all", "2xx"]
            assert sample["data"]["isMonotonic"] is True
            assert sample["data"]["aggregationTemporality"] == 2
            assert int(sample["startTimeUnixNano"]) < int(sample["timeUnixNano"])
            assert attributes(sample["of"])["service.name"] == "front"
            [spread] = [
                one
                for one in points(collector, "penstock_request_duration_seconds")
                if attributes(one)["route"] == "all"
            ]
            assert sum(map(int, spread["bucketCounts"])) == int(spread["count"]) > 0
            assert len(spread["bucketCounts"]) == len(spread["explicitBounds"]) + 1
            assert spread["sum"] > 0
            [ready] = points(collector, "penstock_ready")
            assert ready["asDouble"] == 1
            assert "isMonotonic" not in ready["data"]
            wait_until(lambda: outcomes(gateway)["delivered"] > 1)
            assert "secret" not in gateway.said


@contextmanager
def black_hole() -> Iterator[int]:
    """A port that takes connections and whatever is sent, and never answers."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        is_over = threading.Event()

        def take() -> None:
            while not is_over.is_set():
                stream, _ = listening.accept()
                taken.append(stream)

        thread = threading.Thread(target=take)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            is_over.set()
            socket.create_connection(listening.getsockname()).close()
            thread.join()
            for stream in taken:
                stream.close()


def outcomes(gateway: GatewayProcess) -> dict[str, int]:
    """Deliveries by what became of them."""
    text = gateway.ask("GET", "/metrics")[1]
    return {
        outcome: int(text.partition(f'penstock_metrics_deliveries_total{{outcome="{outcome}"}} ')[2].split()[0])
        for outcome in ("delivered", "failed")
    }


def check_that_requests_go_on(endpoint: str, said: str) -> None:
    with Origin() as origin:
        pushed = PUSHED.format(endpoint=endpoint, protocol="http")
        with GatewayProcess(forwarding(origin.url) + pushed) as gateway, Load(gateway.port(), kept=2) as load:
            wait_until(lambda: outcomes(gateway)["failed"] >= 3, 60)
            before = load.losses.answered
            wait_until(lambda: load.losses.answered > before + 50)
            assert outcomes(gateway)["delivered"] == 0
            # Said once, however often it fails.
            assert gateway.said.count("metrics are not taken by") == 1
            assert said in gateway.said


def test_r64_a_collector_that_never_answers_holds_up_nothing_and_is_counted() -> None:
    with black_hole() as port:
        check_that_requests_go_on(f"http://127.0.0.1:{port}", "no answer within 1s")


def test_r64_a_collector_that_is_not_there_is_counted_and_told_once() -> None:
    check_that_requests_go_on("http://127.0.0.1:1", "refused")


def test_a_collector_that_comes_back_is_sent_all_that_was_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with Origin() as origin:
        pushed = PUSHED.format(endpoint=f"http://127.0.0.1:{port}", protocol="http")
        with GatewayProcess(forwarding(origin.url) + pushed) as gateway:
            wait_until(lambda: outcomes(gateway)["failed"] >= 1, 30)
            with socket.create_server(("127.0.0.1", port)) as listening:
                stream, _ = listening.accept()
                with stream:
                    assert stream.recv(65536).startswith(b"POST /v1/metrics HTTP/1.1\r\n")
                    stream.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                    wait_until(lambda: outcomes(gateway)["delivered"] >= 1, 30)
            assert "metrics are taken by" in gateway.said


def test_a_path_stands_before_that_of_the_call() -> None:
    grpc = pytest.importorskip("grpc")
    called: list[str] = []

    class Taker(grpc.GenericRpcHandler):  # type: ignore[misc, name-defined]
        def service(self, handler_call_details: Any) -> Any:
            called.append(handler_call_details.method)
            return grpc.unary_unary_rpc_method_handler(lambda _body, _context: b"")

    server = grpc.server(ThreadPoolExecutor(1), handlers=(Taker(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        endpoint = f"http://127.0.0.1:{port}/front"
        asyncio.run(deliver(OtlpCollector.model_validate({"endpoint": endpoint}), b""))
    finally:
        server.stop(None).wait()
    assert called == ["/front/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"]
