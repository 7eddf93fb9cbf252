"""Which requests open a WebSocket connection (L4), and from which pages they may come."""

from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from penstock import Gateway
from tests.servers.raw_origin import Caller, RawOrigin
from tests.servers.websocket_client import KEY, RawWebSocket, handshake, open_websocket
from tests.servers.websocket_origin import WebSocketOrigin
from tests.websocket.configurations import port, resources

SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
SMUGGLED = b"GET /admin HTTP/1.1\r\nhost: a.test\r\n\r\n"

UNSOUND: dict[str, dict[str, Any]] = {
    "another version": {"sec_websocket_version": "777"},
    "no version": {"sec_websocket_version": None},
    "two versions": {"sec_websocket_version": "13\r\nsec-websocket-version: 13"},
    "no key": {"sec_websocket_key": None},
    "a short key": {"sec_websocket_key": "c2hvcnQ="},
    "a key that is no Base64": {"sec_websocket_key": "dGhlIHNhbXBsZSBub25jZ-=="},
    "two keys": {"sec_websocket_key": f"{KEY}\r\nsec-websocket-key: {KEY}"},
    "a method that is not GET": {"method": "POST"},
}


@pytest.mark.parametrize("case", UNSOUND)
def test_l4_an_unsound_handshake_opens_no_tunnel_even_if_the_endpoint_would(case: str) -> None:
    def credulous(caller: Caller) -> None:
        while caller.until(b"\r\n\r\n"):
            caller.send(SWITCHED)

    with RawOrigin(credulous) as origin, Gateway(resources(origin.url)) as gateway:
        with RawWebSocket(port(gateway), handshake(**UNSOUND[case])) as client:
            assert client.status == 502
        assert b"upgrade:" not in origin.received.lower()
        with RawWebSocket(port(gateway), handshake()) as client:
            assert client.status == 101


def test_l4_what_follows_a_handshake_that_the_endpoint_refuses_is_a_request() -> None:
    refusal = b"HTTP/1.1 426 Upgrade Required\r\nsec-websocket-version: 8\r\ncontent-length: 0\r\n\r\n"
    with RawOrigin.answering(refusal) as origin:
        configuration = resources(origin.url)
        step = {"kind": "Respond", "status": 403}
        configuration.append({"kind": "Route", "name": "admin", "path": "/admin", "steps": [step]})
        with Gateway(configuration) as gateway, RawWebSocket(port(gateway), handshake() + SMUGGLED) as client:
            assert client.status == 426
            assert client.take(12) == b"HTTP/1.1 403"
        assert b"/admin" not in origin.received


@pytest.mark.parametrize(
    ("origins", "origin", "is_taken"),
    [
        (["https://shop.test"], "https://shop.test", True),
        (["https://shop.test"], "https://evil.test", False),
        (["https://shop.test"], "https://shop.test.evil.test", False),
        (["https://shop.test"], "null", False),
        (["https://shop.test"], None, False),
        (["https://shop.test", "none"], None, True),
        (["https://*.shop.test"], "https://a.shop.test", True),
    ],
)
def test_l5_a_page_of_a_stranger_opens_no_connection(origins: list[str], origin: str | None, *, is_taken: bool) -> None:
    with WebSocketOrigin() as endpoint, Gateway(resources(endpoint.url, origins=origins)) as gateway:
        if is_taken:
            with open_websocket(port(gateway), origin=origin) as client:
                client.send("hello")
                assert client.recv(15) == "hello"
        else:
            with pytest.raises(InvalidStatus) as refused, open_websocket(port(gateway), origin=origin):
                pass
            assert refused.value.response.status_code == 403
            assert endpoint.ends == []
