"""Which socket a datagram of QUIC is for: a program that the kernel runs for each one.

Workers name their socket in the first byte of the numbers they give connections (crates/penstock-proxy/src/quic/
identifiers.rs). What carries such a number goes there, wherever its client sends from; what begins a connection goes to
a worker of those that serve, chosen by where it comes from.
Source: socket(7), SO_ATTACH_REUSEPORT_CBPF; RFC 9000, section 17.
"""

import ctypes
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

_ATTACH = 51
"""`SO_ATTACH_REUSEPORT_CBPF` of Linux, which the module `socket` does not name."""
_IDENTIFIER_BYTES, _IDENTIFIER_SUM = 12, 0x5A
_NETWORK = -0x100000
"""From here on offsets are those of the IP header: `SKF_NET_OFF`."""
_LOAD_BYTE, _LOAD_HALF, _LOAD_WORD = 0x30, 0x28, 0x20
_TO_INDEX, _XOR_INDEX = 0x07, 0xAC
_AND, _MULTIPLY, _SHIFT_RIGHT, _MODULO = 0x54, 0x24, 0x74, 0x94
_IF_EQUAL, _IF_AT_LEAST, _IF_SET = 0x15, 0x35, 0x45
_RETURN, _RETURN_FOUND = 0x06, 0x16
_JUMP = 0x05
_SPREAD = 0x9E3779B1
"""Knuth's multiplier: neighbouring addresses and ports are not to share a worker."""


@dataclass(slots=True)
class _Program:
    """Instructions, whose jumps name places by words until all is written."""

    steps: list[tuple[int, str, str, int]] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    def add(self, code: int, value: int = 0, then: str = "", otherwise: str = "") -> None:
        self.steps.append((code, then, otherwise, value & 0xFFFFFFFF))

    def place(self, name: str) -> None:
        self.places[name] = len(self.steps)

    def packed(self) -> bytes:
        found = bytearray()
        for index, (code, then, otherwise, value) in enumerate(self.steps):
            first, second = (self.places[name] - index - 1 if name else 0 for name in (then, otherwise))
            # One that always jumps has its distance where others have a value.
            rest = (0, 0, first) if code == _JUMP else (first, second, value)
            found += struct.pack("=HBBI", code, *rest)
        return bytes(found)


def steer(sockets: Sequence[socket.socket], serving: Sequence[int]) -> None:
    """Steer the datagrams of sockets, which share a port and were bound in this order.

    New connections go to those whose positions are `serving`.

    Raises: OSError if the kernel takes no such program.
    """
    program = steering_program(len(sockets), serving)
    kept = ctypes.create_string_buffer(program, len(program))
    length = len(program) // 8
    sockets[0].setsockopt(socket.SOL_SOCKET, _ATTACH, struct.pack("@HP", length, ctypes.addressof(kept)))


def steering_program(sockets: int, serving: Sequence[int]) -> bytes:
    """The program for so many sockets, in the kernel's form."""
    program = _Program()
    program.add(_LOAD_BYTE, 0)
    program.add(_IF_SET, 0x80, "long", "short")
    program.place("short")
    program.add(_LOAD_BYTE, 1)
    program.add(_IF_AT_LEAST, sockets, "fresh", "named")
    program.place("named")
    program.add(_RETURN_FOUND)
    program.place("long")
    program.add(_LOAD_BYTE, 5)
    program.add(_IF_EQUAL, _IDENTIFIER_BYTES, "ours", "fresh")
    program.place("ours")
    program.add(_LOAD_BYTE, 6)
    for offset in (7, 8, 9):
        program.add(_TO_INDEX)
        program.add(_LOAD_BYTE, offset)
        program.add(_XOR_INDEX)
    program.add(_IF_EQUAL, _IDENTIFIER_SUM, "long named", "fresh")
    program.place("long named")
    program.add(_LOAD_BYTE, 6)
    program.add(_IF_AT_LEAST, sockets, "fresh", "named long")
    program.place("named long")
    program.add(_RETURN_FOUND)
    _add_fresh(program, serving)
    return program.packed()


def _add_fresh(program: _Program, serving: Sequence[int]) -> None:
    """Choose by address and port of the client, which stay the same for the few datagrams of a handshake."""
    program.place("fresh")
    program.add(_LOAD_BYTE, _NETWORK)
    program.add(_AND, 0xF0)
    program.add(_IF_EQUAL, 0x40, "four", "six")
    for name, address, port in (("four", 12, 20), ("six", 20, 40)):
        program.place(name)
        program.add(_LOAD_HALF, _NETWORK + port)
        program.add(_MULTIPLY, _SPREAD)
        program.add(_TO_INDEX)
        program.add(_LOAD_WORD, _NETWORK + address)
        program.add(_XOR_INDEX)
        program.add(_JUMP, then="choose")
    program.place("choose")
    program.add(_MULTIPLY, _SPREAD)
    program.add(_SHIFT_RIGHT, 16)
    program.add(_MODULO, len(serving))
    for turn, index in enumerate(serving[:-1]):
        program.add(_IF_EQUAL, turn, f"is {turn}", f"is not {turn}")
        program.place(f"is {turn}")
        program.add(_RETURN, index)
        program.place(f"is not {turn}")
    program.add(_RETURN, serving[-1])
