"""Connections whose bytes are carried as they are: both ways, each end told of the other's, within limits."""

import hashlib
import json
import random
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from penstock import Gateway
from penstock.compiler import compile_resources
from penstock.filters.native import native_catalogue
from penstock.model.loading import load_data
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.other_proxies import OtherProxy, needs
from tests.servers.raw_origin import Caller, RawOrigin
from tests.servers.tls_client import ask, connect, everything, pair
from tests.servers.tls_origin import TlsOrigin

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def echo(caller: Caller) -> None:
    while caller.read():
        caller.send(caller.unread)
        caller.unread = b""


def until_end(caller: Caller) -> bytes:
    while caller.read():
        pass
    return caller.received


@contextmanager
def carried_to(script: Callable[[Caller], None], **listener: Any) -> Iterator[tuple[Gateway, RawOrigin]]:
    with RawOrigin(script) as origin, Gateway(resources([tcp(origin)], **listener)) as gateway:
        yield gateway, origin


def tcp(origin: RawOrigin) -> str:
    return origin.url.replace("http://", "tcp://")


def resources(
    endpoints: list[str], *, idle: str = "20s", upstream: dict[str, Any] | None = None, **listener: Any
) -> list[dict[str, Any]]:
    return [
        {"kind": "Listener", "name": "db", "address": "127.0.0.1:0", "protocols": ["tcp"], **listener},
        {"kind": "Upstream", "name": "stores", "endpoints": endpoints, **(upstream or {})},
        {"kind": "TcpRoute", "name": "all", "to": "stores", "idle": idle},
    ]


def port(gateway: Gateway) -> int:
    assert gateway.url.startswith(("tcp://", "tls://"))
    return int(gateway.url.rpartition(":")[2])


def opened(gateway: Gateway) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port(gateway)), 15)


def said(stream: socket.socket, line: bytes) -> bytes:
    stream.sendall(line)
    answer = b""
    while len(answer) < len(line):
        piece = stream.recv(len(line) - len(answer))
        if not piece:
            break
        answer += piece
    return answer


def is_closed(stream: socket.socket) -> bool:
    try:
        return stream.recv(1) == b""
    except ConnectionError:
        return True


def statuses(gateway: Gateway, count: int) -> list[int]:
    wait_until(lambda: len(gateway.requests) >= count)
    return [one.status for one in gateway.requests]


def test_megabytes_pass_both_ways_at_once_and_unchanged() -> None:
    body = random.Random(7).randbytes(8 << 20)
    with carried_to(echo) as (gateway, _), opened(gateway) as stream:

        def send() -> None:
            stream.sendall(body)
            stream.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        assert hashlib.sha256(everything(stream)).digest() == hashlib.sha256(body).digest()
        sender.join(10)


def test_an_endpoint_may_speak_first() -> None:
    with carried_to(lambda caller: caller.send(b"220 ready\r\n")) as (gateway, _), opened(gateway) as stream:
        assert everything(stream) == b"220 ready\r\n"


def test_r30_a_client_that_has_said_all_still_hears_the_answer() -> None:
    def answer_at_end(caller: Caller) -> None:
        caller.send(str(len(until_end(caller))).encode())

    with carried_to(answer_at_end) as (gateway, _), opened(gateway) as stream:
        stream.sendall(b"x" * 100_000)
        stream.shutdown(socket.SHUT_WR)
        assert everything(stream) == b"100000"


def test_r30_an_endpoint_that_has_said_all_still_hears_the_client() -> None:
    def say_and_listen(caller: Caller) -> None:
        caller.send(b"bye")
        caller.stream.shutdown(socket.SHUT_WR)
        until_end(caller)

    with carried_to(say_and_listen) as (gateway, origin), opened(gateway) as stream:
        assert everything(stream) == b"bye"
        stream.sendall(b"late")
        stream.close()
        assert origin.callers[0].ended.wait(10)
        assert origin.received == b"late"


def test_a_side_that_breaks_off_breaks_off_the_other() -> None:
    def break_off(caller: Caller) -> None:
        caller.until(b"\n")
        caller.send(b"half an ans")
        caller.until(b"\n")
        caller.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)

    with carried_to(break_off) as (gateway, _), opened(gateway) as stream:
        stream.sendall(b"go\n")
        assert stream.recv(100)
        stream.sendall(b"on\n")
        with pytest.raises(ConnectionResetError):
            everything(stream)


def test_a_client_that_breaks_off_breaks_off_the_endpoint() -> None:
    broken = threading.Event()

    def listen(caller: Caller) -> None:
        caller.send(b"hello\n")
        try:
            while caller.stream.recv(100):
                pass
        except ConnectionResetError:
            broken.set()

    with carried_to(listen) as (gateway, _):
        stream = opened(gateway)
        stream.recv(100)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        stream.close()
        assert broken.wait(10)


def dead_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        return f"tcp://127.0.0.1:{gone.getsockname()[1]}"


def test_an_endpoint_that_cannot_be_connected_to_is_passed_over() -> None:
    with RawOrigin(echo) as origin, Gateway(resources([dead_address(), tcp(origin)])) as gateway:
        for _ in range(4):
            with opened(gateway) as stream:
                assert said(stream, b"hello") == b"hello"
        assert statuses(gateway, 4) == [200] * 4


def test_without_an_endpoint_the_connection_is_closed_and_told_of() -> None:
    with Gateway(resources([dead_address(), dead_address()])) as gateway, opened(gateway) as stream:
        assert is_closed(stream)
        assert statuses(gateway, 1) == [502]


def test_an_endpoint_that_does_not_answer_the_call_is_given_up_in_time() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.settimeout(0)
            one.connect_ex(full.getsockname())
        url = f"tcp://127.0.0.1:{full.getsockname()[1]}"
        with Gateway(resources([url], upstream={"timeouts": {"connect": "300ms"}})) as gateway:
            with opened(gateway) as stream:
                assert is_closed(stream)
            assert statuses(gateway, 1) == [504]
        for one in waiting:
            one.close()


def test_a_connection_that_stands_still_is_closed_and_one_that_moves_is_not() -> None:
    with (
        RawOrigin(echo) as origin,
        Gateway(resources([tcp(origin)], idle="500ms")) as gateway,
        opened(gateway) as still,
        opened(gateway) as moving,
    ):
        still.settimeout(0.05)
        rounds = 0

        def has_ended() -> bool:
            nonlocal rounds
            rounds += 1
            assert said(moving, b"tick") == b"tick"
            try:
                return still.recv(1) == b""
            except TimeoutError:
                return False

        wait_until(has_ended)
        assert rounds >= 5
        assert said(moving, b"tock") == b"tock"


def test_connections_beyond_the_limit_are_closed_at_once() -> None:
    with carried_to(echo, limits={"connections": 2}) as (gateway, _):
        kept = [opened(gateway), opened(gateway)]
        assert [said(one, b"a") for one in kept] == [b"a", b"a"]
        with opened(gateway) as third:
            assert is_closed(third)
        kept.pop().close()

        def serves_again() -> bool:
            with opened(gateway) as fresh:
                try:
                    return said(fresh, b"b") == b"b"
                except ConnectionError:
                    return False

        wait_until(serves_again)
        assert said(kept[0], b"c") == b"c"
        kept[0].close()


def test_r36_an_endpoint_is_stopped_by_a_client_that_does_not_read() -> None:
    sent = [0]

    def flood(caller: Caller) -> None:
        caller.stream.settimeout(1)
        piece = b"x" * 65_536
        try:
            while sent[0] < 256 << 20:
                sent[0] += caller.stream.send(piece)
        except OSError:
            caller.ended.set()

    with carried_to(flood) as (gateway, origin), opened(gateway):
        wait_until(lambda: bool(origin.callers))
        assert origin.callers[0].ended.wait(60)
        assert sent[0] < 64 << 20, "what the kernel's buffers hold"


def test_connections_go_to_the_endpoint_with_the_fewest() -> None:
    with RawOrigin(echo) as one, RawOrigin(echo) as other:
        configuration = resources([tcp(one), tcp(other)], upstream={"balance": "least_requests"})
        with Gateway(configuration) as gateway:
            kept = []
            for _ in range(6):
                kept.append(opened(gateway))
                assert said(kept[-1], b"a") == b"a"
            assert (len(one.callers), len(other.callers)) == (3, 3)
            for stream in kept:
                stream.close()


def test_destinations_are_drawn_by_weight() -> None:
    with RawOrigin(echo) as one, RawOrigin(echo) as other, RawOrigin(echo) as none:
        configuration = resources([tcp(one)])
        configuration[2]["to"] = [
            {"upstream": "stores", "weight": 3},
            {"upstream": tcp(other), "weight": 1},
            {"upstream": tcp(none), "weight": 0},
        ]
        with Gateway(configuration) as gateway:
            for _ in range(80):
                with opened(gateway) as stream:
                    assert said(stream, b"a") == b"a"
        assert len(one.callers) + len(other.callers) == 80
        assert not none.callers
        assert len(one.callers) > len(other.callers) > 0


def test_a_listener_deciphers_and_an_endpoint_is_spoken_to_in_tls() -> None:
    certificate, key = pair("shop")
    with TlsOrigin() as origin:
        endpoint = origin.url.replace("https://", "tls://")
        configuration = resources([endpoint], tls={"certificates": ["shop"]}, upstream={"tls": {"insecure": True}})
        configuration.append({"kind": "Certificate", "name": "shop", "certificate": certificate, "key": key})
        with Gateway(configuration) as gateway, connect(port(gateway)) as stream:
            for path in ("/orders", "/invoices"):
                assert ask(stream, path, is_last=False).endswith(path.encode())


def test_an_endpoint_is_told_of_the_client_that_a_proxy_told_of() -> None:
    header = b"PROXY TCP4 192.0.2.7 198.51.100.9 4711 5432\r\n"
    with RawOrigin(echo) as origin:
        configuration = resources(
            [tcp(origin)],
            upstream={"proxy_protocol": "v1"},
            proxy_protocol="require",
            trusted_proxies=["127.0.0.1"],
        )
        with Gateway(configuration) as gateway, opened(gateway) as stream:
            stream.sendall(header + b"hello")
            assert said(stream, b"") == b""
            wait_until(lambda: origin.received == header + b"hello")


@pytest.mark.skipif(bool(needs("haproxy")), reason="haproxy is not installed")
@pytest.mark.parametrize("form", ["v1", "v2"])
def test_haproxy_is_told_of_the_client(form: str) -> None:
    body = 'http-request return status 200 content-type text/plain lf-string "%[src] %[src_port]"'
    with OtherProxy("haproxy", "accept-proxy", body) as proxy:
        configuration = resources([f"tcp://127.0.0.1:{proxy.port}"], upstream={"proxy_protocol": form})
        with (
            Gateway(configuration) as gateway,
            socket.create_connection(("127.0.0.1", port(gateway)), 15, source_address=("127.0.0.6", 0)) as stream,
        ):
            stream.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            assert f"127.0.0.6 {stream.getsockname()[1]}".encode() in everything(stream)


PROCESS = """
{{kind: Telemetry, name: log, access_log: {{path: {log}}}}}
---
{{kind: Listener, name: web, address: "127.0.0.1:0", protocols: [tcp]}}
---
{{kind: TcpRoute, name: all, to: "{to}", idle: {idle}}}
"""


def test_connections_outlive_a_change_and_are_logged_and_counted_when_they_end() -> None:
    with RawOrigin(echo) as one, RawOrigin(echo) as other:
        process = GatewayProcess("", workers=2)
        log = process.folder / "access.log"
        process.write(PROCESS.format(log=log, to=tcp(one), idle="20s"))
        with process:
            with socket.create_connection(("127.0.0.1", process.port()), 15) as kept:
                assert said(kept, b"hello") == b"hello"
                process.write(PROCESS.format(log=log, to=tcp(other), idle="21s"))

                def goes_elsewhere() -> bool:
                    with socket.create_connection(("127.0.0.1", process.port()), 15) as fresh:
                        said(fresh, b"x")
                    return bool(other.callers)

                wait_until(goes_elsewhere)
                assert said(kept, b"again") == b"again"
            wait_until(lambda: log.exists() and '"bytes_in":10' in log.read_text())
            line = next(json.loads(line) for line in log.read_text().splitlines() if '"bytes_in":10' in line)
            expected = {"listener": "web", "route": "all", "protocol": "TCP", "status": 200, "method": "", "path": ""}
            assert line | expected == line
            assert (line["bytes_out"], line["endpoint"]) == (10, tcp(one).removeprefix("tcp://"))
            assert line["reason"] == ""


def test_a_gateway_that_is_told_to_end_lets_connections_finish() -> None:
    with RawOrigin(echo) as origin:
        process = GatewayProcess("", workers=1)
        process.write(PROCESS.format(log="off", to=tcp(origin), idle="20s"))
        with process:
            with socket.create_connection(("127.0.0.1", process.port()), 15) as stream:
                assert said(stream, b"hello") == b"hello"
                process.signal(signal.SIGTERM)
                wait_until(lambda: process.status().get("phase") != "serving")
                assert said(stream, b"still there") == b"still there"
            assert process.wait(15) == 0


PROBLEMS: list[tuple[str, list[dict[str, Any]], list[str]]] = [
    ("fine", [], []),
    ("with http", [{"kind": "Listener", "name": "b", "address": "127.0.0.1:2", "protocols": ["tcp", "http1"]}], [
        "error listener/b protocols[0]: a listener that carries TCP carries nothing else",
    ]),
    ("http to tcp", [{"kind": "Route", "name": "r", "path": "/*", "to": "stores"}], [
        "error route/r to: the endpoints of `stores` do not speak HTTP",
    ]),
    ("http to tcp url", [{"kind": "Route", "name": "r", "path": "/*", "to": "tcp://127.0.0.1:1"}], [
        "error route/r to: tcp://127.0.0.1:1 speaks no HTTP",
    ]),
    ("route of http on tcp", [{"kind": "Route", "name": "r", "listeners": ["db"], "to": "http://127.0.0.1:1"}], [
        "error route/r listeners[0]: listener `db` carries TCP, and has no requests",
    ]),
    ("second route", [{"kind": "TcpRoute", "name": "b", "listeners": ["db"], "to": "tcp://127.0.0.1:1"}], [
        "error tcproute/b listeners[0]: listener `db` is served by the TcpRoute `all` already",
    ]),
    ("tcp to http", [
        {"kind": "Listener", "name": "b", "address": "127.0.0.1:2"},
        {"kind": "TcpRoute", "name": "c", "listeners": ["b"], "to": "http://127.0.0.1:1"},
    ], [
        "error tcproute/c to[0].upstream: http://127.0.0.1:1 does not speak TCP",
        "error tcproute/c listeners[0]: listener `b` carries no TCP",
    ]),
    ("mixed", [{"kind": "Upstream", "name": "u", "endpoints": ["tcp://a:1", "http://a:1"]}], [
        "error upstream/u endpoints[1].url: some endpoints speak TCP and some do not",
    ]),
    ("no port", [{"kind": "Upstream", "name": "u", "endpoints": ["tcp://a"]}], [
        "error upstream/u endpoints[0].url: a URL without a port; write one as in tcp://127.0.0.1:5432",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("more", "expected"), [case[1:] for case in PROBLEMS], ids=[case[0] for case in PROBLEMS])
def test_what_does_not_go_together_is_told(more: list[dict[str, Any]], expected: list[str]) -> None:
    loaded = load_data([*resources(["tcp://127.0.0.1:1"], idle="1m"), *more])
    compiled = compile_resources(loaded.resources, native_catalogue(), unusable=loaded.unusable)
    found = [*loaded.problems, *compiled.problems]
    assert [f"{one.severity} {one.resource} {one.path_text}: {one.message}" for one in found] == expected


def test_a_listener_without_a_route_and_a_route_without_a_listener_are_warned_of() -> None:
    listener, upstream, route = resources(["tcp://127.0.0.1:1"])
    for documents, expected in (
        ([listener], "no TcpRoute serves it: nothing that comes is carried on"),
        ([listener | {"protocols": ["http1"]}, upstream, route], "no listener carries TCP: the route serves nothing"),
    ):
        found = compile_resources(load_data(documents).resources, native_catalogue()).problems
        assert [(str(one.severity), one.message) for one in found] == [("warning", expected)]
