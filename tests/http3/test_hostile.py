"""Clients of QUIC and HTTP/3 that mean no good: each is bounded, and others are served meanwhile."""

import os
import random
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from aioquic.tls import Epoch

from tests.http3.configurations import speaking
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.http3_client import Closed, Http3Client, headers, numbers
from tests.servers.origin import Origin
from tests.servers.processes import main_thread_seconds
from tests.servers.quic_packets import first_packet, frame, send
from tests.servers.raw_origin import Caller, RawOrigin

PROTOCOL_VIOLATION = 0xA
EXCESSIVE_LOAD, REQUEST_INCOMPLETE, MESSAGE_ERROR = 0x107, 0x10D, 0x10E
RETRY = 0xF0
MEMORY_BYTES = 8 << 20
"""What a flood may leave behind in a worker: buffers that are kept for use again."""
HALF_OPEN_BYTES = 36 << 10
"""What a handshake may hold that does not go on; docs/decisions/0022 says of what it is made."""
CRUMBS_BYTES = 128 << 10
"""And one whose hello came in crumbs, of which the library bounds the number."""
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@contextmanager
def serving(*, workers: int = 1, limits: str = "{}") -> Iterator[GatewayProcess]:
    with Origin() as origin, GatewayProcess(speaking(origin.url, limits=limits), workers=workers) as gateway:
        yield gateway


def memory(gateway: GatewayProcess) -> int:
    """Bytes of the workers that are in memory."""
    pages = (Path(f"/proc/{pid}/statm").read_text().split()[1] for pid in gateway.worker_pids())
    return sum(int(count) for count in pages) * PAGE_BYTES


def is_well(gateway: GatewayProcess) -> bool:
    """Whether a good client is served."""
    with Http3Client(gateway.port()) as client:
        return client.get("/own").status == 404


class Silent(Http3Client):
    """Says hello once, and then nothing."""

    sent = 0
    is_silent = False

    def flush(self) -> None:
        if not self.is_silent:
            super().flush()
            self.is_silent = True

    def send_datagram(self, data: bytes) -> None:
        self.sent += len(data)
        super().send_datagram(data)


def test_c1_who_has_not_proved_its_address_is_sent_three_times_what_it_sent_at_most() -> None:
    with serving(limits="{header_time: 2s}") as gateway:
        client = Silent(gateway.port(), waits=False)
        received = 0
        client.socket.settimeout(4)
        with suppress(TimeoutError):
            while True:
                received += len(client.socket.recv(65536))
        client.socket.close()
        assert 0 < received <= 3 * client.sent
        assert gateway.status()["connections"] == 0


def hellos(port: int, count: int) -> list[bytes]:
    """First datagrams of as many clients."""
    found: list[bytes] = []

    class Kept(Http3Client):
        def send_datagram(self, data: bytes) -> None:
            found.append(data)

    for _ in range(count):
        Kept(port, waits=False).socket.close()
    return found


def spoilt(hello: bytes, chance: random.Random) -> bytes:
    """A first datagram that was cut off or changed in its head."""
    changed = bytearray(hello[: chance.choice([chance.randrange(1, 60), len(hello)])])
    for _ in range(chance.randrange(1, 8)):
        changed[chance.randrange(min(len(changed), 64))] = chance.choice([0, 0x3F, 0x40, 0x7F, 0xC0, 0xFF])
    return bytes(changed)


def test_c2_whatever_comes_instead_of_packets_is_dropped() -> None:
    check_datagrams(10_000)


@pytest.mark.long
def test_c2_a_hundred_thousand_of_each_kind_cost_no_more_at_the_end_than_at_first() -> None:
    costs = check_datagrams(100_000)
    assert sum(costs[-5:]) <= 2 * sum(costs[:5])


def check_datagrams(count: int) -> list[float]:
    """Send as many of each kind, with good clients between them; gives the processor time of each tenth, in seconds."""
    chance = random.Random(5)
    costs = []
    with serving() as gateway, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        port, (worker,) = gateway.port(), gateway.worker_pids()
        hello = hellos(port, 1)[0]
        assert is_well(gateway)
        before = memory(gateway)
        for _ in range(10):
            began = main_thread_seconds(worker)
            for turn in range(count // 10):
                client.sendto(spoilt(hello, chance), ("127.0.0.1", port))
                client.sendto(chance.randbytes(chance.randrange(1, 1300)), ("127.0.0.1", port))
                # Not faster than they are taken: what the kernel drops is no test.
                if turn % 500 == 0:
                    assert is_well(gateway)
            costs.append(main_thread_seconds(worker) - began)
        assert is_well(gateway)
        assert memory(gateway) - before < MEMORY_BYTES
    return costs


@pytest.mark.parametrize("gap", [False, True], ids=["at once", "later"])
def test_c3_an_end_without_the_declared_body_resets_the_stream_and_its_request(*, gap: bool) -> None:
    ended: list[bool] = []

    def script(caller: Caller) -> None:
        caller.until(b"\r\n\r\n")
        with suppress(OSError):
            while caller.stream.recv(4096):
                pass
        ended.append(True)

    with RawOrigin(script) as origin, GatewayProcess(speaking(origin.url), workers=1) as gateway:
        with Http3Client(gateway.port()) as client:
            stream = client.begin("/up", method="POST", fields=[("content-length", "10")], ends=False)
            if gap:
                client.until(lambda: bool(origin.callers))
            client.send_bytes(stream, b"", ends=True)
            assert client.answer(stream).reset == MESSAGE_ERROR
            assert client.get("/own").status == 404
        wait_until(lambda: len(ended) == len(origin.callers))


def test_c4_c11_from_a_number_of_handshakes_on_clients_have_to_prove_their_address() -> None:
    check_half_open(600)


@pytest.mark.long
def test_c4_ten_thousand_handshakes_that_do_not_go_on() -> None:
    check_half_open(10_000)


def check_half_open(count: int) -> None:
    first = hellos(1, count)
    with serving() as gateway:
        port = gateway.port()
        assert is_well(gateway)
        before = memory(gateway)
        retries = 0
        clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in first]
        began = time.monotonic()
        for client, hello in zip(clients, first, strict=True):
            client.settimeout(5)
            client.connect(("127.0.0.1", port))
            # Once more at once: a copy of what is refused or asked again must do no harm.
            for _ in range(2):
                client.send(hello)
            retries += client.recv(65536)[0] & RETRY == RETRY
        half_open = len(first) - retries
        # As some are given up after three seconds, others begin.
        assert 200 <= half_open <= 200 * (1 + (time.monotonic() - began) // 3)
        grown = memory(gateway) - before
        assert is_well(gateway)
        assert grown / 200 <= HALF_OPEN_BYTES
        wait_until(lambda: not gateway.status()["connections"], 20)
        for client in clients:
            client.close()


class Mute(Http3Client):
    """Says nothing by itself."""

    def send_datagram(self, data: bytes) -> None:
        """Leave it to the test."""


def crumbs(count: int) -> Iterator[bytes]:
    """Frames that hold every other byte of a hello, as many as fit into so many datagrams."""
    for first in range(count):
        offsets = range(1 + first * 400, 1 + (first + 1) * 400, 2)
        yield b"".join(frame(0x06, offset, 1, b"\x01") for offset in offsets)


@pytest.mark.parametrize("count", [4, 20], ids=["some", "too many"])
def test_c4_a_hello_in_crumbs_is_bounded_and_given_up(count: int) -> None:
    with serving(limits="{header_time: 2s}") as gateway:
        assert is_well(gateway)
        before = memory(gateway)
        for _ in range(150):
            client = Mute(gateway.port(), waits=False)
            for frames in crumbs(count):
                client.socket.send(first_packet(client.quic, frames))
            client.socket.close()
        assert memory(gateway) - before <= 150 * CRUMBS_BYTES
        assert is_well(gateway)
        wait_until(lambda: not gateway.status()["connections"])


def new_numbers(turn: int) -> bytes:
    """Numbers for us to use, each of which takes all earlier ones back."""
    found = b""
    for number in range(8 + turn * 30, 8 + turn * 30 + 30):
        found += frame(0x18, number, number, b"\x08", number.to_bytes(8, "big"), number.to_bytes(16, "big"))
    return found


Frames = Callable[[int], bytes]
FLOODS: dict[str, Frames] = {
    "PATH_CHALLENGE": lambda _: frame(0x1A, bytes(8)) * 120,
    "PING": lambda _: b"\x01" * 1000,
    "NEW_CONNECTION_ID that retires": new_numbers,
    "RETIRE_CONNECTION_ID": lambda turn: frame(0x19, turn + 1),
    "MAX_DATA": lambda turn: frame(0x10, turn + (1 << 30)) * 150,
}


@pytest.mark.parametrize("name", FLOODS)
def test_c8_floods_of_frames_leave_nothing_behind(name: str) -> None:
    check_flood(FLOODS[name], 800)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "turns"), [(name, 100_000 if name.startswith("RETIRE") else 3_400) for name in FLOODS]
)
def test_c8_a_hundred_thousand_frames_leave_nothing_behind(name: str, turns: int) -> None:
    check_flood(FLOODS[name], turns)


def check_flood(frames: Frames, turns: int) -> None:
    with serving() as gateway:
        assert is_well(gateway)
        before = memory(gateway)
        with Http3Client(gateway.port()) as client:
            for turn in range(turns):
                send(client, frames(turn))
                if turn % 100 == 0:
                    assert is_well(gateway)
                    assert memory(gateway) - before < MEMORY_BYTES
            assert is_well(gateway)
            assert memory(gateway) - before < MEMORY_BYTES


@pytest.mark.parametrize(
    ("taken", "ahead"), [(1_000_000, 0), (200_000, 1_000)], ids=["a number that was left out", "numbers to come"]
)
def test_c10_a_client_that_acknowledges_what_it_cannot_have_is_turned_out(taken: int, ahead: int) -> None:
    body = bytes(1_000_000)
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    with RawOrigin.answering(answer) as origin, GatewayProcess(speaking(origin.url), workers=1) as gateway:
        with Http3Client(gateway.port()) as client:
            stream = client.begin("/")
            client.until(lambda: len(client.answers[stream].body) >= taken)
            largest = client.quic._spaces[Epoch.ONE_RTT].largest_received_packet + ahead
            send(client, frame(0x02, largest, 0, 0, largest))
            # What says so waits behind data that is on its way; who hears nothing asks, and is told by a reset.
            while client.end is None and not client.was_reset:
                client.quic.send_ping(1)
                client.flush()
                client.move(time.monotonic() + 0.1)
            assert client.was_reset or (client.end and client.end.error_code == PROTOCOL_VIOLATION)
            wait_until(lambda: not gateway.status()["connections"])
        assert is_well(gateway)


def wait_for_end(client: Http3Client, stream: int) -> None:
    client.until(lambda: stream in client.stopped or client.answers[stream].reset is not None)


def test_b1_requests_that_are_given_up_at_once_end_the_connection() -> None:
    with Origin() as origin, GatewayProcess(speaking(origin.url), workers=1) as gateway:
        with Http3Client(gateway.port()) as client:
            begun = 0
            with suppress(Closed):
                for _ in range(5_000):
                    stream = client.begin("/slow?sleep=5")
                    client.reset(stream)
                    begun += 1
                    if begun % 50 == 0:
                        wait_for_end(client, stream)
            assert client.finish().error_code == EXCESSIVE_LOAD
            assert begun <= 1_000
            assert sum(origin.counts.values()) <= 600
        assert is_well(gateway)


def test_b6_frames_that_mean_nothing_end_the_connection() -> None:
    with serving() as gateway:
        with Http3Client(gateway.port()) as client:
            stream = client.quic.get_next_available_stream_id()
            client.send_bytes(stream, b"\x21\x00" * 100_000)
            assert client.finish().error_code == EXCESSIVE_LOAD
        assert is_well(gateway)


@pytest.mark.parametrize(
    "fields",
    [[("a", "v" * 70_000)], [(f"a{number}", "v") for number in range(101)], [("a", "v" * 700)] * 99],
    ids=["one that is too large", "too many", "too much together"],
)
def test_c5_a_head_beyond_the_limits_is_answered_with_431(fields: list[tuple[str, str]]) -> None:
    base = [(":method", "GET"), (":scheme", "https"), (":authority", "shop.test"), (":path", "/own")]
    with serving() as gateway, Http3Client(gateway.port()) as client:
        stream = client.quic.get_next_available_stream_id()
        client.send_frame(stream, 0x1, headers([*base, *fields]), ends=True)
        assert client.answer(stream).status == 431
        assert client.get("/own").status == 404


def test_b7_a_client_that_takes_nothing_holds_little_and_is_given_up() -> None:
    size, count = 5 << 20, 20
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size
    with RawOrigin.answering(answer) as large:
        configuration = speaking(large.url, limits="{send: 2s}")
        with GatewayProcess(configuration, workers=1) as gateway:
            assert is_well(gateway)
            before = memory(gateway)
            with Http3Client(gateway.port(), tune=little_window) as client:
                for _ in range(count):
                    client.begin("/")
                # It takes part in the connection: more than a few streams are granted once the handshake has ended.
                client.until(lambda: len(large.callers) >= count)
                assert memory(gateway) - before < count * (256 << 10)
                wait_until(lambda: all(caller.ended.is_set() for caller in large.callers), 20)


def little_window(configuration: object) -> None:
    configuration.max_stream_data = 1_000  # type: ignore[attr-defined] # a configuration
    configuration.max_data = 10_000  # type: ignore[attr-defined] # a configuration


def test_what_begins_at_a_dead_workers_socket_is_taken_by_its_neighbours() -> None:
    with serving(workers=2) as gateway:
        port, victim = gateway.port(), gateway.worker_pids()[0]
        os.kill(victim, signal.SIGSTOP)
        try:
            for _ in range(12):
                with Http3Client(port) as client:
                    assert client.get("/own").status == 404
        finally:
            os.kill(victim, signal.SIGCONT)


def test_a_head_that_comes_too_slowly_is_given_up_and_others_are_not() -> None:
    base = [(":method", "GET"), (":scheme", "https"), (":authority", "shop.test"), (":path", "/own")]
    with serving(limits="{header_time: 500ms}") as gateway, Http3Client(gateway.port()) as client:
        stream = client.quic.get_next_available_stream_id()
        block = headers([*base, ("a", "v" * 6_000)])
        whole = numbers(0x1, len(block)) + block
        sent = 0
        while client.answers.get(stream) is None or client.answers[stream].reset is None:
            client.send_bytes(stream, whole[sent : sent + 1])
            sent += 1
            assert client.get("/own").status == 404
            assert sent < len(whole), "it was not given up"
        assert client.answers[stream].reset == REQUEST_INCOMPLETE
        assert client.get("/own").status == 404
