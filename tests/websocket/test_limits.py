"""Connections with limits: what is over them does not pass, and whoever is silent is asked (G9)."""

import socket
import struct

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from penstock import Gateway
from tests.servers.gateway_process import wait_until
from tests.servers.websocket_client import RawWebSocket, frame, open_websocket
from tests.servers.websocket_origin import WebSocketOrigin
from tests.websocket.configurations import port, resources

TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A
TEXT_BEGINS, MORE = 0x01, 0x00

BEYOND = {
    "a message": (frame(TEXT, b"x" * 1001), 1009),
    "a frame": (frame(TEXT_BEGINS, b"x" * 601), 1009),
    "endless fragments": (frame(TEXT_BEGINS, b"x") + frame(MORE, b"x" * 100) * 30, 1009),
    "a frame of 2^62": (b"\x82\xff\x40" + bytes(7 + 4) + b"x" * 5000, 1009),
    "a frame of 2^63": (b"\x82\xff\x80" + bytes(7 + 4), 1002),
    "no mask": (frame(TEXT, b"x", masked=False), 1002),
    "an unknown opcode": (frame(0x83, b"x"), 1002),
    "a ping of 126": (frame(PING, b"x" * 126), 1002),
}


@pytest.mark.parametrize("case", BEYOND)
def test_g9_a_client_that_sends_too_much_is_closed_and_so_is_the_endpoint(case: str) -> None:
    sent, code = BEYOND[case]
    with WebSocketOrigin() as origin:
        limited = resources(origin.url, max_message="1000B", max_frame="600B")
        with Gateway(limited) as gateway, RawWebSocket(port(gateway)) as client:
            good = frame(TEXT, b"good")
            client.socket.sendall(good + sent)
            # The echo of what was good may be overtaken by the close, for the endpoint may not have said it yet.
            answer = client.rest()
            assert answer.endswith(frame(CLOSE, code.to_bytes(2, "big"), masked=False)), answer
            wait_until(lambda: origin.ends == [code])


def test_g9_messages_up_to_the_limit_pass_and_a_ping_flood_holds_no_memory() -> None:
    with WebSocketOrigin() as origin:
        limited = resources(origin.url, max_message="1000B", max_frame="1000B")
        with Gateway(limited) as gateway, open_websocket(port(gateway)) as client:
            for _ in range(20):
                client.send("x" * 1000)
                assert client.recv(15) == "x" * 1000
                client.send(["x" * 400, "y" * 600])
                assert client.recv(15) == "x" * 400 + "y" * 600
            pongs = [client.ping() for _ in range(500)]
            assert all(pong.wait(15) for pong in pongs)


def test_an_endpoint_that_sends_too_much_is_closed_and_so_is_the_client() -> None:
    def boast(connection: ServerConnection) -> None:
        connection.send("good")
        connection.send("x" * 1001)
        connection.recv()

    with (
        WebSocketOrigin(boast) as origin,
        Gateway(resources(origin.url, max_message="1000B")) as gateway,
        open_websocket(port(gateway)) as client,
    ):
        assert client.recv(15) == "good"
        with pytest.raises(ConnectionClosed):
            client.recv(15)
        assert client.close_code == 1009
        wait_until(lambda: origin.ends == [1009])


def test_a_side_that_answers_no_ping_is_closed_and_so_is_the_other() -> None:
    with (
        WebSocketOrigin() as origin,
        Gateway(resources(origin.url, ping="300ms")) as gateway,
        RawWebSocket(port(gateway)) as client,
    ):
        # What the endpoint answers to the pings that it gets comes as well.
        found = client.rest().replace(frame(PONG, masked=False), b"")
        assert found == frame(PING, masked=False) + frame(CLOSE, b"\x03\xe9", masked=False)
        wait_until(lambda: origin.ends == [1001])


def test_sides_that_answer_pings_stay_beyond_the_idle_time() -> None:
    with WebSocketOrigin() as origin:
        patient = resources(origin.url, limits={"idle": "1s"}, ping="200ms")
        with Gateway(patient) as gateway, RawWebSocket(port(gateway)) as client:
            for _ in range(8):
                found = client.take(2)
                assert found in (frame(PING, masked=False), frame(PONG, masked=False)), "a question, or an answer"
                if found == frame(PING, masked=False):
                    client.socket.sendall(frame(PONG))
            client.socket.sendall(frame(TEXT, b"still here"))
            found = b""
            while not found.endswith(b"still here"):
                piece = client.take(1)
                assert piece, found
                found += piece


def test_an_endpoint_is_told_also_when_the_client_it_is_told_of_has_gone() -> None:
    too_much = frame(TEXT, b"x" * 1001)
    with WebSocketOrigin() as origin, Gateway(resources(origin.url, max_message="1000B")) as gateway:
        with RawWebSocket(port(gateway)) as client:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.socket.sendall(too_much)
            assert client.take(1) == bytes([CLOSE])
        wait_until(lambda: origin.ends == [1009])
