"""A small HTTP server for the admin port: one request a connection, no bodies."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

LARGEST_HEAD = 16 * 1024
MOST_IDLE = 64
"""Connections that may wait for a request, or for their answer to be taken."""
BACKLOG = 32
"""Connections taken in one turn of the loop: those that make room close their descriptors a turn later."""
_HEAD_SECONDS = 10.0
_WRITE_SECONDS = 30.0
_WORDS_OF_REQUEST_LINE = 3


@dataclass(frozen=True, slots=True)
class Request:
    """A request; names of fields are in lower case, of repeated fields the last is kept."""

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Response:
    """An answer."""

    status: HTTPStatus
    body: str
    media_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[Request], Awaitable[Response]]


def as_json(data: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """An answer that holds data."""
    return Response(status, json.dumps(data) + "\n", "application/json")


def parse(head: bytes) -> Request:
    """The request of a head.

    Raises: ValueError if it is malformed.
    """
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != _WORDS_OF_REQUEST_LINE or words[2] not in {"HTTP/1.0", "HTTP/1.1"}:
        raise ValueError("not a request line")
    headers: dict[str, str] = {}
    for line in filter(None, lines[1:]):
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise ValueError("not a field")
        if name.lower() == "host" and "host" in headers:
            raise ValueError("two hosts")
        headers[name.lower()] = value.strip()
    return Request(words[0], words[1].partition("?")[0], headers)


@dataclass(slots=True)
class Connections:
    """The open connections of one port, each with one request.

    Whoever is silent, or does not take its answer, holds a place until others want it: nobody can keep them out.
    """

    answer: Answer
    _idle: dict[asyncio.StreamWriter, None] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the one request of a connection."""
        if len(self._idle) >= MOST_IDLE:
            longest = next(iter(self._idle))
            del self._idle[longest]
            longest.transport.abort()
        try:
            with self._is_idle(writer):
                request = await _asked(reader)
            if request is None:
                return
            response = request if isinstance(request, Response) else await self.answer(request)
            is_head = isinstance(request, Request) and request.method == "HEAD"
            with self._is_idle(writer):
                writer.transport.set_write_buffer_limits(0)
                writer.write(_serialised(response, is_head))
                await asyncio.wait_for(writer.drain(), _WRITE_SECONDS)
        except OSError:
            pass  # whoever asked has gone, or takes nothing
        finally:
            writer.close()

    @contextlib.contextmanager
    def _is_idle(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        self._idle[writer] = None
        try:
            yield
        finally:
            self._idle.pop(writer, None)


async def _asked(reader: asyncio.StreamReader) -> Request | Response | None:
    """The request, or the answer to one that is none; None if nothing was asked."""
    try:
        async with asyncio.timeout(_HEAD_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
        return parse(head)
    except (asyncio.IncompleteReadError, TimeoutError):
        return None
    except (asyncio.LimitOverrunError, ValueError) as problem:
        return Response(HTTPStatus.BAD_REQUEST, f"{problem}\n")


def _serialised(response: Response, is_head: bool) -> bytes:  # noqa: FBT001 - a fact, not a switch
    body = response.body.encode()
    fields = {
        "content-type": response.media_type,
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "connection": "close",
        **response.headers,
    }
    head = f"HTTP/1.1 {response.status.value} {response.status.phrase}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return head.encode("latin-1") + b"\r\n" + (b"" if is_head else body)
