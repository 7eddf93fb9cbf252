"""Endpoints that are asked for HTTP/2 or HTTP/1.1 and choose the latter, while many requests wait for the answer."""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from penstock import Gateway
from tests.http2.test_endpoints import TRUSTED, before, client_of, get
from tests.servers.http2_origin import Asked, Http2Origin
from tests.servers.silent_relay import SilentRelay
from tests.servers.tls_origin import TlsOrigin

CROWD = 40


class Declining(TlsOrigin):
    """Answers only once a whole crowd has asked, so that each request needs a connection of its own."""

    def __init__(self, *, says_so: bool) -> None:
        super().__init__()
        self.gathered = threading.Barrier(CROWD)
        if says_so:
            context: Any = self._server.socket
            context.context.set_alpn_protocols(["http/1.1"])

    def count(self, path: str) -> None:
        """Wait for the others."""
        super().count(path)
        self.gathered.wait(20)


def auto(url: str, **settings: Any) -> list[dict[str, Any]]:
    return before(url, protocol="auto", tls=TRUSTED, **settings)


def ask_all(gateway: Gateway, ask: Callable[[int], Any] | None = None) -> list[Any]:
    with ThreadPoolExecutor(CROWD) as pool:
        return list(pool.map(ask or (lambda number: get(gateway, f"/{number}")), range(CROWD)))


@pytest.mark.parametrize("says_so", [True, False], ids=["by its choice", "by making none"])
def test_a_crowd_that_finds_http1_has_a_connection_each_and_no_handshake_more(*, says_so: bool) -> None:
    expected = [(200, f"/{number}".encode()) for number in range(CROWD)]
    with Declining(says_so=says_so) as origin, Gateway(auto(origin.url)) as gateway:
        for _ in range(3):
            assert ask_all(gateway) == expected
        assert len(origin.names) == CROWD


def test_a_crowd_of_streams_finds_http1_too() -> None:
    with Declining(says_so=True) as origin, Gateway(auto(origin.url)) as gateway, client_of(gateway) as client:
        streams = [client.begin(f"/{number}") for number in range(CROWD)]
        assert [client.answer(stream).body for stream in streams] == [f"/{number}".encode() for number in range(CROWD)]
        assert len(origin.names) == CROWD


def test_a_crowd_outlives_a_first_handshake_that_fails() -> None:
    """One of them is told of it; the next one asks again, and all others share what that comes to."""
    with socket.create_server(("127.0.0.1", 0)) as breaking, Http2Origin(tls=True) as origin:
        address = breaking.getsockname()[1]
        relay = SilentRelay(origin.port)

        def pass_all_but_the_first() -> None:
            first, _ = breaking.accept()
            first.recv(1)
            first.close()
            relay.adopt(breaking)

        with relay, Gateway(auto(f"https://127.0.0.1:{address}")) as gateway:
            threading.Thread(target=pass_all_but_the_first, daemon=True).start()
            found = [status for status, _ in ask_all(gateway)]
            assert sorted(found) == [200] * (CROWD - 1) + [502]
            assert len(origin.callers) == 1


def test_an_endpoint_that_changes_its_mind_is_found_out() -> None:
    """What speaks HTTP/1.1 today may be replaced by what speaks HTTP/2, on the same port."""

    def script(asked: Asked) -> None:
        asked.answer(b"two")

    with TlsOrigin() as first, Http2Origin(script, tls=True) as second, SilentRelay(port_of(first)) as relay:
        settings = {"idle_connections": 0}
        with Gateway(auto(f"https://127.0.0.1:{relay.port}", **settings)) as gateway:
            assert get(gateway, "/one") == (200, b"/one")
            relay.to = second.port
            assert {get(gateway)[1] for _ in range(5)} == {b"two"}
            assert len(second.callers) <= 2


def port_of(origin: TlsOrigin) -> int:
    return int(origin.url.rpartition(":")[2])
