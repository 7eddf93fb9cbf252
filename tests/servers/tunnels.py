"""Tunnels for tests: connections that became something else than HTTP and stay open."""

import socket
import threading
import time
from typing import Self

_PAUSE_SECONDS = 0.05


class Tunnels:
    """Open tunnels to an origin that echoes; each says a numbered line now and then, and must hear it again.

    `broken` says what went wrong; `echoes` counts what came back.
    """

    def __init__(self, port: int, count: int) -> None:
        self.port, self.count = port, count
        self.broken: list[str] = []
        self.echoes = 0
        self._ending = threading.Event()
        self._sockets: list[socket.socket] = []
        self._thread = threading.Thread(target=self._talk, daemon=True)

    def __enter__(self) -> Self:
        for _ in range(self.count):
            self._sockets.append(self._open())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(20)
        for one in self._sockets:
            one.close()

    def _open(self) -> socket.socket:
        stream = socket.create_connection(("127.0.0.1", self.port), 15)
        stream.sendall(b"GET /echo HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            piece = stream.recv(1)
            assert piece, f"no tunnel: {head!r}"
            head += piece
        assert head.startswith(b"HTTP/1.1 101 "), head
        return stream

    def _talk(self) -> None:
        number = 0
        while not self._ending.is_set():
            number += 1
            for index, stream in enumerate(self._sockets):
                try:
                    self._echo(stream, f"{index} {number}\n".encode())
                except OSError as problem:
                    self.broken.append(f"tunnel {index}, line {number}: {problem}")
            time.sleep(_PAUSE_SECONDS)

    def _echo(self, stream: socket.socket, line: bytes) -> None:
        stream.sendall(line)
        heard = b""
        while len(heard) < len(line):
            piece = stream.recv(len(line) - len(heard))
            if not piece:
                raise ConnectionError("closed")
            heard += piece
        if heard != line:
            raise ConnectionError(f"{heard!r} instead of {line!r}")
        self.echoes += 1
