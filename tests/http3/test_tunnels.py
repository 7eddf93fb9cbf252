"""Tunnels within streams of HTTP/3: WebSocket (RFC 9220), and CONNECT to where the client says."""

import socket
import struct

from tests.http3.configurations import speaking
from tests.servers.echo_origin import echo
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.http3_client import Http3Client
from tests.servers.raw_origin import Caller, RawOrigin
from tests.servers.websocket_client import frame
from tests.servers.websocket_origin import WebSocketOrigin

TEXT, CLOSE = 0x81, 0x88
REQUEST_CANCELLED, CONNECT_ERROR = 0x10C, 0x10F
BYE = b"\x03\xe8"
ENABLE_CONNECT_PROTOCOL = 8
WEBSOCKET = [
    (":method", "CONNECT"),
    (":protocol", "websocket"),
    (":scheme", "https"),
    (":authority", "shop.test"),
    (":path", "/"),
    ("sec-websocket-version", "13"),
]
PROXY = """
---
kind: Route
name: proxied
path: /*
methods: [CONNECT]
steps: [{kind: ForwardProxy, allow: ["127.0.0.1:1-65535"]}]
"""


def ask(client: Http3Client, head: list[tuple[str, str]]) -> int:
    stream = client.quic.get_next_available_stream_id()
    client.send_head(stream, head, ends=False)
    answer = client.answers[stream]
    client.until(lambda: bool(answer.status) or answer.reset is not None)
    return stream


def connect(client: Http3Client, origin: RawOrigin) -> int:
    return ask(client, [(":method", "CONNECT"), (":authority", origin.url.removeprefix("http://"))])


def test_websocket_passes_within_a_stream() -> None:
    with (
        WebSocketOrigin() as origin,
        GatewayProcess(speaking(origin.url), workers=1) as gateway,
        Http3Client(gateway.port()) as client,
    ):
        assert client.http
        client.until(lambda: bool(client.http and client.http.received_settings))
        assert (client.http.received_settings or {}).get(ENABLE_CONNECT_PROTOCOL) == 1
        streams = [ask(client, WEBSOCKET) for _ in range(5)]
        assert [client.answers[stream].status for stream in streams] == [200] * 5
        message = b"x" * 200_000
        for stream in streams:
            client.send_body(stream, frame(TEXT, message), ends=False)
        for stream in streams:
            answer = client.answers[stream]
            client.until(lambda answer=answer: answer.body.count(b"x") == len(message))  # type: ignore[misc]
            client.send_body(stream, frame(CLOSE, BYE))
        found = [client.answer(stream) for stream in streams]
        assert [one.body.endswith(frame(CLOSE, BYE, masked=False)) for one in found] == [True] * 5
        assert [(one.reset, one.is_whole) for one in found] == [(None, True)] * 5
        wait_until(lambda: origin.ends == [1000] * 5)


def test_connect_opens_a_tunnel_and_its_ends_and_resets_are_the_others() -> None:
    def rude(caller: Caller) -> None:
        if caller.until(b"now"):
            caller.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with RawOrigin(echo) as origin, RawOrigin(rude) as other:
        configuration = speaking("http://127.0.0.1:1") + PROXY
        with GatewayProcess(configuration, workers=1) as gateway, Http3Client(gateway.port()) as client:
            stream = connect(client, origin)
            assert client.answers[stream].status == 200
            client.send_body(stream, b"x" * 300_000)
            found = client.answer(stream)
            assert (len(found.body), found.is_whole, found.reset) == (300_000, True, None)
            given_up = connect(client, other)
            client.reset(given_up)
            wait_until(lambda: len(other.callers) == 1 and other.callers[0].ended.is_set())
            stream = connect(client, other)
            client.send_body(stream, b"now", ends=False)
            assert client.answer(stream).reset == CONNECT_ERROR
