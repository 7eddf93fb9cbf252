"""Frames good and bad get through the gateway the answer that the endpoint gives without it.

The cases are those of Autobahn's chapters 1 to 7 and 10 in small; the judge is a well-known server.
"""

from collections.abc import Iterator

import pytest

from penstock import Gateway
from tests.servers.raw_origin import RawOrigin
from tests.servers.websocket_client import RawWebSocket, frame
from tests.servers.websocket_judge import judge
from tests.websocket.configurations import port, resources

TEXT, BINARY, CLOSE, PING, PONG = 0x81, 0x82, 0x88, 0x89, 0x8A
TEXT_BEGINS, MORE, LAST = 0x01, 0x00, 0x80
BYE = frame(CLOSE, b"\x03\xe8")
ACCENTS = "\u03ba\u1f79\u03c3\u03bc\u03b5".encode()

ECHOED = {
    **{f"1.1 text of {size}": frame(TEXT, b"*" * size) for size in (0, 125, 126, 127, 128, 65535, 65536)},
    **{f"1.2 binary of {size}": frame(BINARY, b"\xfe" * size) for size in (0, 125, 126, 127, 128, 65535, 65536)},
    "2.1 ping without payload": frame(PING),
    "2.2 ping with payload": frame(PING, b"Hello, world!"),
    "2.3 ping with bytes that are no text": frame(PING, b"\x00\xff\xfe"),
    "2.4 ping of 125": frame(PING, b"\xfe" * 125),
    "2.7 pong unasked": frame(PONG),
    "2.8 pong with payload unasked": frame(PONG, b"unasked"),
    "2.9 pong unasked and ping": frame(PONG, b"unasked") + frame(PING, b"asked"),
    "2.10 ten pings": b"".join(frame(PING, bytes([number])) for number in range(10)),
    "5.3 text in two": frame(TEXT_BEGINS, b"one") + frame(LAST, b"two"),
    "5.6 ping between": frame(TEXT_BEGINS, b"one") + frame(PING, b"?") + frame(LAST, b"two"),
    "5.19 many fragments and pings": frame(TEXT_BEGINS, b"a")
    + b"".join(frame(MORE, b"b") + frame(PING, b"?") for _ in range(4))
    + frame(LAST, b"c"),
    "6.1 empty fragments": frame(TEXT_BEGINS) + frame(MORE) + frame(LAST),
    "6.2 text beyond ASCII": frame(TEXT, ACCENTS),
    "6.5 characters cut by fragments": frame(TEXT_BEGINS, ACCENTS[:3]) + frame(LAST, ACCENTS[3:]),
    "10.1 one large message in frames of 1300": frame(TEXT_BEGINS, b"*" * 1300)
    + frame(MORE, b"*" * 1300) * 49
    + frame(LAST, b"*" * 536),
}

REFUSED = {
    "2.5 ping of 126": (frame(PING, b"\xfe" * 126), 1002),
    **{f"3 reserved bits {bits}": (frame(TEXT | bits << 4, b"x"), 1002) for bits in range(1, 8)},
    **{f"4 opcode {opcode}": (frame(0x80 | opcode), 1002) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "5.1 ping in two": (frame(0x09, b"a") + frame(LAST, b"b"), 1002),
    "5.9 more of nothing": (frame(LAST, b"x"), 1002),
    "5.18 text within text": (frame(TEXT_BEGINS, b"a") + frame(TEXT, b"b"), 1002),
    "6.3 text that is none": (frame(TEXT, b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80"), 1007),
    "6.6 text cut short": (frame(TEXT, ACCENTS[:3]), 1007),
    "7.3.2 close of one byte": (frame(CLOSE, b"x"), 1002),
    "7.3.6 close of 126": (frame(CLOSE, b"\x03\xe8" + b"x" * 124), 1002),
    "7.5 close with a reason that is no text": (frame(CLOSE, b"\x03\xe8\xed\xa0\x80"), 1007),
    **{
        f"7.9 close with code {code}": (frame(CLOSE, code.to_bytes(2, "big")), 1002)
        for code in (0, 999, 1004, 1005, 1006, 1016, 2999, 5000)
    },
    "unmasked": (frame(TEXT, b"x", masked=False), 1002),
}

CLOSED = {
    "7.1.1 close": frame(CLOSE, b"\x03\xe8"),
    "7.1.2 two closes": BYE + BYE,
    "7.1.3 ping after close": BYE + frame(PING, b"?"),
    "7.1.4 text after close": BYE + frame(TEXT, b"late"),
    "7.1.5 text in two and close within": frame(TEXT_BEGINS, b"a") + BYE + frame(LAST, b"b"),
    "7.3.1 close without code": frame(CLOSE),
    "7.3.4 close with reason": frame(CLOSE, b"\x03\xe8bye"),
    "7.3.5 close with the longest reason": frame(CLOSE, b"\x03\xe8" + b"x" * 123),
    **{
        f"7.7 close with code {code}": frame(CLOSE, code.to_bytes(2, "big"))
        for code in (1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    },
}


@pytest.fixture(scope="module")
def ports() -> Iterator[tuple[int, int]]:
    with RawOrigin(judge) as origin, Gateway(resources(origin.url)) as gateway:
        yield port(gateway), int(origin.url.rpartition(":")[2])


def answer(number: int, pieces: list[bytes]) -> bytes:
    with RawWebSocket(number) as client:
        assert client.status == 101
        try:
            for piece in pieces:
                client.socket.sendall(piece)
        except OSError:
            pass
        return client.rest()


def check(ports: tuple[int, int], sent: bytes) -> bytes:
    through, direct = ports
    expected = answer(direct, [sent])
    assert answer(through, [sent]) == expected
    if len(sent) < 300:
        assert answer(through, [sent[at : at + 1] for at in range(len(sent))]) == expected, "byte by byte"
    return expected


def last_frame(found: bytes) -> tuple[int, bytes]:
    """The first byte and the payload of the last of some short frames."""
    first, payload = 0, b""
    while found:
        first, length = found[:2]
        payload, found = found[2 : 2 + length], found[2 + length :]
        assert len(payload) == length
    return first, payload


@pytest.mark.parametrize("case", ECHOED)
def test_good_frames_are_answered(ports: tuple[int, int], case: str) -> None:
    found = check(ports, ECHOED[case] + BYE)
    assert found.endswith(frame(CLOSE, b"\x03\xe8", masked=False))
    assert len(found) > 4 or case.startswith(("2.7", "2.8"))


@pytest.mark.parametrize("case", REFUSED)
def test_bad_frames_are_refused_by_the_endpoint(ports: tuple[int, int], case: str) -> None:
    sent, code = REFUSED[case]
    kind, payload = last_frame(check(ports, sent))
    assert (kind, payload[:2]) == (CLOSE, code.to_bytes(2, "big"))


@pytest.mark.parametrize("case", CLOSED)
def test_closes_are_answered_and_nothing_after_them(ports: tuple[int, int], case: str) -> None:
    assert last_frame(check(ports, CLOSED[case]))[0] == CLOSE
