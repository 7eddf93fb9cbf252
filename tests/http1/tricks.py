"""Connections' worth of requests with the tricks by which readers have been set against each other."""

import random
from collections.abc import Iterator

INNER = b"GET /inner HTTP/1.1\r\nHost: a.test\r\n\r\n"

GOOD_STARTS = ["GET /outer HTTP/1.1", "POST /outer HTTP/1.1", "PUT /outer HTTP/1.1", "HEAD /outer HTTP/1.1"]
ODD_STARTS = [
    "POST /outer HTTP/1.0",
    "GET http://b.test/outer HTTP/1.1",
    "OPTIONS * HTTP/1.1",
    "PURGE /outer HTTP/1.1",
    "POST  /outer HTTP/1.1",
    "POST /outer  HTTP/1.1",
    "POST /outer HTTP/1.1 ",
    "POST\t/outer HTTP/1.1",
    "POST /out er HTTP/1.1",
    "POST /outer HTTP/1.01",
    "POST /outer HTTP/2.0",
    "POST /outer http/1.1",
    "POST /outer",
    "\r\nPOST /outer HTTP/1.1",
    "\r\n\r\nPOST /outer HTTP/1.1",
    "\nPOST /outer HTTP/1.1",
    "POST /\xe9 HTTP/1.1",
    'P"ST /outer HTTP/1.1',
]
LENGTH, CHUNKED = "Content-Length: 5", "Transfer-Encoding: chunked"
ODD_LINES = [
    LENGTH,
    CHUNKED,
    "X-Plain: y",
    "Content-Length: 6",
    "Content-Length: 0",
    "Content-Length: 00005",
    "Content-Length: +5",
    "Content-Length: 5 ",
    "Content-Length: 5,5",
    "Content-Length: 5, 6",
    "Content-Length: 0x5",
    "Content-Length: -1",
    "Content-Length: 5\t",
    "Content-Length:5",
    "Content-Length : 5",
    "Content-Length:\r\n 5",
    "Content-Length: 18446744073709551621",
    "Content-Length: \xb2",
    "Content_Length: 5",
    " Content-Length: 5",
    "Content-Length\x00: 5",
    "content-length: 5",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding:chunked",
    "Transfer-Encoding:\tchunked\t",
    "Transfer-Encoding: Chunked",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: chunked,",
    "Transfer-Encoding: \x0bchunked",
    "Transfer-Encoding: 'chunked'",
    "Transfer-Encoding:\r\n chunked",
    "Transfer-Encoding: chunked;a=b",
    "Transfer_Encoding: chunked",
    "X: y\rTransfer-Encoding: chunked",
    "X: y\nTransfer-Encoding: chunked",
    "X: y\r\n\tTransfer-Encoding: chunked",
    "X: y\x00",
    "X: \x7f",
    "X: \xe9\xa0",
    "X:",
    ": y",
    "X",
    "X y: z",
    "(X): y",
    "Connection: close",
    "Connection: keep-alive",
    "Connection: Content-Length",
    "Connection: Transfer-Encoding",
    "Connection: upgrade",
    "Upgrade: h2c",
    "Upgrade: websocket",
    "Expect: 100-continue",
    "Expect: 200",
    "TE: trailers, chunked",
    "Trailer: Content-Length",
    "Host: b.test",
    "Host : a.test",
]
BODIES = [
    "",
    "hello",
    "hello!",
    "0\r\n\r\n",
    "5\r\nhello\r\n0\r\n\r\n",
    "05\r\nhello\r\n00\r\n\r\n",
    "5;a=b\r\nhello\r\n0;c\r\n\r\n",
    '5;a="b;\\"c"\r\nhello\r\n0\r\n\r\n',
    "5 \r\nhello\r\n0\r\n\r\n",
    "5 ;a\r\nhello\r\n0\r\n\r\n",
    "5; a = b\r\nhello\r\n0\r\n\r\n",
    "5;\nxx\r\nhello\r\n0\r\n\r\n",
    "5;a\rb\r\nhello\r\n0\r\n\r\n",
    "5\nhello\n0\n\n",
    "5\r\nhello0\r\n\r\n",
    "5\r\nhello\r\n0\r\nX: y\r\n\r\n",
    "5\r\nhello\r\n0\r\nContent-Length: 7\r\n\r\n",
    "5\r\nhello\r\n0\r\nX: y\n\r\n",
    "5\r\nhello\r\n0\r\nX y\r\n\r\n",
    "5\r\nhello\r\n0\r\n x: y\r\n\r\n",
    "5\r\nhello\r\n0\r\n\n",
    "0x5\r\nhello\r\n0\r\n\r\n",
    "+5\r\nhello\r\n0\r\n\r\n",
    "5\r\nhello\r\n-0\r\n\r\n",
    "10000000000000005\r\nhello\r\n0\r\n\r\n",
    "ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "5\r\nhel",
]
PIECES = ["\r\n", "\n", "\r", " ", "\t", ":", ",", ";", "0", "5", "f", "\0", "\x0b", "\x80", "_", '"', "\\", "=", "a"]


GOOD_BODIES = {None: [""], LENGTH: ["hello"], CHUNKED: [body for body in BODIES if body.endswith("\r\n0\r\n\r\n")]}
PLACES = ["start", "line", "line", "body", "bytes", "host"]


def connection(chance: random.Random) -> bytes:
    """One outer request, mostly with a trick, sometimes with several, and one behind it."""
    places = chance.sample(PLACES, chance.choice([0, 1, 1, 1, 2, 3]))
    framing = chance.choice([*GOOD_BODIES])
    lines = [line for line in (framing, *(chance.choice(ODD_LINES) for _ in range(places.count("line")))) if line]
    lines += [] if "host" in places else ["Host: a.test"]
    chance.shuffle(lines)
    start = chance.choice(ODD_STARTS if "start" in places else GOOD_STARTS)
    body = chance.choice(BODIES if "body" in places else GOOD_BODIES[framing])
    data = "\r\n".join([start, *lines, "", body])
    if "bytes" in places:
        data = mutated(data, chance)
    return data.encode("latin-1") + INNER


def mutated(data: str, chance: random.Random) -> str:
    """With a few stretches exchanged."""
    for _ in range(chance.randint(1, 2)):
        start = chance.randrange(len(data) + 1)
        end = start + chance.choice([0, 0, 1, 1, 2, 4])
        data = data[:start] + chance.choice(PIECES) + data[end:]
    return data


def connections(count: int, seed: int) -> Iterator[bytes]:
    """The same ones in every run."""
    chance = random.Random(seed)
    for _ in range(count):
        yield connection(chance)
