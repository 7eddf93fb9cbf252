"""Plays upstreams: answers what a test says, and keeps what arrives."""

import asyncio
import contextlib
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

_MOST_HEAD = 1 << 20
_USUAL: Mapping[str, Any] = {"status": 200, "headers": {}, "body": ""}
_BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class PlayedUpstreams:
    """Upstreams on free ports of loopback, served by a thread of their own; used in a `with`.

    Shape: `ports` are by upstream. One test after the other says what they `answer`; `arrivals` are its requests.
    """

    def __init__(self, upstreams: Iterable[str]) -> None:
        self.ports: dict[str, int] = {}
        self.answers: Mapping[str, Mapping[str, Any]] = {}
        self.arrivals: list[dict[str, Any]] = []
        self._upstreams = list(upstreams)
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()

    def play(self, answers: Mapping[str, Mapping[str, Any]]) -> None:
        """Begin with another test."""
        self.answers, self.arrivals = answers, []

    async def _run(self) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        try:
            servers = [await self._listen(upstream) for upstream in self._upstreams]
        except OSError as problem:
            self._ready.set_exception(problem)
            return
        self._ready.set_result(None)
        await self._ending.wait()
        for server in servers:
            server.close()

    async def _listen(self, upstream: str) -> asyncio.Server:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(upstream, reader, writer)

        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=_MOST_HEAD)
        self.ports[upstream] = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, upstream: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            while True:
                arrival = await _read(reader)
                self.arrivals.append({"upstream": upstream, **arrival})
                writer.write(_answer(self.answers.get(upstream, _USUAL), arrival["method"]))
                await writer.drain()


async def _read(reader: asyncio.StreamReader) -> dict[str, Any]:
    """The next request of a connection.

    Raises: EOFError where there is none any more; ValueError if it is no HTTP.
    """
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ", 2)
    fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:-2])]
    known = dict(fields)
    if "chunked" in known.get("transfer-encoding", "").lower():
        body = await _chunks(reader)
    else:
        body = await reader.readexactly(int(known.get("content-length", "0")))
    return {"method": method, "path": path, "headers": fields, "body": body.decode(errors="replace")}


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers
    return body


def _answer(answer: Mapping[str, Any], method: str) -> bytes:
    status, body = int(answer["status"]), str(answer["body"]).encode()
    fields = [*answer["headers"].items()]
    if status not in _BODILESS:
        fields.append(("content-length", str(len(body))))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    has_body = status not in _BODILESS and method != "HEAD"
    return f"HTTP/1.1 {status} Played\r\n{head}\r\n".encode() + (body if has_body else b"")
