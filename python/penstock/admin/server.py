"""Serves the admin API on a listening socket, to few connections at a time."""

import asyncio
import logging
import socket
from collections.abc import Callable

from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from penstock.admin.access import App

LARGEST_HEAD = 16 * 1024
MOST_IDLE = 64
"""Connections that may wait for a request, or for their answer to be taken."""
BACKLOG = 32
"""Connections taken in one turn of the loop: those that make room close their descriptors a turn later."""
_HEAD_SECONDS = 10.0
_KEPT_SECONDS = 5


class _Idle:
    """Connections that keep nobody busy, longest first.

    Whoever is silent, or does not take its answer, holds a place until others want it: nobody can keep them out.
    """

    def __init__(self) -> None:
        self.connections: dict[_Connection, None] = {}

    def enter(self, connection: "_Connection") -> None:
        if len(self.connections) >= MOST_IDLE:
            longest = next(iter(self.connections))
            del self.connections[longest]
            longest.transport.abort()
        self.connections[connection] = None

    def leave(self, connection: "_Connection") -> None:
        self.connections.pop(connection, None)


class _Connection(H11Protocol):
    """One connection; its request has to come in time."""

    def __init__(self, config: Config, state: ServerState, idle: _Idle) -> None:
        super().__init__(config, state, {})
        self._idle = idle
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # a stream's transport is what it is given
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_busy:
            self._idle.leave(self)
            self._forget_time()
        elif self._late is None and not self.transport.is_closing():
            self._wait()

    def pause_writing(self) -> None:
        super().pause_writing()
        # Whoever does not take an answer may be done without.
        self._idle.enter(self)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._is_busy:
            self._idle.leave(self)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing():
            self._idle.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._idle.leave(self)
        self._forget_time()
        super().connection_lost(exc)

    @property
    def _is_busy(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _wait(self) -> None:
        self._idle.enter(self)
        self._late = self.loop.call_later(_HEAD_SECONDS, self.transport.abort)

    def _forget_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


async def serve_on(listening: socket.socket, make: Callable[[], App]) -> asyncio.Server:
    """Begin to answer on a socket that listens."""
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
    )
    config.load()
    state, idle = ServerState(), _Idle()
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _Connection(config, state, idle), sock=listening, backlog=BACKLOG)
