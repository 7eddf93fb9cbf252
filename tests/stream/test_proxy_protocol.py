"""The PROXY protocol: whom a header is believed from, what it changes, and what endpoints are told (E4)."""

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from penstock import Gateway
from penstock.compiler import compile_resources
from penstock.filters.native import native_catalogue
from penstock.model.loading import load_data
from tests.servers.http2_client import Http2Client
from tests.servers.other_proxies import OtherProxy, needs
from tests.servers.raw_origin import Caller, RawOrigin
from tests.servers.tls_client import connect, everything, pair, trusting

REQUEST = b"GET / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n"
SEEN = "{{ request.client_ip }} {{ request.headers['x-forwarded-for'] }} {{ request.headers['x-forwarded-port'] }}"
MARK = b"\r\n\r\n\0\r\nQUIT\n"
ADDRESSES = socket.inet_aton("192.0.2.7") + socket.inet_aton("198.51.100.9") + struct.pack("!HH", 4711, 443)
VERSION_1 = b"PROXY TCP4 192.0.2.7 198.51.100.9 4711 443\r\n"
VERSION_2 = MARK + b"\x21\x11" + struct.pack("!H", len(ADDRESSES) + 6) + ADDRESSES + b"\x05\0\x03abc"
LOCAL = MARK + b"\x20\0\0\0"


def listener(proxy_protocol: str, trusted: str = "127.0.0.1", **more: Any) -> dict[str, Any]:
    return {
        "kind": "Listener",
        "name": "web",
        "address": "127.0.0.1:0",
        "proxy_protocol": proxy_protocol,
        "trusted_proxies": [trusted],
        **more,
    }


def resources(proxy_protocol: str, trusted: str = "127.0.0.1", **more: Any) -> list[dict[str, Any]]:
    answer = {"kind": "Respond", "status": 200, "body": SEEN}
    return [
        listener(proxy_protocol, trusted, **more),
        {"kind": "Route", "name": "seen", "path": "/*", "steps": [answer]},
    ]


def port(gateway: Gateway) -> int:
    return int(gateway.url.rpartition(":")[2])


def said(gateway: Gateway, *pieces: bytes) -> bytes:
    """All that comes back; empty where the gateway closed or reset."""
    with socket.create_connection(("127.0.0.1", port(gateway)), 15) as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                stream.sendall(piece)
            return everything(stream)
        except ConnectionError:
            return b""


@pytest.fixture(scope="module")
def required() -> Iterator[Gateway]:
    with Gateway(resources("require")) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def accepted() -> Iterator[Gateway]:
    with Gateway(resources("accept")) as gateway:
        yield gateway


@pytest.mark.parametrize("kept", ["required", "accepted"])
@pytest.mark.parametrize("header", [VERSION_1, VERSION_2], ids=["v1", "v2"])
def test_e4_a_header_tells_who_the_client_is_however_it_comes(
    kept: str, header: bytes, request: pytest.FixtureRequest
) -> None:
    gateway = request.getfixturevalue(kept)
    every_byte = [bytes([byte]) for byte in header + REQUEST]
    for pieces in ([header + REQUEST], [header, REQUEST], [header[:20], header[20:] + REQUEST], every_byte):
        answer = said(gateway, *pieces)
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        assert answer.endswith(b"192.0.2.7 192.0.2.7 443"), answer


@pytest.mark.parametrize("header", [LOCAL, b"PROXY UNKNOWN\r\n"], ids=["local", "unknown"])
def test_e4_a_connection_of_the_proxy_itself_is_the_proxy_s(required: Gateway, header: bytes) -> None:
    answer = said(required, header + REQUEST)
    assert b"\r\n\r\n127.0.0.1 127.0.0.1 " in answer


def test_e4_what_a_proxied_client_says_of_others_is_not_believed(required: Gateway) -> None:
    request = REQUEST.replace(b"\r\n\r\n", b"\r\nx-forwarded-for: 203.0.113.1\r\n\r\n")
    assert said(required, VERSION_1 + request).endswith(b"192.0.2.7 192.0.2.7 443")


@pytest.mark.parametrize(
    "sent",
    [
        REQUEST,
        b"PROXY TCP4 192.0.2.7 198.51.100.9 4711\r\n" + REQUEST,
        b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n" + REQUEST,
        b"PROXY TCP4 192.0.2.7 198.51.100.9 4711 443\n" + REQUEST,
        MARK + b"\x21\x11" + struct.pack("!H", len(ADDRESSES) + 4) + ADDRESSES + b"\x05\0\x09a" + REQUEST,
        MARK + b"\x21\x11\xff\xff" + ADDRESSES + REQUEST,
        MARK + b"\x11\x11\0\x0c" + ADDRESSES + REQUEST,
        MARK + b"\x21\x12\0\x0c" + ADDRESSES + REQUEST,
    ],
    ids=["none", "v1 short", "v1 > 107 B", "v1 bare LF", "v2 TLV past the end", "v2 too long", "version 1", "datagram"],
)
def test_e4_what_is_not_a_header_is_closed_without_a_word(required: Gateway, sent: bytes) -> None:
    before = len(required.requests)
    assert said(required, sent) == b""
    assert [one.status for one in required.requests[before:]] == [499]


def test_e4_a_peer_that_sends_no_header_in_time_is_closed(required: Gateway) -> None:
    before = len(required.requests)
    for begun in (b"", b"PROXY TCP4 192.0"):
        assert said(required, begun) == b""
    assert [one.status for one in required.requests[before:]] == [499, 499]


@pytest.mark.parametrize("begun", [b"PROXY TCP4 192.0", MARK, b"P"])
def test_e4_a_peer_that_ends_in_the_middle_is_closed(required: Gateway, begun: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port(required)), 15) as stream:
        stream.sendall(begun)
        stream.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            assert everything(stream) == b""


def test_a_peer_that_only_looks_whether_somebody_is_there_is_no_news(required: Gateway) -> None:
    before = len(required.requests)
    socket.create_connection(("127.0.0.1", port(required)), 15).close()
    assert b"192.0.2.7" in said(required, VERSION_1 + REQUEST)
    assert [one.status for one in required.requests[before:]] == [200]


def test_without_a_header_that_is_only_accepted_a_connection_is_the_peer_s(accepted: Gateway) -> None:
    assert b"\r\n\r\n127.0.0.1 127.0.0.1 " in said(accepted, REQUEST)
    assert b"\r\n\r\n127.0.0.1 127.0.0.1 " in said(accepted, REQUEST.replace(b"GET", b"PUT"))


def test_a_header_from_a_stranger_is_no_header() -> None:
    """E4: an untrusted peer."""
    with Gateway(resources("accept", "192.0.2.0/24")) as gateway:
        assert said(gateway, VERSION_1 + REQUEST).startswith(b"HTTP/1.1 400 ")
        assert said(gateway, VERSION_2 + REQUEST).startswith(b"HTTP/1.1 400 ")
        assert b"\r\n\r\n127.0.0.1 " in said(gateway, REQUEST)
    with Gateway(resources("require", "192.0.2.0/24")) as gateway:
        for sent in (VERSION_1 + REQUEST, REQUEST):
            assert said(gateway, sent) == b""
        assert [one.status for one in gateway.requests] == [499, 499]


def test_a_handshake_follows_the_header() -> None:
    certificate, key = pair("shop")
    configuration = [
        {"kind": "Certificate", "name": "shop", "certificate": certificate, "key": key},
        *resources("require", tls={"certificates": ["shop"]}),
    ]
    with Gateway(configuration) as gateway:
        plain = socket.create_connection(("127.0.0.1", port(gateway)), 15)
        plain.sendall(VERSION_2)
        with trusting().wrap_socket(plain, server_hostname="shop.test") as stream:
            stream.sendall(REQUEST.replace(b"a.test", b"shop.test"))
            assert everything(stream).endswith(b"192.0.2.7 192.0.2.7 443")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            connect(port(gateway))


ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def first_line(caller: Caller) -> None:
    caller.until(b"\r\n\r\n")
    caller.send(ANSWER)
    caller.until(b"never")


def forwarding(url: str, form: str, proxy_protocol: str = "require", **more: Any) -> list[dict[str, Any]]:
    return [
        listener(proxy_protocol, **more),
        {"kind": "Upstream", "name": "orders", "endpoints": [url], "proxy_protocol": form},
        {"kind": "Route", "name": "all", "path": "/*", "to": "orders"},
    ]


def test_endpoints_are_told_of_the_client_that_the_gateway_was_told_of() -> None:
    for form, expected in (("v1", VERSION_1), ("v2", MARK + b"\x21\x11\0\x0c" + ADDRESSES)):
        with RawOrigin(first_line) as origin, Gateway(forwarding(origin.url, form)) as gateway:
            assert said(gateway, VERSION_1 + REQUEST).endswith(b"ok")
            assert origin.received.startswith(expected + b"GET / HTTP/1.1\r\n")


def test_endpoints_are_told_of_the_client_of_a_stream() -> None:
    configuration = forwarding("", "v1", protocols=["h2c"])
    with RawOrigin(first_line) as origin:
        configuration[1]["endpoints"] = [origin.url]
        with Gateway(configuration) as gateway:
            plain = socket.create_connection(("127.0.0.1", port(gateway)), 15)
            plain.sendall(VERSION_1)
            with Http2Client(port(gateway), over=plain) as client:
                assert client.get("/").status == 200
        assert origin.received.startswith(VERSION_1 + b"GET / HTTP/1.1\r\n")


def test_a_connection_that_was_made_for_one_client_serves_no_other() -> None:
    with RawOrigin(first_line) as origin, Gateway(forwarding(origin.url, "v1", "accept")) as gateway:
        for client in (b"192.0.2.1", b"192.0.2.2"):
            header = b"PROXY TCP4 " + client + b" 198.51.100.9 4711 443\r\n"
            assert said(gateway, header + REQUEST).endswith(b"ok")
        clients = [caller.received.split()[2] for caller in origin.callers]
        assert clients == [b"192.0.2.1", b"192.0.2.2"]


def from_another_address(target: int) -> tuple[bytes, int]:
    """What a client with an address of its own is answered, and its port."""
    with socket.create_connection(("127.0.0.1", target), 15, source_address=("127.0.0.5", 0)) as stream:
        stream.sendall(REQUEST)
        return everything(stream), int(stream.getsockname()[1])


@pytest.mark.skipif(bool(needs("haproxy")), reason="haproxy is not installed")
@pytest.mark.parametrize("form", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id"])
def test_haproxy_tells_the_gateway(form: str) -> None:
    with Gateway(resources("require")) as gateway:
        body = f"use_backend b\nbackend b\n  server s 127.0.0.1:{port(gateway)} {form}"
        with OtherProxy("haproxy", "", body, mode="tcp") as proxy:
            answer, _ = from_another_address(proxy.port)
            assert f"\r\n\r\n127.0.0.5 127.0.0.5 {proxy.port}".encode() in answer


@pytest.mark.parametrize("form", ["v1", "v2"])
@pytest.mark.parametrize(
    ("program", "bind", "body"),
    [
        (
            "haproxy",
            "accept-proxy",
            'http-request return status 200 content-type text/plain lf-string "%[src] %[src_port]"',
        ),
        ("nginx", "proxy_protocol", 'return 200 "$proxy_protocol_addr $proxy_protocol_port";'),
    ],
)
def test_other_proxies_understand_what_they_are_told(program: str, bind: str, body: str, form: str) -> None:
    if reason := needs(program):
        pytest.skip(reason)
    with (
        OtherProxy(program, bind, body) as proxy,
        Gateway(forwarding(f"http://127.0.0.1:{proxy.port}", form, "off")) as gateway,
    ):
        answer, own = from_another_address(port(gateway))
        assert f"127.0.0.5 {own}".encode() in answer, answer


def test_a_header_that_nobody_is_believed_is_a_problem() -> None:
    document = {**listener("accept"), "trusted_proxies": []}
    found = compile_resources(load_data([document]).resources, native_catalogue()).problems
    assert [one.path_text for one in found] == ["proxy_protocol"]
