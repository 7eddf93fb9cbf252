"""Connections that are carried by the host that their clients ask for in handshakes, which are never answered here."""

import json
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock import Gateway
from penstock.cli.main import main
from penstock.compiler import compile_resources
from penstock.filters.native import native_catalogue
from penstock.model.loading import load_data
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.raw_origin import Caller, RawOrigin
from tests.servers.tls_client import ask, connect, everything, shown, trusting
from tests.servers.tls_origin import TlsOrigin

UNRECOGNIZED_NAME = b"\x15\x03\x03\x00\x02\x02\x70"
DECODE_ERROR = b"\x15\x03\x03\x00\x02\x02\x32"
INTERNAL_ERROR = b"\x15\x03\x03\x00\x02\x02\x50"


def tcp(url: str) -> str:
    return url.replace("https://", "tcp://").replace("http://", "tcp://")


def edge(**more: Any) -> dict[str, Any]:
    return {"kind": "Listener", "name": "edge", "address": "127.0.0.1:0", "protocols": ["tls"], **more}


def route(name: str, to: Any, *hosts: str, **more: Any) -> dict[str, Any]:
    named = {"hosts": list(hosts)} if hosts else {}
    return {"kind": "TlsRoute", "name": name, "to": to, "idle": "20s", **named, **more}


def port(gateway: Gateway) -> int:
    assert gateway.url.startswith("tls://")
    return int(gateway.url.rpartition(":")[2])


def hello(name: str | None = "shop.test") -> bytes:
    """The first flight of a client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting().wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


@pytest.fixture(scope="module")
def passing() -> Iterator[Gateway]:
    with TlsOrigin("shop") as shop, TlsOrigin("other") as other, RawOrigin(echo) as rest:
        configuration = [
            edge(limits={"header_time": "300ms"}),
            route("shop", tcp(shop.url), "shop.test", "*.shop.test"),
            route("other", [{"upstream": tcp(other.url)}], "*.test", "deep.shop.test"),
            route("gone", "unix:/nowhere", "gone.example"),
            route("rest", tcp(rest.url), "*.echo.example", "echo.example"),
        ]
        with Gateway(configuration) as gateway:
            yield gateway


def echo(caller: Caller) -> None:
    while caller.read():
        caller.send(caller.unread)
        caller.unread = b""


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shop.test", "shop.test"),
        ("SHOP.test", "shop.test"),
        ("a.b.shop.test", "shop.test"),
        ("deep.shop.test", "other.test"),
        ("x.deep.shop.test", "shop.test"),
        ("other.test", "other.test"),
    ],
)
def test_a_connection_reaches_the_endpoint_of_the_host_that_it_asks_for(
    passing: Gateway, name: str, expected: str, version: ssl.TLSVersion
) -> None:
    context = trusting()
    context.minimum_version = context.maximum_version = version
    with connect(port(passing), name, context) as stream:
        assert shown(stream) == expected
        assert ask(stream, "/orders/7", name).endswith(b"/orders/7")


@pytest.mark.parametrize("name", ["nobody.example", "test", None])
def test_l8_a_host_without_a_route_is_told_that_it_is_not_known(passing: Gateway, name: str | None) -> None:
    with socket.create_connection(("127.0.0.1", port(passing)), 10) as stream:
        stream.sendall(hello(name))
        assert everything(stream) == UNRECOGNIZED_NAME
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        connect(port(passing), name)


@pytest.mark.parametrize("size", [1, 7, 100, 5000])
def test_bytes_are_carried_unaltered_however_they_come(passing: Gateway, size: int) -> None:
    flight = hello("echo.example") + b"\x17\x03\x03\x00\x05early"
    with socket.create_connection(("127.0.0.1", port(passing)), 10) as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(flight), size):
            stream.sendall(flight[at : at + size])
        stream.shutdown(socket.SHUT_WR)
        assert everything(stream) == flight


def test_g10_a_message_in_records_of_one_byte_is_understood_and_carried(passing: Gateway) -> None:
    flight = b"".join(b"\x16\x03\x01\x00\x01" + bytes([byte]) for byte in hello("a.echo.example")[5:])
    with socket.create_connection(("127.0.0.1", port(passing)), 10) as stream:
        stream.sendall(flight)
        stream.shutdown(socket.SHUT_WR)
        assert everything(stream) == flight


@pytest.mark.parametrize(
    "opening",
    [
        b"\x00" * 20,
        b"SSH-2.0-client\r\n",
        b"\x80\x2e\x01\x03\x01\x00\x15",
        b"\x15\x03\x01\x00\x02\x01\x00",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\x00\x05hello",
        b"\x16\x03\x01\x40\x00" + b"\x01\x00\x40\x01" + b"\x00" * (0x4000 - 4),
        b"\x16\x03\x01\x01\x00" + (b"\x01\x00\x3f\xff" + b"\x00" * 252) * 64,
    ],
    ids=["nothing", "ssh", "sslv2", "alert", "empty", "other", "long", "endless"],
)
def test_a45_what_begins_no_handshake_is_told_so_and_reaches_nobody(passing: Gateway, opening: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port(passing)), 10) as stream:
        stream.sendall(opening)
        assert everything(stream) == DECODE_ERROR


def test_a45_clear_text_is_answered_in_clear_text(passing: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", port(passing)), 10) as stream:
        stream.sendall(b"GET / HTTP/1.1\r\nhost: shop.test\r\n\r\n")
        answer = everything(stream)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"write https:// instead of http://" in answer


def test_g10_a_message_that_never_ends_is_given_up_after_the_header_time(passing: Gateway) -> None:
    for opening in (b"", b"\x16", hello()[:-1]):
        with socket.create_connection(("127.0.0.1", port(passing)), 10) as stream:
            stream.sendall(opening)
            assert everything(stream) == b""


def test_a_connection_that_no_endpoint_can_be_had_for_is_told_so(passing: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", port(passing)), 10) as stream:
        stream.sendall(hello("gone.example"))
        assert everything(stream) == INTERNAL_ERROR


def test_a_route_without_hosts_carries_what_no_other_does() -> None:
    with TlsOrigin("shop") as shop, TlsOrigin("other") as other:
        configuration = [edge(), route("rest", tcp(shop.url)), route("other", tcp(other.url), "other.test")]
        with Gateway(configuration) as gateway:
            for name, expected in (("other.test", "other.test"), ("shop.test", "shop.test"), (None, "shop.test")):
                with connect(port(gateway), name) as stream:
                    assert shown(stream) == expected


def test_endpoints_are_told_of_the_client() -> None:
    addresses = socket.inet_aton("192.0.2.7") + socket.inet_aton("198.51.100.9") + struct.pack("!HH", 4711, 443)
    version_2 = b"\r\n\r\n\0\r\nQUIT\n" + b"\x21\x11" + struct.pack("!H", len(addresses)) + addresses
    with RawOrigin(echo) as origin:
        upstream = {"kind": "Upstream", "name": "rest", "endpoints": [tcp(origin.url)], "proxy_protocol": "v1"}
        listener = edge(proxy_protocol="require", trusted_proxies=["127.0.0.1"])
        with (
            Gateway([listener, upstream, route("rest", "rest")]) as gateway,
            socket.create_connection(("127.0.0.1", port(gateway)), 10) as stream,
        ):
            flight = hello()
            stream.sendall(version_2 + flight)
            stream.shutdown(socket.SHUT_WR)
            expected = b"PROXY TCP4 192.0.2.7 198.51.100.9 4711 443\r\n" + flight
            assert everything(stream) == expected


PROCESS = """
{{kind: Telemetry, name: log, access_log: {{path: {folder}/access.log}}}}
---
{{kind: Listener, name: web, address: "127.0.0.1:0", protocols: [tls]}}
---
{{kind: TlsRoute, name: all, hosts: [shop.test], to: "{to}", idle: {idle}}}
"""


def test_connections_outlive_a_change_and_are_logged_and_counted() -> None:
    with TlsOrigin() as one, TlsOrigin() as other:
        process = GatewayProcess("", workers=1)
        process.write(PROCESS.format(folder=process.folder, to=tcp(one.url), idle="20s"))
        with process:
            with connect(process.port()) as kept:
                process.write(PROCESS.format(folder=process.folder, to=tcp(other.url), idle="21s"))

                def goes_elsewhere() -> bool:
                    connect(process.port()).close()
                    return bool(other.names)

                wait_until(goes_elsewhere)
                assert ask(kept).startswith(b"HTTP/1.1 200 ")
            with pytest.raises(ssl.SSLError):
                connect(process.port(), "unknown.test")
            log = process.folder / "access.log"
            wait_until(lambda: log.exists() and "tls_unknown_name" in log.read_text())
            lines = [json.loads(line) for line in log.read_text().splitlines()]
            carried = {"listener": "web", "route": "all", "protocol": "TLS", "status": 200, "host": "shop.test"}
            line = next(line for line in lines if line["endpoint"] == tcp(one.url).removeprefix("tcp://"))
            assert line | carried | {"tls_name": "shop.test", "tls_version": ""} == line
            refused = next(line for line in lines if line["reason"] == "tls_unknown_name")
            assert (refused["host"], refused["status"], refused["endpoint"]) == ("unknown.test", 499, "")
            text = str(process.ask("GET", "/metrics")[1])
            assert 'penstock_failures_total{reason="tls_unknown_name",blame="client"} 1' in text


@pytest.mark.parametrize(
    ("url", "options", "lines"),
    [
        (
            "tls://a.shop.test:443",
            [],
            ["host      a.shop.test", "shop   chosen", "route     shop carries its bytes as they are"],
        ),
        (
            "tls://10.0.0.1:443",
            ["--tls-name", "x.test"],
            ["host      x.test", "shop   rejected  host: expected shop.test, *.shop.test, found x.test"],
        ),
        ("tls://10.0.0.1:443", [], ["closed    no route carries it"]),
    ],
)
def test_explain_tells_which_route_carries_it(
    url: str, options: list[str], lines: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "gateway.yaml"
    first = edge() | {"address": "127.0.0.1:443"}
    routes = [
        route("shop", "tcp://10.0.0.1:443", "shop.test", "*.shop.test"),
        route("other", "tcp://b:1", "other.test"),
    ]
    file.write_text("\n---\n".join(json.dumps(one) for one in [first, *routes]))
    code = main(["explain", "-c", str(file), "CONNECT", url, *options])
    told = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line not in told] == [], told
    assert code == (0 if lines[-1].startswith("route") else 1)


TWICE = "the client's own TLS is carried, and would be enciphered once more"
ADDRESS = "nobody asks for an address in a handshake; leave `hosts` out for all that comes"
PROBLEMS: list[tuple[str, list[dict[str, Any]], list[str]]] = [
    ("fine", [route("b", "tcp://10.0.0.1:1", "b.test"), route("c", "tcp://10.0.0.1:1")], []),
    ("with http", [{"kind": "Listener", "name": "b", "address": "127.0.0.1:2", "protocols": ["tls", "http1"]}], [
        "error listener/b protocols[0]: a listener that carries TLS carries nothing else",
    ]),
    ("answered", [
        edge(name="b", address="127.0.0.1:2", tls={"certificates": ["shop"]}),
    ], [
        "error listener/b tls: handshakes are for the endpoints to answer where `tls` is carried",
        "error listener/b tls.certificates[0]: no certificate is called `shop`",
    ]),
    ("enciphered twice", [route("b", "tls://10.0.0.1:1", "b.test")], [
        f"error tlsroute/b to[0].upstream: {TWICE}",
    ]),
    ("enciphered twice by an upstream", [
        {"kind": "Upstream", "name": "u", "endpoints": ["tls://10.0.0.1:1"]}, route("b", "u", "b.test")
    ], [f"error tlsroute/b to[0].upstream: {TWICE}"]),
    ("http", [route("b", "http://10.0.0.1:1", "b.test")], [
        "error tlsroute/b to[0].upstream: http://10.0.0.1:1 does not speak TCP",
    ]),
    ("host twice", [route("b", "tcp://10.0.0.1:1", "b.test", "B.test")], [
        "error tlsroute/b hosts[1]: host b.test is there twice",
    ]),
    ("host of another", [route("b", "tcp://10.0.0.1:1", "c.test", "*.a.test")], [
        "error tlsroute/b hosts[1]: host *.a.test of listener `edge` is served by the TlsRoute `a` already",
    ]),
    ("two for all", [route("b", "tcp://10.0.0.1:1"), route("c", "tcp://10.0.0.1:1")], [
        "error tlsroute/c : listener `edge` is served by the TlsRoute `b` already",
    ]),
    ("on tcp", [
        {"kind": "Listener", "name": "b", "address": "127.0.0.1:2", "protocols": ["tcp"]},
        {"kind": "TcpRoute", "name": "b", "to": "tcp://10.0.0.1:1"},
        route("c", "tcp://10.0.0.1:1", listeners=["b"]),
    ], ["error tlsroute/c listeners[0]: listener `b` carries no TLS"]),
    ("address", [route("b", "tcp://10.0.0.1:1", "10.0.0.1")], [
        f"error tlsroute/b hosts[0]: 10.0.0.1: {ADDRESS}",
    ]),
    ("port", [route("b", "tcp://10.0.0.1:1", "b.test:443")], [
        "error tlsroute/b hosts[0]: not a host: 'b.test:443'; write it without a port",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("more", "expected"), [case[1:] for case in PROBLEMS], ids=[case[0] for case in PROBLEMS])
def test_what_does_not_go_together_is_told(more: list[dict[str, Any]], expected: list[str]) -> None:
    first = [edge(), route("a", "tcp://10.0.0.1:1", "*.a.test", "a.test")]
    loaded = load_data([*first, *more])
    compiled = compile_resources(loaded.resources, native_catalogue(), unusable=loaded.unusable)
    found = [*loaded.problems, *compiled.problems]
    assert [f"{one.severity} {one.resource} {one.path_text}: {one.message}" for one in found] == expected


def test_a_listener_without_a_route_and_a_route_without_a_listener_are_warned_of() -> None:
    for documents, expected in (
        ([edge()], "no TlsRoute serves it: nothing that comes is carried on"),
        (
            [edge() | {"protocols": ["http1"]}, route("a", "tcp://a:1")],
            "no listener carries TLS: the route serves nothing",
        ),
    ):
        found = compile_resources(load_data(documents).resources, native_catalogue()).problems
        assert [(str(one.severity), one.message) for one in found] == [("warning", expected)]
