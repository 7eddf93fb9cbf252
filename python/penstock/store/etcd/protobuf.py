"""Messages of Protocol Buffers, as far as etcd's need it: numbers, bytes, texts and messages among each other.

Source: protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SIGN = 1 << 63
_LONGEST_VARINT = 10


class Malformed(ValueError):  # noqa: N818 - says what is the case
    """Bytes that are no message."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a message may hold: its fields by name."""

    fields: Mapping[str, "Field"]


class Field(NamedTuple):
    """A field: its number, what it holds (`int`, `bool`, `bytes`, `str`, a message), and whether it may come often."""

    number: int
    kind: Any
    is_repeated: bool = False


def encode(shape: Shape, message: Mapping[str, Any]) -> bytes:
    """The bytes of a message; what it names is written even if it is zero or empty."""
    written = bytearray()
    for name, value in message.items():
        field = shape.fields[name]
        for one in value if field.is_repeated else (value,):
            _write(written, field, one)
    return bytes(written)


def decode(shape: Shape, data: bytes) -> dict[str, Any]:
    """The message of some bytes, with zero, empty or nothing for what is not there; unknown fields are left out.

    Raises: Malformed.
    """
    message: dict[str, Any] = {name: _absent(field) for name, field in shape.fields.items()}
    known = {field.number: (name, field) for name, field in shape.fields.items()}
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        value, at = _read(data, at, tag & 7)
        name, field = known.get(tag >> 3, (None, None))
        if name is None or field is None:
            continue
        meant = _meant(field, value)
        if field.is_repeated:
            message[name].append(meant)
        else:
            message[name] = meant
    return message


def _absent(field: Field) -> Any:
    if field.is_repeated:
        return []
    return None if isinstance(field.kind, Shape) else field.kind()


def _write(written: bytearray, field: Field, value: Any) -> None:
    if field.kind in (int, bool):
        _write_varint(written, field.number << 3 | _VARINT)
        _write_varint(written, int(value) & (2 * _SIGN - 1))
        return
    if isinstance(field.kind, Shape):
        data = encode(field.kind, value)
    else:
        data = value.encode() if isinstance(value, str) else value
    _write_varint(written, field.number << 3 | _BYTES)
    _write_varint(written, len(data))
    written += data


def _write_varint(written: bytearray, number: int) -> None:
    while number > 0x7F:  # noqa: PLR2004 - seven bits a byte
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)


def _read(data: bytes, at: int, wire: int) -> tuple[int | bytes, int]:
    if wire == _VARINT:
        return _read_varint(data, at)
    if wire == _BYTES:
        length, at = _read_varint(data, at)
    elif wire in {_FIXED64, _FIXED32}:
        length = 8 if wire == _FIXED64 else 4
    else:
        raise Malformed(f"a field of wire type {wire}")
    if at + length > len(data):
        raise Malformed("a field that ends after its message")
    return data[at : at + length], at + length


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for place in range(_LONGEST_VARINT):
        if at + place >= len(data):
            raise Malformed("a number that does not end")
        byte = data[at + place]
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:  # noqa: PLR2004 - the last byte
            return number, at + place + 1
    raise Malformed("a number of more than ten bytes")


def _meant(field: Field, value: int | bytes) -> Any:
    if field.kind in (int, bool):
        if not isinstance(value, int):
            raise Malformed(f"field {field.number} is no number")
        if field.kind is bool:
            return bool(value)
        value &= 2 * _SIGN - 1
        return value - 2 * _SIGN if value & _SIGN else value
    if not isinstance(value, bytes):
        raise Malformed(f"field {field.number} is a number")
    if isinstance(field.kind, Shape):
        return decode(field.kind, value)
    return value if field.kind is bytes else value.decode(errors="replace")
