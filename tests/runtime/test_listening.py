"""Sockets: opened once, shared, kept, given back."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.runtime import listening
from penstock.runtime.listening import CannotListen, ListeningSocket, Sockets


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    made = Sockets(3)
    yield made
    made.close()


def test_each_worker_has_a_socket_of_the_same_port(sockets: Sockets) -> None:
    listeners = [("web", "127.0.0.1:0")]
    assert sockets.open(listeners) == ["127.0.0.1:0 web"]
    found = sockets.of(listeners)
    assert [one.worker for one in found] == [0, 1, 2]
    assert len({one.socket.getsockname() for one in found}) == 1
    assert not any(os.get_inheritable(one.socket.fileno()) for one in found)
    assert sockets.open(listeners) == []


@pytest.mark.parametrize("kind", ["", "udp:"])
def test_listeners_that_ask_for_any_port_have_one_each(sockets: Sockets, kind: str) -> None:
    listeners = [(name, f"{kind}127.0.0.1:0") for name in "abcdefgh"]
    sockets.open(listeners)
    ports = {one.listener: one.socket.getsockname()[1] for one in sockets.of(listeners)}
    assert len(set(ports.values())) == len(listeners)
    assert sockets.open(listeners) == []
    before = sockets.bound("h", f"{kind}127.0.0.1:0")
    sockets.retain(listeners[4:])
    assert sockets.open(listeners) == [f"{kind}127.0.0.1:0 {name}" for name in "abcd"]
    assert sockets.bound("h", f"{kind}127.0.0.1:0") == before


@pytest.mark.parametrize("kind", ["udp:", "quic:"])
def test_there_is_room_for_a_burst_of_datagrams(sockets: Sockets, kind: str) -> None:
    listeners = [("web", "127.0.0.1:0"), ("web", f"{kind}127.0.0.1:0")]
    sockets.open(listeners)
    most = int(Path("/proc/sys/net/core/rmem_max").read_text())
    # The kernel says twice what was asked for.
    room = 2 * min(most, listening.DATAGRAMS)
    found = [one.socket for one in sockets.of(listeners[1:])]
    assert {one.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for one in found} == {room}


def test_a_listener_that_changes_its_name_keeps_the_port_that_it_found(sockets: Sockets) -> None:
    addresses = ("127.0.0.1:0", "quic:127.0.0.1:0")
    before = [(name, address) for name in ("a", "b") for address in addresses]
    after = [(name, address) for name in ("a", "new", "newer") for address in addresses]
    sockets.open(before)
    ports = {name: sockets.bound(name, addresses[0]) for name in ("a", "b")}
    opened = sockets.open(after)
    # A change that came to nothing leaves everything as it was.
    sockets.close(opened)
    assert {name: sockets.bound(name, addresses[0]) for name in ("a", "b")} == ports
    sockets.open(after)
    sockets.retain(after)
    found = {name: sockets.bound(name, addresses[0]) for name in ("a", "new", "newer")}
    assert (found["a"], found["new"]) == (ports["a"], ports["b"])
    assert len(set(found.values())) == 3
    for name in ("a", "new", "newer"):
        mine = [one.socket for one in sockets.of([(name, address) for address in addresses])]
        assert len({one.getsockname() for one in mine}) == 1
        assert min(one.fileno() for one in mine) >= 0


def test_any_port_is_one_that_is_free_for_datagrams_too(sockets: Sockets, monkeypatch: pytest.MonkeyPatch) -> None:
    """The port that the kernel gives for TCP may be somebody's of UDP."""
    taken: list[socket.socket] = []
    listen = listening._listen_tcp

    def take_the_same(address: tuple[str, int]) -> socket.socket:
        opened = listen(address)
        if len(taken) < 2 and not address[1]:
            taken.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            with contextlib.suppress(OSError):
                taken[-1].bind(opened.getsockname())
        return opened

    monkeypatch.setattr(listening, "_listen_tcp", take_the_same)
    try:
        listeners = [("web", "127.0.0.1:0"), ("web", "quic:127.0.0.1:0")]
        sockets.open(listeners)
        assert len({one.socket.getsockname() for one in sockets.of(listeners)}) == 1
        assert len(taken) == 2
    finally:
        for one in taken:
            one.close()


def test_an_ipv6_listener_serves_ipv4_too_unless_another_does(sockets: Sockets) -> None:
    if not Path("/proc/net/if_inet6").exists():
        pytest.skip("no IPv6 here")
    sockets.open([("six", "[::]:0")])
    port = int(sockets.bound("six", "[::]:0").rpartition(":")[2])
    socket.create_connection(("127.0.0.1", port), 2).close()
    assert sockets.open([("four", f"0.0.0.0:{port}")]) == [f"0.0.0.0:{port}"]
    for group in sockets.of([("six", "[::]:0"), ("four", f"0.0.0.0:{port}")]):
        group.socket.settimeout(0)
    client = socket.create_connection(("127.0.0.1", port), 2)
    accepted = [one.listener for one in sockets.of([("four", f"0.0.0.0:{port}")]) if is_accepted(one.socket)]
    client.close()
    assert accepted == ["four"]


def is_accepted(listening: socket.socket) -> bool:
    try:
        listening.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def test_what_fails_leaves_nothing_open(sockets: Sockets) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        before = len(list(Path("/proc/self/fd").iterdir()))
        with pytest.raises(CannotListen, match=r"listener b: .* is in use"):
            sockets.open([("a", "127.0.0.1:0"), ("b", f"127.0.0.1:{taken.getsockname()[1]}")])
        assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_r8_another_number_of_workers_takes_the_same_port(sockets: Sockets, workers: int) -> None:
    listeners = [("web", "127.0.0.1:0")]
    sockets.open(listeners)
    copies = [
        ListeningSocket(one.listener, one.worker, one.address, one.socket.dup(), one.index)
        for one in (*sockets.of(listeners), *sockets.of(listeners))
    ]
    successor = Sockets(workers)
    successor.adopt(copies)
    assert successor.open(listeners) == []
    successor.fill()
    # None is closed, where clients may wait, and every worker has one.
    given = successor.of(listeners)
    assert len(given) == max(workers, 3)
    assert {one.worker for one in given} == set(range(workers))
    assert [one.index for one in given] == list(range(len(given)))
    assert successor.bound("web", "127.0.0.1:0") == sockets.bound("web", "127.0.0.1:0")
    successor.close()


def test_a_unix_socket_is_removed_with_its_listener_unless_it_is_somebody_elses(tmp_path: Path) -> None:
    sockets = Sockets(2)
    path = tmp_path / "a.sock"
    listeners = [("side", f"unix:{path}")]
    sockets.open(listeners)
    assert [one.worker for one in sockets.of(listeners)] == [None]
    sockets.retain([])
    assert not path.exists()
    sockets.open(listeners)
    path.unlink()
    path.write_text("somebody else's")
    sockets.close()
    assert path.exists()


def test_sockets_that_refuse_do_so_whoever_holds_a_copy(sockets: Sockets) -> None:
    sockets.open([("web", "127.0.0.1:0")])
    port = int(sockets.bound("web", "127.0.0.1:0").rpartition(":")[2])
    copies = [one.socket.dup() for one in sockets.of([("web", "127.0.0.1:0")])]
    sockets.refuse()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 2)
    for copy in copies:
        copy.close()


def test_sockets_of_quic_that_some_earlier_worker_still_serves_by_are_given_to_nobody(sockets: Sockets) -> None:
    listeners = [("web", "127.0.0.1:0"), ("web", "quic:127.0.0.1:0")]
    sockets.open(listeners)
    told = [one for one in sockets.of(listeners) if one.address.startswith("quic:")]
    # One generation serves by the first half, the other by the second; each takes the rest for spare.
    both = [
        ListeningSocket(one.listener, one.worker, one.address, one.socket.dup(), one.index, is_spare=is_spare)
        for flip in (False, True)
        for one in told
        for is_spare in (one.is_spare is not flip,)
    ]
    successor = Sockets(3)
    successor.adopt(both)
    given = [one for one in successor.of(listeners[1:]) if not one.is_spare]
    assert [one.index for one in given] == [6, 7, 8]
    successor.close()
