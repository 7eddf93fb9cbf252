"""Readers of HTTP/1.1 requests beside ours: h11, which is strict, httptools, which is Node's, and a lenient one.

Each reads a connection's worth of bytes. All texts are latin-1.
"""

import json
import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h11
import httptools

from tools.repository import ROOT

Fields = list[tuple[str, str]]


@dataclass
class Message:
    """A request whose head was accepted."""

    method: str
    target: str
    fields: Fields
    body: str = ""
    is_whole: bool = False


@dataclass
class Reading:
    """What a connection's worth of bytes says to a reader."""

    requests: list[Message] = field(default_factory=list)
    refused: str | None = None
    """Why what comes next is refused."""
    is_closed: bool = False
    """Whether the last request asks for the connection to be closed."""
    has_rest: bool = False
    """Whether something is left that is no whole head."""
    cut: int | None = None
    """Where the bytes are to be cut in two so that they say something else."""


def ours(connections: Sequence[bytes]) -> list[Reading]:
    """What the gateway's own parser reads, each connection also cut in two at every byte."""
    given = b"".join(len(one).to_bytes(4, "big") + one for one in connections)
    ended = subprocess.run([reader_program()], input=given, capture_output=True, check=True)
    return [reading(*json.loads(line)) for line in ended.stdout.splitlines()]


def reader_program() -> Path:
    """Path of the program that reads with the gateway's parser; the tests in Rust have built it as a rule."""
    shared = ("--workspace", "--exclude=penstock-python", "--example=read_requests")
    subprocess.run(["cargo", "build", "--quiet", "--release", "--locked", *shared], cwd=ROOT, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/examples/read_requests"


def reading(found: dict[str, Any], cut: int | None) -> Reading:
    """What the program says, as the other readers say it."""
    requests = [
        Message(one["method"], one["target"], [tuple(pair) for pair in one["fields"]], one["body"], one["is_whole"])
        for one in found["requests"]
    ]
    return Reading(requests, found["refused"], found["is_closed"], found["has_rest"], cut)


def text(data: bytes | bytearray) -> str:
    return bytes(data).decode("latin-1")


def strict(pieces: Iterable[bytes]) -> Reading:
    """What h11 reads."""
    connection, found = h11.Connection(h11.SERVER), Reading()
    try:
        for piece in pieces:
            connection.receive_data(piece)
            _take_events(connection, found)
    except h11.RemoteProtocolError as error:
        found.refused = str(error)
    found.has_rest = bool(connection.trailing_data[0]) and not found.is_closed
    return found


def _take_events(connection: h11.Connection, found: Reading) -> None:
    while True:
        match connection.next_event():
            case h11.NEED_DATA:
                return
            case h11.PAUSED if connection.our_state is not h11.SEND_RESPONSE:
                return
            case h11.PAUSED:
                _answer(connection)
            case h11.Request(method=method, target=target, headers=fields):
                named = [(text(name).lower(), text(value)) for name, value in fields]
                found.requests.append(Message(text(method), text(target), named))
            case h11.Data(data=data):
                found.requests[-1].body += text(data)
            case h11.EndOfMessage():
                found.requests[-1].is_whole = True
                if not _answer(connection):
                    found.is_closed = True
                    return
            case h11.ConnectionClosed():
                return


def _answer(connection: h11.Connection) -> bool:
    """Answer, so that the next request is read; says whether there may be one."""
    connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
    connection.send(h11.EndOfMessage())
    if connection.our_state is not h11.DONE:
        return False
    connection.start_next_cycle()
    return True


class _Listener:
    """What httptools calls."""

    def __init__(self) -> None:
        self.found = Reading()
        self.url = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.is_in_body = False
        self.parser = httptools.HttpRequestParser(self)

    def on_message_begin(self) -> None:
        self.url, self.fields, self.is_in_body = b"", [], False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        # Behind the body they are trailers.
        if not self.is_in_body:
            # Spaces and tabs behind a value it leaves to whoever asks.
            self.fields.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        self.is_in_body = True
        named = [(text(name).lower(), text(value)) for name, value in self.fields]
        self.found.requests.append(Message(text(self.parser.get_method()), text(self.url), named))

    def on_body(self, body: bytes) -> None:
        self.found.requests[-1].body += text(body)

    def on_message_complete(self) -> None:
        self.found.requests[-1].is_whole = True
        self.found.is_closed = not self.parser.should_keep_alive()


def usual(pieces: Iterable[bytes]) -> Reading:
    """What httptools reads."""
    listener = _Listener()
    try:
        for piece in pieces:
            listener.parser.feed_data(piece)
    except httptools.HttpParserUpgrade:
        listener.found.is_closed = True
    except httptools.HttpParserError as error:
        listener.found.refused = str(error) or type(error).__name__
    return listener.found


def lenient(data: bytes) -> Reading:
    """What a careless server reads.

    Bare line feeds end lines, numbers are read as far as they go, chunks win over a length, underscores are hyphens,
    and what breaks off is a request all the same.
    """
    found = Reading()
    while data.strip(b"\r\n"):
        data = data.lstrip(b"\r\n")
        head, data = _split_head(data)
        start, *lines = head.split(b"\n")
        words = start.split()
        message = Message(text(words[0]), text(words[1] if len(words) > 1 else b""), [])
        for line in lines:
            name, _, value = line.strip().partition(b":")
            message.fields.append((text(name.strip()).lower().replace("_", "-"), text(value.strip())))
        found.requests.append(message)
        body, data, message.is_whole = _lenient_body(message.fields, data)
        message.body = text(body)
    return found


def _split_head(data: bytes) -> tuple[bytes, bytes]:
    ends = [(at, len(end)) for end in (b"\n\n", b"\n\r\n") if (at := data.find(end)) >= 0]
    at, length = min(ends, default=(len(data), 0))
    return data[:at], data[at + length :]


def _lenient_body(fields: Fields, data: bytes) -> tuple[bytes, bytes, bool]:
    """The body, what follows it, and whether it is whole."""
    values = dict(fields)
    if any(name == "transfer-encoding" and "chunked" in value.lower() for name, value in fields):
        return _lenient_chunks(data)
    length = _number(values.get("content-length", "0").encode("latin-1"), b"0123456789", 10)
    return data[:length], data[length:], len(data) >= length


def _lenient_chunks(data: bytes) -> tuple[bytes, bytes, bool]:
    body = b""
    while data:
        line, _, data = data.partition(b"\n")
        size = _number(line.strip(), b"0123456789abcdefABCDEF", 16)
        if size == 0:
            trailers, is_whole = data.partition(b"\n")[0].strip(), True
            while trailers and is_whole:
                _, _, data = data.partition(b"\n")
                trailers, is_whole = data.partition(b"\n")[0].strip(), bool(data)
            return body, data.partition(b"\n")[2], is_whole
        body, data = body + data[:size], data[size:].partition(b"\n")[2]
    return body, b"", False


def _number(line: bytes, digits: bytes, base: int) -> int:
    """The longest number that a line begins with."""
    end = next((at for at, digit in enumerate(line) if digit not in digits), len(line))
    return int(line[:end] or b"0", base)
