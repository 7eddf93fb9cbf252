"""An origin for tests that answers with the bytes it is told to, and keeps what it received."""

import socket
import threading
from collections.abc import Callable
from typing import Self


class Caller:
    """One connection of the gateway."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self.unread = b""
        self.received = b""
        self.ended = threading.Event()
        """Set when the gateway has closed or reset it."""

    def until(self, end: bytes) -> bytes:
        """Everything up to and with these bytes; empty where the gateway closed before."""
        while end not in self.unread:
            if not self.read():
                return b""
        found, _, self.unread = self.unread.partition(end)
        return found + end

    def read(self) -> bool:
        try:
            piece = self.stream.recv(65536)
        except OSError:
            piece = b""
        self.unread += piece
        self.received += piece
        if not piece:
            self.ended.set()
        return bool(piece)

    def send(self, data: bytes) -> None:
        """Send; a gateway that has closed is no failure of the origin."""
        try:
            self.stream.sendall(data)
        except OSError:
            self.ended.set()


class RawOrigin:
    """Runs a script for each connection, which is closed when it ends."""

    def __init__(self, script: Callable[[Caller], None]) -> None:
        self.callers: list[Caller] = []
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @classmethod
    def answering(cls, answer: bytes) -> Self:
        """Answers each request without a body with these bytes."""

        def script(caller: Caller) -> None:
            while caller.until(b"\r\n\r\n"):
                caller.send(answer)

        return cls(script)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    @property
    def received(self) -> bytes:
        """What came, over all connections."""
        return b"".join(caller.received for caller in self.callers)

    def _accept(self) -> None:
        while True:
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return
            stream.settimeout(15)
            caller = Caller(stream)
            self.callers.append(caller)
            threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller: Caller) -> None:
        with caller.stream:
            self._script(caller)
