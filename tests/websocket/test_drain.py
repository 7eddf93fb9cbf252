"""Changes and ends of the gateway under open WebSocket connections (R1, R5)."""

import contextlib
import signal

import pytest
from websockets.exceptions import ConnectionClosed

from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.websocket_client import RawWebSocket, frame, open_websocket
from tests.servers.websocket_origin import WebSocketOrigin

TEXT, CLOSE = 0x81, 0x88
FAREWELL = frame(CLOSE, b"\x03\xe9", masked=False)


def configuration(to: str, status: int = 404) -> str:
    return f"""
kind: Listener
name: web
address: 127.0.0.1:0
---
kind: Route
name: all
path: /*
to: {to}
---
kind: Route
name: own
path: /own
steps: [{{kind: Respond, status: {status}}}]
"""


def test_r5_an_ending_gateway_says_good_bye_to_both_sides() -> None:
    with (
        WebSocketOrigin() as origin,
        GatewayProcess(configuration(origin.url), "--grace", "20s", workers=1) as gateway,
        contextlib.ExitStack() as stack,
    ):
        clients = [stack.enter_context(open_websocket(gateway.port())) for _ in range(5)]
        for client in clients:
            client.send("hello")
            assert client.recv(15) == "hello"
        gateway.signal(signal.SIGTERM)
        for client in clients:
            with pytest.raises(ConnectionClosed):
                client.recv(15)
            assert client.close_code == 1001
        wait_until(lambda: origin.ends == [1001] * 5)
        assert gateway.wait(15) == 0


def test_r5_a_frame_under_way_is_let_through_before_the_good_bye() -> None:
    message = frame(TEXT, b"half and half")
    with WebSocketOrigin() as origin, GatewayProcess(configuration(origin.url), "--grace", "20s", workers=1) as gateway:
        with RawWebSocket(gateway.port()) as client:
            # Both are read at once: when the echo is there, a frame is under way.
            client.socket.sendall(frame(TEXT, b"hello") + message[:10])
            # The endpoint ends its messages with an empty frame.
            echo = frame(0x01, b"hello", masked=False) + frame(0x80, masked=False)
            assert client.take(len(echo)) == echo
            # The client hears it at once, since nothing is under way in its direction; the endpoint after the frame.
            gateway.signal(signal.SIGTERM)
            assert client.take(len(FAREWELL)) == FAREWELL
            assert origin.ends == []
            client.socket.sendall(message[10:])
            wait_until(lambda: origin.ends == [1001])
        assert gateway.wait(15) == 0


def test_r1_a_change_closes_no_connection() -> None:
    with (
        WebSocketOrigin() as origin,
        GatewayProcess(configuration(origin.url), workers=1) as gateway,
        open_websocket(gateway.port()) as client,
    ):
        for status in (410, 411, 412):
            gateway.write(configuration(origin.url, status))
            assert gateway.ask("POST", "/-/reload")[0] == 200
            client.send(str(status))
            assert client.recv(15) == str(status)
        client.close()
        wait_until(lambda: origin.ends == [1000])
