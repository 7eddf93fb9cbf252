"""A WebSocket endpoint for tests: a well-known server that says everything back, and notes how connections ended."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol


def echo(connection: ServerConnection) -> None:
    """Say back what comes, fragment by fragment."""
    while True:
        fragments = connection.recv_streaming()
        connection.send(fragments)


class WebSocketOrigin:
    """Runs a script for each connection. `ends` holds the close code that each one got, `None` where none came."""

    def __init__(
        self,
        script: Callable[[ServerConnection], None] = echo,
        *,
        compression: str | None = None,
        subprotocols: Sequence[str] = (),
    ) -> None:
        self.ends: list[int | None] = []
        self._script = script
        self._server = serve(
            self._serve,
            "127.0.0.1",
            0,
            compression=compression,
            subprotocols=[Subprotocol(name) for name in subprotocols] or None,
            max_size=None,
            ping_interval=None,
            close_timeout=5,
        )
        self.port = int(self._server.socket.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()

    def _serve(self, connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            self._script(connection)
        connection.close()
        received = connection.protocol.close_rcvd
        self.ends.append(received.code if received else None)
