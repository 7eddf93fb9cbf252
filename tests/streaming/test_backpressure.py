"""Many streams at once whose other side is slow or stands still: each holds little in the gateway (R36).

A thousand clients of a megabyte a second would be more than two processors move; those here are slower, which holds
more. `pytest -rP` shows what each stream held.
"""

import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from typing import Any

import pytest
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.stream import QuicStream

from tests.http3.configurations import speaking
from tests.servers.body_origin import BodyOrigin
from tests.servers.gateway_process import GatewayProcess
from tests.servers.http2_client import Http2Client
from tests.servers.http3_client import Http3Client
from tests.servers.processes import resident_kib
from tests.servers.tls_client import trusting

BODY = 100_000_000
STREAM_KIB = 128
"""What a stream may add to the memory of a worker."""
KEPT_KIB = 8 << 10
"""What a worker may keep for use again, however few the streams are."""
STREAMS = 100
"""Of each connection."""
STEP = 16 << 10
"""Bytes that each stream is given in a round."""
PATIENCE = 120.0
PLAIN_HOST = "127.0.0.2"

Round = Callable[[], int]
"""Lets each stream take something; says how much the one has taken that has the least."""


@contextmanager
def http1(gateway: GatewayProcess, count: int) -> Iterator[Round]:
    """One connection for each stream, without a window of note."""
    with ExitStack() as stack:
        taken = dict.fromkeys(range(count), 0)
        clients = [stack.enter_context(closing(small(gateway.port("plain")))) for _ in range(count)]
        for client in clients:
            client.sendall(b"GET /%d HTTP/1.1\r\nhost: shop.test\r\n\r\n" % BODY)

        def take() -> int:
            for number, client in enumerate(clients):
                taken[number] += len(client.recv(STEP))
            return min(taken.values())

        yield take


def small(port: int, host: str = PLAIN_HOST) -> socket.socket:
    """A connection of which the kernel keeps little: it has no room for a thousand that are as large as they may be."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STEP)
    made.settimeout(PATIENCE)
    made.connect((host, port))
    return made


@contextmanager
def enciphered(gateway: GatewayProcess, count: int) -> Iterator[Round]:
    """The same over TLS."""
    with ExitStack() as stack:
        taken = dict.fromkeys(range(count), 0)
        plain = (small(gateway.port(), "127.0.0.1") for _ in range(count))
        context = trusting()
        clients = [stack.enter_context(context.wrap_socket(one, server_hostname="shop.test")) for one in plain]
        for client in clients:
            client.sendall(b"GET /%d HTTP/1.1\r\nhost: shop.test\r\n\r\n" % BODY)

        def take() -> int:
            for number, client in enumerate(clients):
                taken[number] += len(client.recv(STEP))
            return min(taken.values())

        yield take


@contextmanager
def http2(gateway: GatewayProcess, count: int) -> Iterator[Round]:
    """Streams that are granted a little in each round; of connections there is always room."""
    with ExitStack() as stack:
        streams = []
        for _ in range(count // STREAMS):
            client = stack.enter_context(Http2Client(0, grants=False, over=small(gateway.port("plain"))))
            client.connection.increment_flow_control_window(1 << 30)
            streams.append((client, [client.begin(f"/{BODY}", host="shop.test") for _ in range(STREAMS)]))
        granted = (1 << 16) - 1

        def take() -> int:
            nonlocal granted
            for client, ones in streams:
                while min(len(client.answers[one].body) for one in ones) < granted:
                    client.receive()
                for one in ones:
                    client.connection.increment_flow_control_window(STEP, one)
                client.flush()
            granted += STEP
            return granted - STEP

        yield take


class Stingy(Http3Client):
    """Grants each stream what it is told to; the library would grant ever more."""

    def __init__(self, port: int) -> None:
        self.granted = STEP
        super().__init__(port, tune=narrow, before=self._limit)

    def grant(self) -> None:
        """Let some more of each stream come."""
        self.granted += STEP
        self.quic.send_ping(self.granted)
        self.flush()

    def _limit(self, quic: QuicConnection) -> None:
        original = quic._write_stream_limits

        def write(builder: Any, space: Any, stream: QuicStream) -> None:
            known = stream.max_stream_data_local
            if known < self.granted and stream.receiver.highest_offset * 2 > known > 0:
                # The library makes twice as much of it.
                stream.max_stream_data_local = self.granted // 2
                original(builder, space, stream)

        quic._write_stream_limits = write  # type: ignore[method-assign] # past the library


def narrow(configuration: QuicConfiguration) -> None:
    configuration.max_stream_data = STEP


@contextmanager
def http3(gateway: GatewayProcess, count: int) -> Iterator[Round]:
    """Streams that are granted a little in each round; of connections there is always room."""
    with ExitStack() as stack:
        clients = [stack.enter_context(Stingy(gateway.port())) for _ in range(count // STREAMS)]
        streams = [(client, [client.begin(f"/{BODY}") for _ in range(STREAMS)]) for client in clients]
        taken = 0

        def take() -> int:
            nonlocal taken
            late = time.monotonic() + PATIENCE
            # Of what is granted a little goes to heads.
            while any(len(client.answers[one].body) < taken + STEP // 2 for client, ones in streams for one in ones):
                assert time.monotonic() < late
                # Whoever is silent for seconds is taken for one whose way is lost.
                ready = select.select([client.socket for client in clients], [], [], 0.1)[0]
                for client in clients:
                    if client.socket in ready or client.is_due():
                        client.move(late)
            taken += STEP
            for client in clients:
                client.grant()
            return taken - STEP // 2

        yield take


PLAIN = """
---
kind: Listener
name: plain
address: {host}:0
protocols: [http1, h2c]
limits: {limits}
"""
LIMITS = "{send: 5m, idle: 5m, body: 1GiB}"


@contextmanager
def serving() -> Iterator[tuple[BodyOrigin, GatewayProcess]]:
    with BodyOrigin() as origin:
        configuration = speaking(origin.url, limits=LIMITS) + PLAIN.format(limits=LIMITS, host=PLAIN_HOST)
        with GatewayProcess(configuration, workers=1) as gateway:
            yield origin, gateway


Protocol = Callable[[GatewayProcess, int], AbstractContextManager[Round]]
PROTOCOLS = pytest.mark.parametrize("protocol", [http1, enciphered, http2, http3])


@PROTOCOLS
def test_r36_a_hundred_slow_downloads(protocol: Protocol) -> None:
    check_downloads(protocol, STREAMS, rounds=4)


@pytest.mark.long
@PROTOCOLS
def test_r36_a_thousand_slow_downloads(protocol: Protocol) -> None:
    check_downloads(protocol, 10 * STREAMS, rounds=16)


def check_downloads(protocol: Protocol, count: int, rounds: int) -> None:
    with serving() as (_, gateway):
        (worker,) = gateway.worker_pids()
        before = resident_kib(worker)
        most = least = 0
        with protocol(gateway, count) as take:
            for _ in range(rounds):
                least = take()
                most = max(most, resident_kib(worker) - before)
        print(f"{count} downloads: {most / count:.1f} KiB each, {least >> 10} KiB taken of each")  # noqa: T201
        assert least
        assert most <= KEPT_KIB + count * STREAM_KIB


UPLOADS = 40
UPLOAD = 20_000_000
PIECE = bytes(STEP)


def test_r36_uploads_stand_still_with_their_endpoint_and_go_on_with_it() -> None:
    head = b"POST / HTTP/1.1\r\nhost: shop.test\r\ncontent-length: %d\r\n\r\n" % UPLOAD
    with serving() as (origin, gateway), ExitStack() as stack:
        (worker,) = gateway.worker_pids()
        clients = [stack.enter_context(closing(small(gateway.port("plain")))) for _ in range(UPLOADS)]
        before = resident_kib(worker)
        origin.stop()
        left = dict.fromkeys(clients, UPLOAD)
        for client in clients:
            client.sendall(head)
            client.settimeout(0)
        while push(left, select.select([], clients, [], 1.0)[1]):
            """Until nobody can send for a whole second."""
        grown = resident_kib(worker) - before
        print(f"{UPLOADS} uploads: {grown / UPLOADS:.1f} KiB each")  # noqa: T201
        assert min(left.values()) > 0
        assert grown <= KEPT_KIB + UPLOADS * STREAM_KIB
        origin.go_on()
        while waiting := [client for client in clients if left[client]]:
            assert push(left, select.select([], waiting, [], PATIENCE)[1])
        for client in clients:
            client.settimeout(PATIENCE)
            assert client.recv(STEP).endswith(b"\r\n\r\n%d" % UPLOAD)


def push(left: dict[socket.socket, int], clients: list[socket.socket]) -> bool:
    """Send what those can who have something left; says whether anybody sent."""
    sent = 0
    for client in clients:
        some = client.send(PIECE[: left[client]])
        left[client] -= some
        sent += some
    return bool(sent)
