"""HTTP/2 over TLS, as agreed in the handshake."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from penstock import Gateway
from tests.servers.http2_client import Http2Client
from tests.servers.http2_websocket import Http2WebSocket
from tests.servers.tls_client import AUTHORITY, connect, pair, trusting
from tests.servers.websocket_origin import WebSocketOrigin
from tests.websocket.configurations import resources

SEEN = "{{ request.headers['x-forwarded-proto'] }} {{ request.host }}"


@pytest.fixture(scope="module")
def web() -> Iterator[int]:
    texts = [(name, *pair(name)) for name in ("shop", "other")]
    certificates = [
        {"kind": "Certificate", "name": name, "certificate": certificate, "key": key}
        for name, certificate, key in texts
    ]
    listener = {"kind": "Listener", "name": "web", "address": "127.0.0.1:0", "tls": {"certificates": ["shop", "other"]}}
    route = {"kind": "Route", "name": "seen", "path": "/*", "steps": [{"kind": "Respond", "status": 200, "body": SEEN}]}
    with Gateway([*certificates, listener, route]) as gateway:
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
