"""Whatever is said over HTTP/2, every reader finds the same requests in what the origin gets (rows B10-B16, B22).

The origin's bytes are read by h11, which is strict, by httptools, and by a lenient reader; all have to see the requests
that were sent as streams, each once, with the body of its stream, and nobody else's fields.
"""

import random
import re
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import h11
import hpack
import pytest

from tests.http1.readers import Message, lenient, strict, text, usual
from tests.http2.configurations import speaking
from tests.http2.framed_tricks import DATA, END_HEADERS, END_STREAM, HEADERS, Pairs, Stream, frame, streams, target_of
from tests.servers.gateway_process import GatewayProcess
from tests.servers.raw_origin import Caller, RawOrigin

RESET, SETTINGS, PING, GO_AWAY, WINDOW_UPDATE, ACK = 3, 4, 6, 7, 8, 1
STREAMS_OF_A_CONNECTION = 25
MARK = re.compile(r"/s/(\d+)-")
ADDED = re.compile(
    r"x-forwarded-(for|host|port|proto)|x-real-ip|x-request-id|content-length|transfer-encoding|connection|expect|te|via"
)

# A query stays as it came, with bytes over 127 that no query should have; and httptools knows methods by name.
REFUSED = {
    "h11": re.compile(r"illegal request line: .*\?.*\\x[89a-f]"),
    "httptools": re.compile(r"Invalid char in url query|Invalid method|Expected space after method"),
}


def answer_with_targets(caller: Caller) -> None:
    """Answers every request with its target, as long as they are well-formed."""
    connection, targets = h11.Connection(h11.SERVER), []
    while caller.read():
        connection.receive_data(caller.unread)
        caller.unread = b""
        try:
            while (event := connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.Request):
                    targets.append((event.method, event.target))
                if isinstance(event, h11.ConnectionClosed):
                    return
                if not isinstance(event, h11.EndOfMessage):
                    continue
                method, target = targets[-1]
                head = h11.Response(status_code=200, headers=[("content-length", str(len(target)))])
                sent = [head, *([] if method == b"HEAD" else [h11.Data(data=target)]), h11.EndOfMessage()]
                caller.send(b"".join(connection.send(one) or b"" for one in sent))
                if connection.our_state is not h11.DONE:
                    return
                connection.start_next_cycle()
        except h11.RemoteProtocolError:
            # Without an answer, who may repeat a request would.
            caller.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            return


@dataclass
class Outcome:
    """What became of a stream."""

    status: int = 0
    body: bytes = b""
    has_ended: bool = False


@dataclass
class Conversation:
    """One connection of a client that sends many streams at once and waits until each has ended."""

    port: int
    chance: random.Random
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    decoder: hpack.Decoder = field(default_factory=hpack.Decoder)

    def run(self, sent: dict[int, bytes]) -> None:
        """Send the frames of the streams; ends when all have ended, or the gateway ends the connection."""
        self.outcomes = {stream: Outcome() for stream in sent}
        with socket.create_connection(("127.0.0.1", self.port), 15) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0)
            for piece in self.pieces(hello + b"".join(sent.values())):
                client.sendall(piece)
            pending = b""
            while not all(one.has_ended for one in self.outcomes.values()):
                try:
                    piece = client.recv(65536)
                except ConnectionResetError:
                    return
                if not piece:
                    return
                pending = self.take(pending + piece, client)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """The bytes as they are sent: at once, or cut anywhere."""
        longest = self.chance.choice([len(data), len(data), 500, 20])
        while data:
            length = self.chance.randint(1, longest) if longest < 1000 else longest
            yield data[:length]
            data = data[length:]

    def take(self, data: bytes, client: socket.socket) -> bytes:
        """Take whole frames; gives the rest."""
        while len(data) >= 9 and len(data) >= 9 + (length := int.from_bytes(data[:3], "big")):
            kind, flags, stream = data[3], data[4], int.from_bytes(data[5:9], "big")
            payload, data = data[9 : 9 + length], data[9 + length :]
            if kind == SETTINGS and not flags & ACK:
                client.sendall(frame(SETTINGS, ACK, 0))
            outcome = self.outcomes.get(stream)
            if outcome is None:
                continue
            if kind == HEADERS:
                assert flags & END_HEADERS
                fields = dict(self.decoder.decode(payload, raw=True))
                outcome.status = int(fields.get(b":status", b"0"))
            elif kind == DATA:
                outcome.body += payload
            outcome.has_ended |= kind == RESET or (kind in (HEADERS, DATA) and bool(flags & END_STREAM))
        return data


def run(count: int, seed: int) -> Counter[str]:
    """Sends so many streams and judges what came of them; gives counts."""
    chance, counts = random.Random(seed), Counter[str]()
    made = list(streams(count, chance))
    with (
        RawOrigin(answer_with_targets) as origin,
        GatewayProcess(speaking(origin.url), workers=1) as gateway,
    ):
        port = gateway.port()
        for start in range(0, count, STREAMS_OF_A_CONNECTION):
            tricks = made[start : start + STREAMS_OF_A_CONNECTION]
            counts.update(converse(port, tricks, chance))
            canary(port, count + start)
        captures = [caller.received for caller in origin.callers]
    judged = {one.number: one for one in made}
    seen = [number for capture in captures for number in judge(capture, judged)]
    twice = [number for number, times in Counter(seen).items() if times > 1]
    assert twice == [], [made[number] for number in twice]
    counts["forwarded"] = len([number for number in seen if number < count])
    counts["sent"] = count
    return counts


def converse(port: int, tricks: list[Stream], chance: random.Random) -> Counter[str]:
    """Sends some streams on one connection; who is answered by the origin gets the answer that is its own."""
    conversation = Conversation(port, chance)
    by_stream = {2 * index + 1: one for index, one in enumerate(tricks)}
    conversation.run({stream: one.frames(stream, chance) for stream, one in by_stream.items()})
    for stream, outcome in conversation.outcomes.items():
        marks = MARK.findall(text(outcome.body))
        assert outcome.status != 200 or all(int(mark) == by_stream[stream].number for mark in marks), outcome
    return Counter(f"status {outcome.status}" for outcome in conversation.outcomes.values())


def canary(port: int, number: int) -> None:
    """Whoever comes next gets what was asked for."""
    fields = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"a.test"), (b":path", target_of(number))]
    conversation = Conversation(port, random.Random(1))
    conversation.run({1: Stream(number, fields).frames(1, random.Random(1))})
    outcome = conversation.outcomes[1]
    assert (outcome.status, outcome.body) == (200, target_of(number))


def judge(capture: bytes, sent: dict[int, Stream]) -> list[int]:
    """The numbers of the requests on one connection to the origin, in which all readers agree."""
    readings = {"h11": strict([capture]), "httptools": usual([capture]), "lenient": lenient(capture)}
    own = max(readings.values(), key=lambda one: len(one.requests))
    for name, reading in readings.items():
        shown = f"{name}, {reading.refused}, at {own.requests[len(reading.requests) :][:1]} in {capture[-1000:]!r}"
        assert reading.refused is None or REFUSED[name].search(reading.refused), shown
        # What comes behind a request that a reader refuses, it does not read.
        end = len(reading.requests) if reading.refused else None
        assert [summary(one) for one in reading.requests] == [summary(one) for one in own.requests[:end]], shown
        assert not reading.has_rest or reading.refused, shown
    assert all(one.is_whole for one in own.requests[:-1]), own
    return [check(message, sent) for message in own.requests]


def summary(message: Message) -> tuple[str, ...]:
    """What readers have to agree on; a request that breaks off has no end for anybody."""
    return (message.method, message.target, message.body, *(["whole"] if message.is_whole else []))


def check(message: Message, sent: dict[int, Stream]) -> int:
    """A request that was forwarded is a stream's, and says what that said; gives its number."""
    marks = MARK.findall(message.target)
    assert marks, message
    number = int(marks[0])
    if number not in sent:
        return number
    stream = sent[number]
    assert message.method.encode("latin-1") == dict(stream.fields)[b":method"], (message, stream)
    assert text(stream.body).startswith(message.body), (message, stream)
    # Where more came than was declared, what was declared may have been sent before that was seen; no more ever is.
    declared = dict(message.fields).get("content-length")
    is_cut = declared is not None and len(message.body) == int(declared)
    assert not message.is_whole or is_cut or message.body == text(stream.body), (message, stream)
    said = {(text(name), text(value)) for name, value in stream.fields}
    cookies = "; ".join(text(value) for name, value in stream.fields if name == b"cookie")
    host = next(text(value) for name, value in stream.fields if name in (b":authority", b"host"))
    said |= {("cookie", cookies.strip()), ("host", host)}
    invented = [
        (name, value) for name, value in message.fields if (name, value) not in said and not ADDED.fullmatch(name)
    ]
    assert invented == [], (message, stream)
    return number


HEAD = b"POST /s/0- HTTP/1.1\r\nhost: a.test\r\n"
NEXT = b"GET /s/1- HTTP/1.1\r\nhost: a.test\r\n\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
UNSAFE = {
    "two lengths": HEAD + b"content-length: 5\r\n" + CHUNKED + b"0\r\n\r\n" + NEXT,
    "an underscore": HEAD + b"transfer_encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    "another request": HEAD + b"\r\nGET /inner HTTP/1.1\r\nhost: a.test\r\n\r\n",
    "another body": HEAD + b"content-length: 5\r\n\r\nhallo",
    "another field": HEAD + b"x-odd: y\r\ncontent-length: 5\r\n\r\nhello",
    "a break before the end": HEAD + CHUNKED + b"5\r\nhel" + NEXT,
}
SAFE = HEAD + b"content-length: 5\r\n\r\nhello" + HEAD.replace(b"/0-", b"/1-") + CHUNKED + b"5\r\nhel"
OUTER: Pairs = [(b":method", b"POST"), (b":authority", b"a.test")]
SENT = {number: Stream(number, OUTER, body=b"hello") for number in (0, 1)}


@pytest.mark.parametrize("capture", UNSAFE.values(), ids=UNSAFE)
def test_the_judge_tells_what_is_unsafe(capture: bytes) -> None:
    with pytest.raises(AssertionError):
        judge(capture, SENT)


def test_the_judge_takes_what_is_safe_and_what_breaks_off() -> None:
    assert judge(SAFE, SENT) == [0, 1]


def test_b10_b13_b14_b15_b16_every_reader_agrees_on_what_is_forwarded_of_5000_streams() -> None:
    counts = run(5_000, seed=1)
    assert counts["forwarded"] > 1_200, counts


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_b10_b13_b14_b15_b16_every_reader_agrees_on_what_is_forwarded_of_60000_streams() -> None:
    counts = run(60_000, seed=2)
    assert counts["forwarded"] > 14_000, counts
