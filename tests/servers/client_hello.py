"""First messages of TLS clients that offer exactly what a test says, and the first thing that is said to them.

Source: RFC 5246, section 7.4; RFC 8446, section 4.
"""

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass

X25519_POINT = bytes([9]) + bytes(31)
"""A point that anybody may send: the curve's base."""
_GROUPS = (0x001D, 0x0017, 0x0018)
_SIGNATURES = (0x0403, 0x0503, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601)
_SCSV_OF_RENEGOTIATION = 0x00FF


@dataclass(frozen=True, slots=True)
class Said:
    """What a server says first: an alert, or its choice."""

    alert: int | None = None
    version: int = 0
    suite: int = 0
    compression: int = 0
    extensions: frozenset[int] = frozenset()
    random: bytes = b""


def vector(content: bytes, length_bytes: int) -> bytes:
    """Bytes behind their length."""
    return len(content).to_bytes(length_bytes, "big") + content


def numbers(values: Iterable[int]) -> bytes:
    """Numbers of two bytes each."""
    return b"".join(struct.pack("!H", value) for value in values)


def extension(kind: int, data: bytes) -> bytes:
    """An extension."""
    return struct.pack("!H", kind) + vector(data, 2)


def client_hello(
    suites: Iterable[int],
    *,
    version: int = 0x0303,
    versions: Iterable[int] = (),
    compressions: bytes = b"\0",
    more: bytes = b"",
) -> bytes:
    """A record with the message; `versions` are those of the extension, which TLS 1.3 goes by."""
    host = b"shop.test"
    offered = [
        extension(0, vector(b"\0" + vector(host, 2), 2)),
        extension(10, vector(numbers(_GROUPS), 2)),
        extension(11, vector(b"\0", 1)),
        extension(13, vector(numbers(_SIGNATURES), 2)),
        extension(23, b""),
    ]
    if wanted := tuple(versions):
        offered.append(extension(43, vector(numbers(wanted), 1)))
        offered.append(extension(51, vector(struct.pack("!H", 0x001D) + vector(X25519_POINT, 2), 2)))
    body = struct.pack("!H", version) + bytes(32) + vector(b"", 1)
    body += vector(numbers([*suites, _SCSV_OF_RENEGOTIATION]), 2) + vector(compressions, 1)
    # SSL 3.0 knows of none.
    body += vector(b"".join(offered) + more, 2) if version > 0x0300 else b""
    return b"\x16" + struct.pack("!H", min(version, 0x0301)) + vector(b"\x01" + vector(body, 3), 2)


def said_to(port: int, opening: bytes) -> Said | None:
    """What a server says to an opening; None: nothing, it closes."""
    with socket.create_connection(("127.0.0.1", port), 10) as stream:
        stream.sendall(opening)
        head = _read(stream, 5)
        content = _read(stream, int.from_bytes(head[3:5], "big"))
    if len(head) < 5:
        return None
    return Said(alert=content[1]) if head[0] == 21 else _choice(content)


def _choice(message: bytes) -> Said:
    assert message[0] == 2, "a server's first message"
    version = int.from_bytes(message[4:6], "big")
    at = 38 + 1 + message[38]
    suite, compression = int.from_bytes(message[at : at + 2], "big"), message[at + 2]
    rest, extensions = message[at + 5 : 4 + int.from_bytes(message[1:4], "big")], set()
    while rest:
        kind, length = struct.unpack("!HH", rest[:4])
        extensions.add(kind)
        if kind == 43:
            version = int.from_bytes(rest[4:6], "big")
        rest = rest[4 + length :]
    return Said(None, version, suite, compression, frozenset(extensions), message[6:38])


def _read(stream: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        try:
            piece = stream.recv(count - len(found))
        except ConnectionResetError:
            return found
        if not piece:
            return found
        found += piece
    return found
