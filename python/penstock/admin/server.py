"""Serves the admin API on a listening socket, to few connections at a time."""

import asyncio
import logging
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Protocol

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from penstock.admin.access.guard import App
from penstock.admin.security_headers import ENCODED

LARGEST_HEAD = 16 * 1024
MOST_IDLE = 64
"""Connections that may wait for a request, or for their answer to be taken."""
MOST = 1024
"""Connections in all: those of streams that somebody watches, too."""
BACKLOG = 32
"""Connections taken in one turn of the loop: those that make room close their descriptors a turn later."""
TAKEN_SECONDS = 60.0
"""Time in which something of an answer that waits has to be taken: a stream would else be held for nobody."""
_HEAD_SECONDS = 10.0
_KEPT_SECONDS = 5
_CREDENTIALS = struct.Struct("3i")
"""Process, user and group, as the kernel tells them."""


class _Placed(Protocol):
    """What holds a place."""

    transport: asyncio.Transport


class _Idle:
    """Connections that keep nobody busy, longest first.

    Whoever is silent, or does not take its answer, holds a place until others want it: nobody can keep them out.
    """

    def __init__(self) -> None:
        self.connections: dict[_Placed, None] = {}

    def enter(self, connection: _Placed) -> None:
        if len(self.connections) >= MOST_IDLE:
            longest = next(iter(self.connections))
            del self.connections[longest]
            longest.transport.abort()
        self.connections[connection] = None

    def leave(self, connection: _Placed) -> None:
        self.connections.pop(connection, None)


class _Connection(H11Protocol):
    """One connection; its request has to come in time."""

    def __init__(self, config: Config, state: ServerState, idle: _Idle) -> None:
        super().__init__(config, state, {})
        self._idle = idle
        self._late: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None
        self._is_begun = False
        self._early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # a stream's transport is what it is given
        self._is_begun = True
        self.client = _peer(transport) or self.client
        self._wait()
        if self._early:
            self.data_received(self._early)

    def data_received(self, data: bytes) -> None:
        if not self._is_begun:
            # What came with the end of a handshake.
            self._early += data
            return
        super().data_received(data)
        if self._is_busy:
            self._idle.leave(self)
            self._forget_time()
        elif self._late is None and not self.transport.is_closing():
            self._wait()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request, as browsers are told in every answer."""
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close"), *ENCODED]
        answer = (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=msg.encode()),
            h11.EndOfMessage(),
        )
        self.transport.write(b"".join(self.conn.send(event) or b"" for event in answer))
        self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        # Whoever does not take an answer may be done without.
        self._idle.enter(self)
        self._stuck = self.loop.call_later(TAKEN_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._forget_stop()
        if self._is_busy:
            self._idle.leave(self)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing():
            self._idle.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._is_begun:
            return  # in the middle of a handshake
        self._idle.leave(self)
        self._forget_time()
        self._forget_stop()
        super().connection_lost(exc)

    @property
    def _is_busy(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _wait(self) -> None:
        self._idle.enter(self)
        self._late = self.loop.call_later(_HEAD_SECONDS, self.transport.abort)

    def _forget_stop(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _forget_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class _Handshake(asyncio.Protocol):
    """A connection that is not enciphered yet: it holds a place as one that keeps nobody busy."""

    transport: asyncio.Transport

    def __init__(self, inner: _Connection, context: ssl.SSLContext, idle: _Idle) -> None:
        self._inner, self._context, self._idle = inner, context, idle
        self._doing: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream's transport is what it is given
        self.transport.pause_reading()
        self._idle.enter(self)
        self._doing = asyncio.get_running_loop().create_task(self._encipher())

    async def _encipher(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            enciphered = await loop.start_tls(
                self.transport, self._inner, self._context, server_side=True, ssl_handshake_timeout=_HEAD_SECONDS
            )
        except (OSError, TimeoutError):
            self.transport.abort()
            return
        finally:
            self._idle.leave(self)
        if enciphered is not None:
            self._inner.connection_made(enciphered)


def _peer(transport: asyncio.BaseTransport) -> tuple[str, int] | None:
    """Who is at the other end of a unix socket: the user, and the process."""
    peer = transport.get_extra_info("socket")
    if peer is None or peer.family != socket.AF_UNIX:
        return None
    process, user, _ = _CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return f"socket, user {user}", process


async def serve_on(
    listening: socket.socket, make: Callable[[], App], contexts: Callable[[], ssl.SSLContext] | None = None
) -> asyncio.Server:
    """Begin to answer on a socket that listens, enciphered with what `contexts` gives for each connection."""
    # What strangers send is theirs to know: a line for each would fill the log.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    config = Config(
        make(),
        http=_Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEPT_SECONDS,
        h11_max_incomplete_event_size=LARGEST_HEAD,
        limit_concurrency=MOST,
    )
    config.load()
    state, idle = ServerState(), _Idle()
    loop = asyncio.get_running_loop()

    def meet() -> asyncio.Protocol:
        inner = _Connection(config, state, idle)
        return inner if contexts is None else _Handshake(inner, contexts(), idle)

    return await loop.create_server(meet, sock=listening, backlog=BACKLOG)
