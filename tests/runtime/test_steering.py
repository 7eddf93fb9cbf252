"""The kernel hands datagrams of QUIC to the sockets that they name, and new connections to those that serve."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.runtime.steering import steer

SOCKETS, SERVING = 8, [4, 5, 6, 7]
HOSTS = ["127.0.0.1", "::1"]


@pytest.fixture(params=HOSTS)
def sockets(request: pytest.FixtureRequest) -> Iterator[list[socket.socket]]:
    if ":" in request.param and not Path("/proc/net/if_inet6").exists():
        pytest.skip("no IPv6 here")
    made: list[socket.socket] = []
    for _ in range(SOCKETS):
        one = socket.socket(socket.AF_INET6 if ":" in request.param else socket.AF_INET, socket.SOCK_DGRAM)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind((request.param, made[0].getsockname()[1] if made else 0))
        made.append(one)
    steer(made, SERVING)
    yield made
    for one in made:
        one.close()


def identifier(index: int) -> bytes:
    second, third = os.urandom(2)
    return bytes([index, second, third, index ^ second ^ third ^ 0x5A]) + os.urandom(8)


def taker(sockets: list[socket.socket]) -> int:
    """The position of the socket that a datagram has come to; on this machine it is there once it was sent."""
    for index, one in enumerate(sockets):
        try:
            one.recv(2000, socket.MSG_DONTWAIT)
        except BlockingIOError:
            continue
        return index
    raise AssertionError("no socket has it")


def test_what_carries_a_number_of_ours_goes_to_the_socket_that_it_names(sockets: list[socket.socket]) -> None:
    for number in range(50):
        index = number % SOCKETS
        for first in (b"\x40", b"\xe0\x00\x00\x00\x01\x0c", b"\xc0\x00\x00\x00\x01\x0c"):
            with socket.socket(sockets[0].family, socket.SOCK_DGRAM) as client:
                client.sendto(first + identifier(index) + b"x" * 30, sockets[0].getsockname())
            assert taker(sockets) == index


def test_what_begins_a_connection_goes_to_one_that_serves_and_what_follows_too(sockets: list[socket.socket]) -> None:
    takers: set[int] = set()
    for _ in range(100):
        with socket.socket(sockets[0].family, socket.SOCK_DGRAM) as client:
            found = set()
            for length in (8, 12, 20):
                head = b"\xc0\x00\x00\x00\x01" + bytes([length]) + os.urandom(length)
                client.sendto(head + b"x" * 30, sockets[0].getsockname())
                found.add(taker(sockets))
            takers |= found
            assert len(found) == 1
    assert takers == set(SERVING)


@pytest.mark.parametrize("datagram", [b"", b"\x40", b"\xc0", b"\xc0\x00\x00\x00\x01\x0c", b"\x40\xff" + b"x" * 20])
def test_whatever_else_comes_goes_somewhere(sockets: list[socket.socket], datagram: bytes) -> None:
    with socket.socket(sockets[0].family, socket.SOCK_DGRAM) as client:
        client.sendto(datagram, sockets[0].getsockname())
    assert taker(sockets) in range(SOCKETS)
