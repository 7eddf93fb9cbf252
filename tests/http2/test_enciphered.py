"""HTTP/2 over TLS, as agreed in the handshake."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from penstock import Gateway
from tests.servers.http2_client import Http2Client
from tests.servers.http2_websocket import Http2WebSocket
from tests.servers.tls_client import AUTHORITY, ask, connect, everything, pair, trusting
from tests.servers.websocket_origin import WebSocketOrigin
from tests.websocket.configurations import resources

PROTOCOL_ERROR = 1
SEEN = "{{ request.headers['x-forwarded-proto'] }} {{ request.host }}"


def listening(**settings: Any) -> list[dict[str, Any]]:
    texts = [(name, *pair(name)) for name in ("shop", "other")]
    certificates = [
        {"kind": "Certificate", "name": name, "certificate": certificate, "key": key}
        for name, certificate, key in texts
    ]
    tls = {"certificates": ["shop", "other"]}
    listener = {"kind": "Listener", "name": "web", "address": "127.0.0.1:0", "tls": tls, **settings}
    route = {"kind": "Route", "name": "seen", "path": "/*", "steps": [{"kind": "Respond", "status": 200, "body": SEEN}]}
    return [*certificates, listener, route]


@pytest.fixture(scope="module")
def web() -> Iterator[int]:
    with Gateway(listening()) as gateway:
        yield int(gateway.url.rpartition(":")[2])


@pytest.fixture(scope="module")
def alone() -> Iterator[int]:
    with Gateway(listening(protocols=["h2"])) as gateway:
        yield int(gateway.url.rpartition(":")[2])


def session(port: int, name: str = "shop.test") -> Http2Client:
    context = trusting()
    context.set_alpn_protocols(["h2"])
    return Http2Client(port, over=connect(port, name, context))


def test_a_client_that_offers_it_is_served_http2(web: int) -> None:
    with session(web) as client:
        streams = [client.begin(host="shop.test") for _ in range(20)]
        assert [client.answer(stream).body for stream in streams] == [b"https shop.test"] * 20


def test_websocket_passes_within_a_stream_of_it() -> None:
    certificate, key = pair("shop")
    with WebSocketOrigin() as origin:
        listener, *others = resources(origin.url)
        listener["tls"] = {"certificates": ["shop"]}
        shop = {"kind": "Certificate", "name": "shop", "certificate": certificate, "key": key}
        with Gateway([shop, listener, *others]) as gateway:
            client = session(int(gateway.url.rpartition(":")[2]))
            opened = Http2WebSocket(client)
            opened.send("x" * 100_000)
            assert opened.message() == b"x" * 100_000
            opened.close()
            assert opened.close_code == 1000
            client.socket.close()


def test_b20_a_request_for_the_host_of_another_certificate_is_misdirected(web: int) -> None:
    with session(web) as client:
        hosts = ["shop.test", "other.test", "a.shop.test"]
        assert [client.answer(client.begin(host=host)).status for host in hosts] == [200, 421, 200]


def test_curl_is_served_http2_without_being_told(web: int) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    command = ["curl", "-sS", "-m", "10", "--cacert", str(AUTHORITY), "-w", " %{http_version}"]
    target = ["--connect-to", f"::127.0.0.1:{web}", "https://shop.test/"]
    found = subprocess.run([*command, *target], capture_output=True, text=True, check=True)
    assert found.stdout == "https shop.test 2"


def test_without_http1_nobody_is_served_it(alone: int) -> None:
    context = trusting()
    context.set_alpn_protocols(["http/1.1"])
    with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
        connect(alone, context=context)
    with connect(alone) as silent:
        silent.sendall(b"GET / HTTP/1.1\r\nhost: shop.test\r\n\r\n")
        said = everything(silent)
    assert b"HTTP/1.1" not in said
    goes_away = said.index(b"\x07\x00\x00\x00\x00\x00")
    assert said[goes_away + 10 : goes_away + 14] == PROTOCOL_ERROR.to_bytes(4, "big")


def test_without_http1_it_needs_no_agreement(alone: int) -> None:
    with session(alone) as agreed, Http2Client(alone, over=connect(alone)) as silent:
        for client in (agreed, silent):
            assert client.answer(client.begin(host="shop.test")).body == b"https shop.test"


def test_with_http1_whoever_offers_nothing_is_served_that(web: int) -> None:
    with connect(web) as silent:
        assert ask(silent).startswith(b"HTTP/1.1 200")
