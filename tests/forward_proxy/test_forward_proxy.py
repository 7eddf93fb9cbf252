"""The gateway as a proxy of clients that name it as theirs."""

import http.client
import shutil
import socket
import struct
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from penstock import Gateway
from tests.servers.echo_origin import echo
from tests.servers.gateway_process import wait_until
from tests.servers.http2_client import Fields, Http2Client
from tests.servers.http2_websocket import ask
from tests.servers.origin import Origin
from tests.servers.raw_origin import Caller, RawOrigin
from tests.servers.tls_client import AUTHORITY, pair, trusting
from tests.servers.tls_origin import TlsOrigin

REACHING = ["localhost:1-65535", "127.0.0.0/8:1-65535", "[::1]:1-65535"]
CONNECT_ERROR, PROTOCOL_ERROR = 10, 1


def proxy(*, tls: bool = False, **settings: Any) -> list[dict[str, Any]]:
    """A listener of which clients may ask for anything that the step lets through."""
    listener: dict[str, Any] = {"kind": "Listener", "name": "proxy", "address": "127.0.0.1:0"}
    step = {"kind": "ForwardProxy", **settings}
    route = {"kind": "Route", "name": "everything", "path": "/*", "steps": [step]}
    if not tls:
        return [listener | {"protocols": ["http1", "h2c"]}, route]
    certificate, key = pair("shop")
    shop = {"kind": "Certificate", "name": "shop", "certificate": certificate, "key": key}
    return [shop, listener | {"tls": {"certificates": ["shop"]}}, route]


def number(url: str) -> int:
    return int(url.rpartition(":")[2])


@pytest.fixture(scope="module")
def reaching() -> Iterator[int]:
    with Gateway(proxy(allow=REACHING)) as gateway:
        yield number(gateway.url)


def head(authority: str) -> Fields:
    return [(":method", "CONNECT"), (":authority", authority)]


def curl(*options: str) -> str:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    command = ["curl", "-sS", "-m", "10", "--noproxy", "", "-w", " %{http_connect} %{http_code}", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_a_usual_client_asks_for_whole_urls(reaching: int) -> None:
    with Origin() as origin:
        proxies = urllib.request.ProxyHandler({"http": f"http://127.0.0.1:{reaching}"})
        opener = urllib.request.build_opener(proxies)
        for path in ("/one", "/two"):
            with opener.open(f"http://localhost:{number(origin.url)}{path}", timeout=10) as answer:
                assert answer.read() == path.encode()
        assert {"/one": 1, "/two": 1}.items() <= origin.counts.items()


def test_a_usual_client_speaks_tls_through_a_tunnel(reaching: int) -> None:
    with TlsOrigin() as origin:
        connection = http.client.HTTPSConnection("127.0.0.1", reaching, timeout=10, context=trusting())
        connection.set_tunnel("localhost", number(origin.url))
        connection.request("GET", "/secret")
        assert connection.getresponse().read() == b"/secret"
        connection.close()
    assert origin.names == ["localhost"]


@pytest.mark.parametrize("options", [[], ["--proxytunnel"]], ids=["url", "tunnel"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_curl_is_served(reaching: int, options: list[str], host: str) -> None:
    with Origin() as origin:
        target = f"http://{host}:{number(origin.url)}/path"
        found = curl("-x", f"http://127.0.0.1:{reaching}", *options, target)
    assert found == f"/path {'200' if options else '000'} 200"


def test_the_client_may_speak_tls_with_the_proxy() -> None:
    with Origin() as origin, Gateway(proxy(tls=True, allow=REACHING)) as gateway:
        through = ["-x", f"https://shop.test:{number(gateway.url)}", "--proxy-cacert", str(AUTHORITY)]
        resolved = ["--resolve", f"shop.test:{number(gateway.url)}:127.0.0.1"]
        assert curl(*through, *resolved, "--proxytunnel", f"{origin.url}/path") == "/path 200 200"


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({}, "localhost"),
        ({"allow": ["*:1-65535"]}, "localhost"),
        ({"allow": ["localhost:1-65535"]}, "localhost"),
        ({"allow": ["*:1-65535"]}, "127.0.0.1"),
        ({"allow": ["*:1-65535"]}, "0x7f.1"),
        ({"allow": ["*:1-65535"]}, "2130706433"),
        ({"allow": ["*:1-65535"]}, "[::ffff:127.0.0.1]"),
        ({"allow": ["*:1-65535"]}, "169.254.169.254"),
        ({"allow": REACHING, "deny": ["127.0.0.1"]}, "127.0.0.1"),
        ({"allow": REACHING, "deny": ["localhost"]}, "localhost"),
    ],
)
def test_d13_what_is_not_allowed_is_refused_however_it_is_called(settings: dict[str, Any], host: str) -> None:
    with Origin() as origin, Gateway(proxy(**settings)) as gateway:
        authority = f"{host}:{number(origin.url)}"
        for first in (f"CONNECT {authority}", f"GET http://{authority}/"):
            with socket.create_connection(("127.0.0.1", number(gateway.url)), 15) as client:
                client.sendall(f"{first} HTTP/1.1\r\nhost: {authority}\r\n\r\n".encode())
                assert b" 403 " in client.recv(65536).split(b"\r\n")[0]
        with Http2Client(number(gateway.url)) as client:
            found = client.answer(ask(client, head(authority)))
            assert (found.status, b"destination_refused" in found.body) == (403, True)
        assert origin.counts == {}


def test_a_tunnel_is_opened_within_a_stream_of_http2(reaching: int) -> None:
    with RawOrigin(echo) as origin, Http2Client(reaching) as client:
        authority = origin.url.removeprefix("http://")
        streams = [ask(client, head(authority)) for _ in range(5)]
        assert [client.answers[stream].status for stream in streams] == [200] * 5
        assert not {"content-length", "transfer-encoding"} & set(client.answers[streams[0]].fields)
        for stream in streams:
            client.send_body(stream, bytes(200_000))
        found = [client.answer(stream) for stream in streams]
        assert [(len(one.body), one.is_whole, one.reset) for one in found] == [(200_000, True, None)] * 5


def test_a_reset_of_either_side_is_a_reset_of_the_other(reaching: int) -> None:
    def rude(caller: Caller) -> None:
        if caller.until(b"now"):
            caller.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with RawOrigin(rude) as origin, Http2Client(reaching) as client:
        authority = origin.url.removeprefix("http://")
        given_up = ask(client, head(authority))
        client.reset(given_up)
        wait_until(lambda: len(origin.callers) == 1 and origin.callers[0].ended.is_set())
        stream = ask(client, head(authority))
        client.send_body(stream, b"now", ends=False)
        assert client.answer(stream).reset == CONNECT_ERROR


def test_what_http2_asks_badly_is_malformed_and_what_is_no_clear_text_refused(reaching: int) -> None:
    with Http2Client(reaching) as client:
        for fields in ([(":path", "/")], [(":scheme", "http")], [(":path", "/"), (":scheme", "http")]):
            assert client.answer(ask(client, [*head("a.test:1"), *fields])).reset == PROTOCOL_ERROR
        assert client.answer(ask(client, [(":method", "CONNECT")])).reset == PROTOCOL_ERROR
        assert client.answer(ask(client, head("a.test"))).status == 400
        secret = [(":method", "GET"), (":scheme", "https"), (":authority", "a.test"), (":path", "/")]
        assert b"not_clear_text" in client.answer(ask(client, secret)).body


def test_a_whole_url_is_asked_for_over_http2(reaching: int) -> None:
    with Origin() as origin, Http2Client(reaching) as client:
        found = client.answer(client.begin("/path", host=origin.url.removeprefix("http://")))
        assert (found.status, found.body) == (200, b"/path")


def test_connect_stays_refused_without_the_step() -> None:
    with Origin() as origin:
        listener = {"kind": "Listener", "name": "web", "address": "127.0.0.1:0", "protocols": ["http1", "h2c"]}
        route = {"kind": "Route", "name": "all", "path": "/*", "to": origin.url}
        with Gateway([listener, route]) as gateway, Http2Client(number(gateway.url)) as client:
            assert client.answer(ask(client, head(origin.url.removeprefix("http://")))).status == 501
        assert origin.counts == {}


def test_a_drain_ends_tunnels_with_the_grace() -> None:
    with RawOrigin(echo) as origin:
        with Gateway(proxy(allow=REACHING)) as gateway:
            client = socket.create_connection(("127.0.0.1", number(gateway.url)), 15)
            authority = origin.url.removeprefix("http://")
            client.sendall(f"CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n\r\nhello".encode())
            found = b""
            while not found.endswith(b"hello"):
                piece = client.recv(65536)
                assert piece, found
                found += piece
        with client:
            assert client.recv(1) == b""
