"""Streams of HTTP/2 with the tricks that make two requests of one where they are told to an origin of HTTP/1.1."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

DATA, HEADERS, CONTINUATION = 0, 1, 9
END_STREAM, END_HEADERS, PADDED = 1, 4, 8

Pairs = list[tuple[bytes, bytes]]

INNER = b"GET /inner HTTP/1.1\r\nHost: a.test\r\n\r\n"
LINES = [b"\r\nTransfer-Encoding: chunked", b"\r\n\r\n" + INNER, b"\nContent-Length: 0", b"\rX: y", b"\0", b"\x7f"]

GOOD_METHODS, ODD_METHODS = (
    [b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS"],
    [b"get", b"", b"CONNECT", b"TRACE", b"P ST", b"PURGE", b"P\xe9ST", b"POST\t", b"GET /inner HTTP/1.1\r\n\r\nGET"],
)
GOOD_AUTHORITIES, ODD_AUTHORITIES = (
    [b"a.test"],
    [
        *(b"a.test:80", b"A.test.", b"", b"u@a.test", b"a.test/x", b"a.test, b.test", b"a b", b"b.test"),
        *(b"a.test" + line for line in LINES),
    ],
)
GOOD_SCHEMES, ODD_SCHEMES = (
    [b"http"],
    [b"https", b"", b"http://a.test/x?", b"http /inner HTTP/1.1\r\nX: ", b"ftp", b"HTTP", b"http\0"],
)
GOOD_PATHS, ODD_PATHS = (
    [b"%s", b"%s?a=b"],
    [
        *(b"%s/../%s", b"/%s", b"%s HTTP/1.1", b"%s HTTP/1.1\r\nX: y", b"http://b.test%s", b"x%s", b"%s#x", b"%s?a b"),
        *(
            b"%s?\r\n\r\n" + INNER,
            b"%s/x/%%2e%%2e/%%0d%%0a",
            b"%s\t",
            b"%s\xe9?\xe9",
            b"%s\0",
            b"",
            b"%s?%%0d%%0aX:%%20y",
        ),
    ],
)
GOOD_FIELDS: Pairs = [(b"x-plain", b"y"), (b"content-length", b"LENGTH"), (b"cookie", b"a=b"), (b"te", b"trailers")]
LENGTHS = [
    b"0",
    b"5",
    b"+LENGTH",
    b"0LENGTH",
    b"LENGTH,LENGTH",
    b"LENGTH x",
    b"-1",
    b"",
    b"0xLENGTH",
    b"LENGTH\r\nX: y",
]
LENGTHS += [b"18446744073709551621", b"\xb2"]
ODD_FIELDS: Pairs = [
    *((b"content-length", value) for value in LENGTHS),
    *((name, b"LENGTH") for name in (b"Content-Length", b"content_length", b"content-length ", b" content-length")),
    *((b"transfer-encoding", value) for value in (b"chunked", b"identity", b"Chunked", b"")),
    *((name, b"chunked") for name in (b"Transfer-Encoding", b"transfer_encoding", b"transfer-encoding:")),
    *((b"connection", value) for value in (b"close", b"content-length", b"x-plain", b"upgrade", b"transfer-encoding")),
    *((b"keep-alive", b"5"), (b"proxy-connection", b"close"), (b"upgrade", b"websocket"), (b"http2-settings", b"AAMA")),
    *((b"te", value) for value in (b"chunked", b"trailers, chunked", b"trailers;q=0")),
    *((b"host", value) for value in (b"a.test", b"b.test", b"A.TEST", b"a.test\r\nX: y", b"")),
    *((b"expect", value) for value in (b"100-continue", b"200", b"100-continue\r\nX: y")),
    *((b"trailer", value) for value in (b"content-length", b"x-sum")),
    *((b"x-odd", b"y" + line) for line in LINES),
    *((b"x-odd" + line, b"y") for line in LINES),
    *(
        (name, b"y")
        for name in (b"", b"x y", b"x:y", b"X-Upper", b"x\xe9", b":path", b":late", b"(x)", b"x-odd:", b"\tx")
    ),
    *((b"x-odd", value) for value in (b"", b" y", b"y ", b"\ty", b"\xe9\xa0", b"y" * 300)),
    *((b"cookie", value) for value in (b"c=d", b"e=f\r\nX: y", b"")),
    *((b"x-forwarded-for", value) for value in (b"1.2.3.4", b"1.2.3.4\r\nX: y")),
]
BODIES = [
    b"",
    b"",
    b"hello",
    b"0\r\n\r\n",
    b"0\r\n\r\n" + INNER,
    INNER,
    b"5\r\nhello\r\n0\r\n\r\n" + INNER,
    b"\r\n\r\n" + INNER,
]
GOOD_TRAILERS: list[Pairs] = [[], [], [(b"x-sum", b"7")]]
ODD_TRAILERS: list[Pairs] = [
    *([(name, b"5")] for name in (b"content-length", b"transfer-encoding", b"host", b"authorization", b"connection")),
    *(
        [(name, b"y")]
        for name in (b":path", b"X-Upper", b"x y", b"x:", b"x-odd\r\nX", b"", b"te", b"expect", b"content_length")
    ),
    *([(b"x-odd", b"y" + line)] for line in LINES),
]
BYTES = [b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b"\0", b",", b"\x80", b"_", b"/", b"5"]


@dataclass
class Stream:
    """One request as it is sent."""

    number: int
    fields: Pairs
    body: bytes = b""
    trailers: Pairs = field(default_factory=list)
    has_empty_end: bool = False
    """Whether an empty frame ends it."""
    cut: int = 0
    """Where its head is cut in two frames; 0: nowhere."""

    @property
    def target(self) -> bytes:
        """What nobody else asks for."""
        return target_of(self.number)

    def frames(self, stream: int, chance: random.Random) -> bytes:
        """The frames of the whole request, ended."""
        has_more = bool(self.body or self.trailers or self.has_empty_end)
        sent = head_frames(stream, block(self.fields, chance), self.cut, 0 if has_more else END_STREAM)
        middle = chance.randrange(len(self.body) + 1) if self.body else 0
        pieces = [piece for piece in (self.body[:middle], self.body[middle:]) if piece]
        if self.has_empty_end and not self.trailers:
            pieces.append(b"")
        for index, piece in enumerate(pieces):
            ends = END_STREAM if index == len(pieces) - 1 and not self.trailers else 0
            padding = chance.choice([0, 0, 3])
            flags = ends | (PADDED if padding else 0)
            sent += frame(DATA, flags, stream, bytes([padding]) + piece + bytes(padding) if padding else piece)
        if self.trailers:
            sent += head_frames(stream, block(self.trailers, chance), 0, END_STREAM)
        return sent


def target_of(number: int) -> bytes:
    return b"/s/%d-" % number


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def head_frames(stream: int, data: bytes, cut: int, flags: int) -> bytes:
    if not 0 < cut < len(data):
        return frame(HEADERS, flags | END_HEADERS, stream, data)
    return frame(HEADERS, flags, stream, data[:cut]) + frame(CONTINUATION, END_HEADERS, stream, data[cut:])


def block(fields: Pairs, chance: random.Random) -> bytes:
    """A header block of plain literals, so that any byte can be said; some are kept in the table."""
    lines = (bytes([chance.choice([0x00, 0x10, 0x40])]) + literal(name) + literal(value) for name, value in fields)
    return b"".join(lines)


def literal(text: bytes) -> bytes:
    if len(text) < 127:
        return bytes([len(text)]) + text
    rest, digits = len(text) - 127, b"\x7f"
    while rest >= 128:
        digits, rest = digits + bytes([rest % 128 + 128]), rest // 128
    return digits + bytes([rest]) + text


PLACES = ["method", "scheme", "authority", "path", "fields", "fields", "fields", "order", "bytes", "trailers"]


def stream(number: int, chance: random.Random) -> Stream:
    """One request, mostly with a trick, sometimes with several."""
    places = chance.sample(PLACES, chance.choice([0, 1, 1, 1, 2, 3]))

    def pick(place: str, good: list[bytes], odd: list[bytes]) -> bytes:
        return chance.choice(odd if place in places else good)

    target = target_of(number)
    fields = [
        (b":method", pick("method", GOOD_METHODS, ODD_METHODS)),
        (b":scheme", pick("scheme", GOOD_SCHEMES, ODD_SCHEMES)),
        (b":authority", pick("authority", GOOD_AUTHORITIES, ODD_AUTHORITIES)),
        (b":path", pick("path", GOOD_PATHS, ODD_PATHS).replace(b"%s", target).replace(b"%%", b"%")),
    ]
    fields += chance.sample(GOOD_FIELDS, chance.choice([0, 1, 2]))
    fields += [chance.choice(ODD_FIELDS) for _ in range(places.count("fields"))]
    if "order" in places:
        index = chance.randrange(len(fields))
        fields.insert(chance.randrange(len(fields)), fields.pop(index) if chance.random() < 0.5 else fields[index])
    if "bytes" in places:
        index = chance.randrange(len(fields))
        fields[index] = mutated(fields[index], chance)
    body = chance.choice(BODIES)
    length = str(len(body)).encode()
    return Stream(
        number,
        fields=[(name, value.replace(b"LENGTH", length)) for name, value in fields],
        body=body,
        trailers=chance.choice(ODD_TRAILERS if "trailers" in places else GOOD_TRAILERS),
        has_empty_end=chance.random() < 0.2,
        cut=chance.choice([0, 0, chance.randrange(1, 40)]),
    )


def mutated(pair: tuple[bytes, bytes], chance: random.Random) -> tuple[bytes, bytes]:
    """With a byte put into the name or the value; of a path, behind what tells it from others."""
    name, value = pair
    odd = chance.choice(BYTES)
    if name != b":path" and chance.random() < 0.3:
        place = chance.randrange(len(name) + 1)
        return name[:place] + odd + name[place:], value
    place = len(value) if name == b":path" else chance.randrange(len(value) + 1)
    return name, value[:place] + odd + value[place:]


def streams(count: int, chance: random.Random) -> Iterator[Stream]:
    """So many requests, each with a target of its own."""
    for number in range(count):
        yield stream(number, chance)
