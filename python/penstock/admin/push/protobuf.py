"""The little of protobuf that metrics are written with.

Source: Protocol Buffers documentation, "Encoding".
"""

import struct
from collections.abc import Iterable

_VARINT, _FIXED64, _BYTES = 0, 1, 2
_MORE = 0x80
_LAST = 0x7F


def message(number: int, *parts: bytes) -> bytes:
    """A field that is a message of these fields."""
    return text(number, b"".join(parts))


def text(number: int, value: bytes | str) -> bytes:
    """A field of bytes or text."""
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def flag(number: int, value: int) -> bytes:
    """A field that is a small number, a choice or a flag."""
    return _varint(number << 3 | _VARINT) + _varint(value)


def fixed(number: int, value: int) -> bytes:
    """A field of 64 bits without a sign."""
    return _varint(number << 3 | _FIXED64) + struct.pack("<Q", value)


def double(number: int, value: float) -> bytes:
    """A field that is a floating-point number."""
    return _varint(number << 3 | _FIXED64) + struct.pack("<d", value)


def packed_fixed(number: int, values: Iterable[int]) -> bytes:
    """A field of many numbers of 64 bits."""
    return text(number, b"".join(struct.pack("<Q", value) for value in values))


def packed_double(number: int, values: Iterable[float]) -> bytes:
    """A field of many floating-point numbers."""
    return text(number, b"".join(struct.pack("<d", value) for value in values))


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > _LAST:
        found.append(value & _LAST | _MORE)
        value >>= 7
    found.append(value)
    return bytes(found)
