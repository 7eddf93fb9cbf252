"""Traces, as a real OpenTelemetry collector understands them."""

import http.client
import json
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from grpc import insecure_channel

from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.grpc_origin import SERVICE, GrpcOrigin
from tests.servers.origin import Origin
from tests.servers.otelcol import Otelcol, Span
from tests.tracing.told_origin import ToldOrigin

# The first time, programs of others are built or fetched.
pytestmark = pytest.mark.timeout(900)

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SERVER, CLIENT, INTERNAL = 2, 3, 1
ERROR = 2
SLOW = '''
"""Filters of a test."""
from penstock.sdk import Filter, FilterConfig, Request

class Greet(Filter):
    """Greets."""
    class Config(FilterConfig):
        """Nothing."""
    def on_request(self, request: Request) -> None:
        request.headers["x-greeting"] = "hello"
'''


@pytest.fixture(scope="module")
def collector() -> Iterator[Otelcol]:
    with Otelcol() as running:
        yield running


def configuration(to: str, otlp: str, *, tracing: str = "sampling: 100%", route: str = "", steps: str = "") -> str:
    """A gateway that retries once, and whose traces go to a collector."""
    return f"""
kind: Listener
name: web
address: 127.0.0.1:0
---
kind: Upstream
name: orders
endpoints: [{to}]
retry: {{attempts: 2, on: [connect_failure, 503], budget: 100%}}
---
kind: Route
name: orders
path: /*
{route}
steps: [{steps} {{kind: Forward, to: orders}}]
---
kind: Telemetry
name: default
otlp: {otlp}
tracing: {{{tracing}, service_name: edge}}
"""


def ask(gateway: GatewayProcess, path: str, headers: Mapping[str, str] | None = None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port(), timeout=30)
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def grpc(collector: Otelcol) -> str:
    return f"{{endpoint: http://127.0.0.1:{collector.grpc_port}}}"


def over_http(collector: Otelcol) -> str:
    return f"{{endpoint: http://127.0.0.1:{collector.http_port}, protocol: http}}"


def of_path(path: str, spans: list[Span]) -> list[Span]:
    """The spans of the trace whose request had a path."""
    traces = {span.trace for span in spans if span.attributes.get("url.path") == path}
    return sorted((span for span in spans if span.trace in traces), key=lambda span: span.began)


@pytest.mark.parametrize("otlp", [grpc, over_http], ids=["grpc", "http"])
def test_an_exchange_with_a_retry_is_a_tree_of_spans(collector: Otelcol, otlp: Callable[[Otelcol], str]) -> None:
    path = f"/flaky/{otlp is grpc}"
    with ToldOrigin() as origin:
        before = "{kind: RequestId}, {kind: Greet, name: hello},"
        text = configuration(origin.url, otlp(collector), steps=before)
        gateway = GatewayProcess("", workers=1)
        (gateway.folder / "filters.py").write_text(SLOW)
        gateway.write(f"{text}---\nkind: Plugin\nname: house\npython: filters.py\n")
        with gateway:
            assert ask(gateway, f"{path}?secret=1", {"user-agent": "test"}) == 200
            spans = of_path(path, collector.spans(lambda spans: len(of_path(path, spans)) >= 6))
    [own] = [span for span in spans if span.kind == SERVER]
    first, second = [span for span in spans if span.kind == CLIENT]
    steps = [span for span in spans if span.kind == INTERNAL]
    greet, forward, way_out = steps
    assert [span.attributes["penstock.side"] for span in steps] == ["request", "request", "response"]
    assert way_out.attributes["penstock.step"] == "hello"
    assert (own.parent, own.name, own.status, own.resource["service.name"]) == ("", "GET /*", {}, "edge")
    expected = {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/*",
        "url.path": path,
        "url.scheme": "http",
        "network.protocol.version": "1.1",
        "client.address": "127.0.0.1",
        "server.address": "127.0.0.1",
        "user_agent.original": "test",
        "penstock.route": "orders",
        "penstock.listener": "web",
    }
    assert {name: own.attributes.get(name) for name in expected} == expected
    assert "secret" not in repr(spans)
    assert own.events == ["RequestId"]
    assert (greet.name, greet.parent, greet.attributes["penstock.step"]) == ("step hello", own.id, "hello")
    assert (forward.name, forward.parent) == ("step Forward", own.id)
    assert {first.parent, second.parent} == {forward.id}
    assert (first.attributes["http.response.status_code"], first.attributes["error.type"]) == (503, "503")
    assert first.status["code"] == ERROR
    assert "http.request.resend_count" not in first.attributes
    assert (second.attributes["http.request.resend_count"], second.status) == (1, {})
    assert second.attributes["penstock.endpoint"] == origin.address
    assert second.attributes["url.full"] == f"{origin.url}{path}"
    assert own.began <= greet.began <= forward.began <= first.began <= first.ended <= second.began <= own.ended
    assert [told["traceparent"] for told in origin.told] == [f"00-{own.trace}-{one.id}-01" for one in (first, second)]


def test_what_a_request_says_of_its_trace_goes_on_to_the_endpoint_in_every_form(collector: Otelcol) -> None:
    forms = "propagation: [w3c, b3multi, b3, jaeger], sampling: 0%"
    sampled = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "vendor=1"}
    origin = ToldOrigin()
    text = configuration(origin.url, grpc(collector), tracing=forms)
    with origin, GatewayProcess(text, workers=1) as gateway:
        assert ask(gateway, "/go/on", sampled) == 200
        spans = of_path("/go/on", collector.spans(lambda spans: len(of_path("/go/on", spans)) >= 3))
        assert ask(gateway, "/short", {"b3": f"{TRACE[16:]}-{SPAN}-1"}) == 200
        short = of_path("/short", collector.spans(lambda spans: len(of_path("/short", spans)) >= 3))
        assert ask(gateway, "/not", {"traceparent": f"00-{TRACE}-{SPAN}-00"}) == 200
        assert ask(gateway, "/nonsense", {"traceparent": "00-zz", "tracestate": "a=b", "b3": "x"}) == 200
    [own] = [span for span in spans if span.kind == SERVER]
    [attempt] = [span for span in spans if span.kind == CLIENT]
    assert (own.trace, own.parent, own.state) == (TRACE, SPAN, "vendor=1")
    first, second, third, fourth = origin.told
    assert (first["traceparent"], first["tracestate"]) == (f"00-{TRACE}-{attempt.id}-01", "vendor=1")
    assert first["b3"] == f"{TRACE}-{attempt.id}-1"
    assert (first["x-b3-traceid"], first["x-b3-spanid"], first["x-b3-sampled"]) == (TRACE, attempt.id, "1")
    assert first["uber-trace-id"] == f"{TRACE}:{attempt.id}:0:1"
    assert {span.trace for span in short} == {TRACE[16:].rjust(32, "0")}
    assert second["x-b3-traceid"] == TRACE[16:]
    assert third["traceparent"].startswith(f"00-{TRACE}-")
    assert (third["traceparent"][-2:], third["x-b3-sampled"]) == ("00", "0")
    assert fourth["traceparent"][-2:] == "00"
    assert "tracestate" not in fourth
    assert not [span for span in collector.spans(bool) if span.attributes.get("url.path") in {"/not", "/nonsense"}]


def test_a_share_is_recorded_that_every_service_would_choose(collector: Otelcol) -> None:
    with ToldOrigin() as origin:
        text = configuration(origin.url, grpc(collector), tracing="sampling: 25%")
        with GatewayProcess(text, workers=2) as gateway:
            assert [ask(gateway, "/share") for _ in range(200)] == [200] * 200
            told = [str(one["traceparent"]).split("-") for one in origin.told]
            chosen = {trace for _, trace, _, _ in told if int(trace[16:], 16) >> 1 < 2**63 // 4}
            assert chosen == {trace for _, trace, _, flags in told if flags == "01"}
            assert 20 <= len(chosen) <= 90
            collector.spans(lambda spans: chosen <= {span.trace for span in spans})
            gateway.signal(signal.SIGTERM)
            assert gateway.wait(30) == 0
    assert {span.trace for span in of_path("/share", collector.spans(bool))} == chosen


@pytest.mark.parametrize(("route", "is_recorded"), [("tracing: off", False), ("tracing: 100%", True)])
def test_a_route_has_its_own_share(collector: Otelcol, *, route: str, is_recorded: bool) -> None:
    path = f"/own/{is_recorded}"
    sampling = "sampling: 0%" if is_recorded else "sampling: 100%"
    with ToldOrigin() as origin:
        text = configuration(origin.url, grpc(collector), tracing=sampling, route=route)
        with GatewayProcess(text, workers=1) as gateway:
            context = {} if is_recorded else {"traceparent": f"00-{TRACE}-{SPAN}-01"}
            assert ask(gateway, path, context) == 200
            gateway.signal(signal.SIGTERM)
            assert gateway.wait(30) == 0
    if is_recorded:
        assert origin.told[0]["traceparent"].endswith("-01")
        collector.spans(lambda spans: bool(of_path(path, spans)))
    else:
        assert origin.told[0]["traceparent"] == context["traceparent"], "what is not recorded passes as it is"


def test_a_tunnel_is_a_span_until_it_ends(collector: Otelcol) -> None:
    with Origin() as origin, GatewayProcess(configuration(origin.url, grpc(collector)), workers=1) as gateway:
        with socket.create_connection(("127.0.0.1", gateway.port()), timeout=30) as tunnel:
            tunnel.sendall(b"GET /tunnel HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
            assert b"101" in tunnel.recv(4096)
            assert ask(gateway, "/meanwhile") == 200
            collector.spans(lambda spans: bool(of_path("/meanwhile", spans)))
            assert not of_path("/tunnel", collector.spans(bool))
            tunnel.sendall(b"hello")
            assert tunnel.recv(4096) == b"hello"
        spans = of_path("/tunnel", collector.spans(lambda spans: bool(of_path("/tunnel", spans))))
    [own] = [span for span in spans if span.kind == SERVER]
    [meanwhile] = [span for span in of_path("/meanwhile", collector.spans(bool)) if span.kind == SERVER]
    assert own.attributes["http.response.status_code"] == 101
    assert own.began < meanwhile.began < meanwhile.ended < own.ended


def test_what_fails_says_why(collector: Otelcol) -> None:
    with ToldOrigin() as origin:
        nobody = socket.create_server(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        nobody.close()
        text = configuration(f"http://{address}", grpc(collector))
        with GatewayProcess(text, workers=1) as gateway:
            assert ask(gateway, "/gone") == 502
            gone = of_path("/gone", collector.spans(lambda spans: len(of_path("/gone", spans)) >= 3))
            gateway.write(configuration(origin.url, grpc(collector)))
            assert gateway.reload().returncode == 0
            assert ask(gateway, "/status/404") == 404
            missing = of_path("/status/404", collector.spans(lambda spans: len(of_path("/status/404", spans)) >= 3))
    [own] = [span for span in gone if span.kind == SERVER]
    assert own.status["code"] == ERROR
    assert own.attributes["error.type"] == own.attributes["penstock.reason"]
    attempts = [span for span in gone if span.kind == CLIENT]
    assert attempts
    assert all(span.status["code"] == ERROR and span.attributes["error.type"] for span in attempts)
    [own] = [span for span in missing if span.kind == SERVER]
    [attempt] = [span for span in missing if span.kind == CLIENT]
    assert (own.status, attempt.status["code"]) == ({}, ERROR), "that is the client's affair, and the endpoint's answer"


def test_traces_go_on_without_the_supervisor_and_are_delivered_before_the_end(collector: Otelcol) -> None:
    with ToldOrigin() as origin, GatewayProcess(configuration(origin.url, grpc(collector)), workers=1) as gateway:
        port = gateway.port()
        gateway.signal(signal.SIGKILL)
        gateway.wait(30)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/alone")
        assert connection.getresponse().read() == b""
        connection.close()
        collector.spans(lambda spans: bool(of_path("/alone", spans)))
        gateway.start()
        assert ask(gateway, "/last") == 200
        gateway.signal(signal.SIGTERM)
        assert gateway.wait(30) == 0
        collector.spans(lambda spans: bool(of_path("/last", spans)))


def exported(gateway: GatewayProcess, outcome: str) -> int:
    """Spans that were delivered, dropped or not taken."""
    text = str(gateway.ask("GET", "/metrics")[1])
    lines = [line for line in text.splitlines() if line.startswith("penstock_exported_records_total{")]
    [line] = [line for line in lines if 'signal="traces"' in line and f'outcome="{outcome}"' in line]
    return int(line.rpartition(" ")[2])


def test_what_was_delivered_is_counted_and_the_access_log_names_the_trace(collector: Otelcol) -> None:
    gateway = GatewayProcess("", workers=2)
    log = gateway.folder / "access.log"
    with ToldOrigin() as origin:
        gateway.write(configuration(origin.url, over_http(collector)) + f"access_log: {{path: {log}}}\n")
        with gateway:
            assert [ask(gateway, "/counted") for _ in range(10)] == [200] * 10
            wait_until(lambda: exported(gateway, "delivered") == 30, 60)
            assert (exported(gateway, "dropped"), exported(gateway, "failed")) == (0, 0)
            wait_until(lambda: log.read_text().count("\n") == 10)
            lines = [json.loads(line) for line in log.read_text().splitlines()]
        own = [span for span in of_path("/counted", collector.spans(bool)) if span.kind == SERVER]
    assert {(line["trace_id"], line["span_id"]) for line in lines} == {(span.trace, span.id) for span in own}


def test_a_call_of_grpc_is_a_span_until_its_stream_ends(collector: Otelcol) -> None:
    with GrpcOrigin() as origin:
        text = configuration(origin.url, grpc(collector)).replace("127.0.0.1:0", "127.0.0.1:0\nprotocols: [h2c]")
        path = f"/{SERVICE}/Count"
        with GatewayProcess(text, workers=1) as gateway, insecure_channel(f"127.0.0.1:{gateway.port()}") as channel:
            call: Any = channel.unary_stream(path)
            answers = list(call(b"3", timeout=60))
            spans = of_path(path, collector.spans(lambda spans: len(of_path(path, spans)) >= 3))
    assert len(answers) == 3
    [own] = [span for span in spans if span.kind == SERVER]
    [attempt] = [span for span in spans if span.kind == CLIENT]
    assert (own.attributes["rpc.system"], own.attributes["rpc.grpc.status_code"], own.status) == ("grpc", 0, {})
    assert (own.name, own.attributes["network.protocol.version"]) == ("POST /*", "2")
    assert own.began <= attempt.began <= attempt.ended <= own.ended
    assert origin.asked[0]["traceparent"] == f"00-{own.trace}-{attempt.id}-01"
