"""Packets of QUIC with any frames, enciphered with the keys of a client's connection past its library's rules."""

from collections.abc import Callable
from typing import Any

from aioquic.buffer import encode_uint_var
from aioquic.quic.connection import QuicConnection
from aioquic.tls import Epoch

from tests.servers.http3_client import Http3Client

_PACKET_KINDS = {Epoch.ZERO_RTT: 1, Epoch.HANDSHAKE: 2}
_NUMBER_BYTES = 4
_TAG_BYTES = 16
_FIRST_BYTES = 1200
INITIAL_SOURCE_CONNECTION_ID = 0x0F


def packet(quic: QuicConnection, frames: bytes, epoch: Epoch = Epoch.ONE_RTT, *, first_bits: int = 0) -> bytes:
    """A packet with frames; `first_bits` are set in its first byte."""
    number = quic._packet_number
    quic._packet_number += 1
    number_bytes = number.to_bytes(_NUMBER_BYTES, "big")
    peer = quic._peer_cid.cid
    if epoch is Epoch.ONE_RTT:
        phase = quic._cryptos[epoch].key_phase << 2
        header = bytes([0x40 | phase | first_bits | _NUMBER_BYTES - 1]) + peer + number_bytes
        crypto = quic._cryptos[epoch]
    else:
        length = _NUMBER_BYTES + len(frames) + _TAG_BYTES
        header = bytes([0xC0 | _PACKET_KINDS[epoch] << 4 | first_bits | _NUMBER_BYTES - 1])
        header += (quic._version or 1).to_bytes(4, "big")
        header += bytes([len(peer)]) + peer + bytes([len(quic.host_cid)]) + quic.host_cid
        header += (length | 0x4000).to_bytes(2, "big") + number_bytes
        crypto = quic._cryptos[epoch]
    return bytes(crypto.encrypt_packet(header, frames, number))


def first_packet(quic: QuicConnection, frames: bytes) -> bytes:
    """A packet that begins a connection, with frames of one's own and as long as it has to be."""
    number = quic._packet_number
    quic._packet_number += 1
    frames = frames.ljust(_FIRST_BYTES, b"\x00")
    peer = quic._peer_cid.cid
    header = bytes([0xC0 | _NUMBER_BYTES - 1]) + (1).to_bytes(4, "big")
    header += bytes([len(peer)]) + peer + bytes([len(quic.host_cid)]) + quic.host_cid + b"\x00"
    header += (_NUMBER_BYTES + len(frames) + _TAG_BYTES | 0x4000).to_bytes(2, "big")
    header += number.to_bytes(_NUMBER_BYTES, "big")
    return bytes(quic._cryptos[Epoch.INITIAL].encrypt_packet(header, frames, number))


def send(client: Http3Client, frames: bytes, *, first_bits: int = 0) -> None:
    """Send frames on a connection whose handshake has ended."""
    client.send_datagram(packet(client.quic, frames, first_bits=first_bits))


def in_handshake(client: Http3Client, frames: bytes, *, first_bits: int = 0) -> None:
    """Send frames in a packet of the handshake, before the client's own end of it.

    The client must not have waited for its handshake.
    """
    quic = client.quic

    def send_first() -> None:
        if quic._cryptos[Epoch.HANDSHAKE].send.is_valid():
            client.before_flush = lambda: None
            client.send_datagram(packet(quic, frames, Epoch.HANDSHAKE, first_bits=first_bits))

    client.before_flush = send_first


def with_parameters(change: Callable[[dict[int, bytes]], Any]) -> Callable[[QuicConnection], None]:
    """Lets a connection tell transport parameters that were changed."""

    def apply(quic: QuicConnection) -> None:
        original = quic._serialize_transport_parameters

        def changed() -> bytes:
            parameters = parsed(original())
            change(parameters)
            return b"".join(
                encode_uint_var(key) + encode_uint_var(len(value)) + value for key, value in parameters.items()
            )

        quic._serialize_transport_parameters = changed  # type: ignore[method-assign] # past the library

    return apply


def parsed(parameters: bytes) -> dict[int, bytes]:
    """Transport parameters by their numbers."""
    found: dict[int, bytes] = {}
    rest = parameters
    while rest:
        key, rest = number_at(rest)
        length, rest = number_at(rest)
        found[key], rest = rest[:length], rest[length:]
    return found


def number_at(data: bytes) -> tuple[int, bytes]:
    """A number of variable length, and what follows it."""
    length = 1 << (data[0] >> 6)
    return int.from_bytes(data[:length], "big") & ((1 << (8 * length - 2)) - 1), data[length:]


def frame(kind: int, *values: int | bytes) -> bytes:
    """A frame of numbers and bytes."""
    parts = (encode_uint_var(value) if isinstance(value, int) else value for value in (kind, *values))
    return b"".join(parts)
