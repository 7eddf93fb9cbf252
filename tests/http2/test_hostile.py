"""Clients that would wear the gateway out are sent away (rows B1-B9)."""

import contextlib
import select
from collections.abc import Callable, Iterator

import hpack
import pytest

from tests.http2.configurations import speaking
from tests.servers.gateway_process import GatewayProcess
from tests.servers.http2_client import Http2Client
from tests.servers.origin import Origin
from tests.servers.processes import resident_kib

DATA, HEADERS, PRIORITY, RESET, SETTINGS, PING, GO_AWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4
ENHANCE_YOUR_CALM, REFUSED_STREAM = 11, 7
CANCEL = (8).to_bytes(4, "big")


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as one:
        yield one


@pytest.fixture
def gateway(origin: Origin) -> Iterator[GatewayProcess]:
    with GatewayProcess(speaking(origin.url), workers=1) as one:
        yield one


@pytest.fixture
def client(gateway: GatewayProcess) -> Iterator[Http2Client]:
    with Http2Client(gateway.port()) as one:
        yield one


def head(path: str = "/", *more: tuple[str, str]) -> bytes:
    fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a.test"), (":path", path), *more]
    return bytes(hpack.Encoder().encode(fields))


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def flood(client: Http2Client, data: bytes) -> int | None:
    """Send as much as the gateway takes; gives the error code of its farewell."""
    client.socket.settimeout(10)
    received = b""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for start in range(0, len(data), 4096):
            client.socket.sendall(data[start : start + 4096])
            while select.select([client.socket], [], [], 0)[0]:
                piece = client.socket.recv(65536)
                received += piece
                if not piece:
                    return farewell(received)
    # What had come before the gateway closed is there still, also where that was found out by sending more.
    with contextlib.suppress(ConnectionResetError):
        while piece := client.socket.recv(65536):
            received += piece
    return farewell(received)


def farewell(received: bytes) -> int | None:
    """The error code of the last GOAWAY among whole frames."""
    code = None
    while len(received) >= 9:
        length, kind = int.from_bytes(received[:3], "big"), received[3]
        if kind == GO_AWAY:
            code = int.from_bytes(received[13:17], "big")
        received = received[9 + length :]
    return code


def test_b1_who_resets_what_it_asked_for_is_sent_away_before_the_origin_suffers(
    client: Http2Client, origin: Origin
) -> None:
    block = head("/rapid")
    streams = range(1, 20_001, 2)
    pairs = (frame(HEADERS, END_HEADERS | END_STREAM, one, block) + frame(RESET, 0, one, CANCEL) for one in streams)
    assert flood(client, b"".join(pairs)) == ENHANCE_YOUR_CALM
    assert origin.counts.get("/rapid", 0) <= 100


WHOLE = END_HEADERS | END_STREAM
HARM: dict[str, Callable[[int], bytes]] = {
    "a window of nothing": lambda one: asked(one) + frame(WINDOW_UPDATE, 0, one, bytes(4)),
    "a window too large": lambda one: asked(one) + frame(WINDOW_UPDATE, 0, one, b"\x7f\xff\xff\xff"),
    "data behind the end": lambda one: asked(one) + frame(DATA, 0, one, b"x"),
    "less than was declared": lambda one: declared(one) + frame(DATA, END_STREAM, one, b"x"),
    "more than was declared": lambda one: declared(one) + frame(DATA, END_STREAM, one, b"x" * 9),
    "dependence on itself": lambda one: asked(one) + frame(PRIORITY, 0, one, one.to_bytes(4, "big") + b"\x01"),
}


def asked(stream: int) -> bytes:
    return frame(HEADERS, WHOLE, stream, head("/made"))


def declared(stream: int) -> bytes:
    return frame(HEADERS, END_HEADERS, stream, head("/made", ("content-length", "5")))


@pytest.mark.parametrize("name", HARM)
def test_b2_who_makes_the_gateway_reset_is_sent_away(client: Http2Client, origin: Origin, name: str) -> None:
    assert flood(client, b"".join(HARM[name](one) for one in range(1, 20_001, 2))) == ENHANCE_YOUR_CALM
    assert origin.counts.get("/made", 0) <= 100


@pytest.mark.parametrize("piece", [b"", b"\x00" * 3000], ids=["b4-empty", "b3-large"])
def test_a_head_without_end_is_sent_away(client: Http2Client, origin: Origin, piece: bytes) -> None:
    block = frame(HEADERS, 0, 1, head()) + frame(CONTINUATION, 0, 1, piece) * 33
    assert flood(client, block) == ENHANCE_YOUR_CALM
    assert origin.counts == {}


def test_b5_a_head_that_grows_a_thousandfold_when_decoded_is_refused(
    gateway: GatewayProcess, client: Http2Client, origin: Origin
) -> None:
    large_line = b"\x40\x01x" + b"\x7f\xa1\x1e" + b"y" * 4000
    # The newest line of the table is number 62, and one byte names it.
    block = head("/bomb") + large_line + b"\xbe" * 12_000

    def bomb(stream: int) -> bytes:
        rest = frame(CONTINUATION, END_HEADERS, stream, block[16384:])
        return frame(HEADERS, END_STREAM, stream, block[:16384]) + rest

    assert client.answer(client.begin_with(bomb)).status == 431
    assert origin.counts == {}
    # Further ones, too, are counted while they are decoded, and hold nothing.
    before = resident_kib(gateway.worker_pids()[0])
    for _ in range(20):
        with Http2Client(gateway.port()) as other:
            assert other.answer(other.begin_with(bomb)).status == 431
    assert resident_kib(gateway.worker_pids()[0]) - before <= 1024


@pytest.mark.parametrize(
    "one",
    [
        frame(SETTINGS, 0, 0),
        frame(PING, 0, 0, bytes(8)),
        frame(PRIORITY, 0, 3, bytes(4) + b"\x01"),
        frame(WINDOW_UPDATE, 0, 0, (1).to_bytes(4, "big")),
        frame(DATA, 0, 1),
    ],
    ids=["settings", "ping", "priority", "window-update", "empty data"],
)
def test_b6_frames_that_serve_nobody_are_enough_at_some_point(client: Http2Client, one: bytes) -> None:
    upload = frame(HEADERS, END_HEADERS, 1, head("/upload", ("content-length", "5")))
    assert flood(client, upload + one * 10_000) == ENHANCE_YOUR_CALM


def test_b8_a_stream_too_many_is_refused_and_the_others_live(client: Http2Client, origin: Origin) -> None:
    streams = [client.begin("/slow?sleep=1") for _ in range(100)]
    client.connection.remote_settings[3] = 1000
    client.connection.remote_settings.acknowledge()
    extra = client.begin("/extra")
    assert client.answer(extra).reset == REFUSED_STREAM
    assert [client.answer(stream).status for stream in streams] == [200] * 100
    assert "/extra" not in origin.counts
