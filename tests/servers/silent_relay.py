"""A relay of TCP that can fall silent: connections stay open, and nothing passes any more."""

import contextlib
import socket
import threading
from typing import Self


class SilentRelay:
    """Passes connections on to a port until `silence` is called; those made after that pass again."""

    def __init__(self, port: int) -> None:
        self.to = port
        """Where connections go that are made from now on."""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._silent: set[socket.socket] = set()
        self._open: list[socket.socket] = []
        self.port = int(self._listener.getsockname()[1])
        self.accepted = 0

    def __enter__(self) -> Self:
        self.adopt(self._listener)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def adopt(self, listener: socket.socket) -> None:
        """Pass on what comes in by a listener, too."""
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def silence(self) -> None:
        """Swallow from now on what those send who are connected."""
        self._silent.update(self._open)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = listener.accept()
                called = socket.create_connection(("127.0.0.1", self.to))
                self._open += [caller, called]
                self.accepted += 1
                for ends in ((caller, called), (called, caller)):
                    threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                if source not in self._silent:
                    target.sendall(piece)
            if source not in self._silent:
                target.shutdown(socket.SHUT_WR)
