"""A small HTTP server for the admin port: one request a connection, no bodies."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

LARGEST_HEAD = 16 * 1024
_HEAD_SECONDS = 10.0
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


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> None:
    """Answer the one request of a connection."""
    try:
        response = await _respond(reader, answer)
        if response is not None:
            writer.write(_serialised(*response))
            await writer.drain()
    except OSError:
        pass  # whoever asked has gone
    finally:
        writer.close()


async def _respond(reader: asyncio.StreamReader, answer: Answer) -> tuple[Response, bool] | None:
    """The answer, and whether its body is left out; None if nothing was asked."""
    try:
        async with asyncio.timeout(_HEAD_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
        request = parse(head)
    except (asyncio.IncompleteReadError, TimeoutError):
        return None
    except (asyncio.LimitOverrunError, ValueError) as problem:
        return Response(HTTPStatus.BAD_REQUEST, f"{problem}\n"), False
    return await answer(request), request.method == "HEAD"


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
