"""Clients of WebSocket: a well-known one, and one that sends what that would not."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

PATIENCE = 15.0
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@contextlib.contextmanager
def open_websocket(port: int, **options: Any) -> Iterator[ClientConnection]:
    """A connection, without compression and pings of its own unless asked for."""
    usual: dict[str, Any] = {"compression": None, "ping_interval": None, "max_size": None, "close_timeout": 5}
    url = f"ws://127.0.0.1:{port}/"
    with connect(url, **usual | options, open_timeout=PATIENCE, proxy=None) as connection:
        yield connection


def frame(first: int, payload: bytes = b"", *, masked: bool = True) -> bytes:
    """A frame whose first byte is given: final, reserved bits and opcode. The mask is zero."""
    mask_bit = 0x80 if masked else 0
    if len(payload) < 126:
        length = bytes([mask_bit | len(payload)])
    elif len(payload) < 1 << 16:
        length = bytes([mask_bit | 126]) + len(payload).to_bytes(2, "big")
    else:
        length = bytes([mask_bit | 127]) + len(payload).to_bytes(8, "big")
    return bytes([first]) + length + (bytes(4) if masked else b"") + payload


def handshake(method: str = "GET", **changed: str | None) -> bytes:
    """The request that opens a connection; fields may be changed, left out, or given twice by a line end."""
    fields: dict[str, str | None] = {
        "host": "a.test",
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-key": KEY,
        "sec-websocket-version": "13",
    }
    fields |= {name.replace("_", "-"): value for name, value in changed.items()}
    lines = [f"{name}: {value}\r\n" for name, value in fields.items() if value is not None]
    return f"{method} / HTTP/1.1\r\n{''.join(lines)}\r\n".encode()


class RawWebSocket:
    """A connection over which anything may be sent."""

    def __init__(self, port: int, request: bytes | None = None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(request or handshake())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            piece = self.socket.recv(1)
            assert piece, head
            head += piece
        self.status = int(head.split()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def take(self, count: int) -> bytes:
        """So many bytes, or what there is before the end."""
        found = b""
        while len(found) < count and (piece := self.socket.recv(count - len(found))):
            found += piece
        return found

    def rest(self) -> bytes:
        """Everything up to the end."""
        found = b""
        try:
            while piece := self.socket.recv(65536):
                found += piece
        except ConnectionResetError:
            pass
        return found
