"""Listening sockets: opened by the supervisor, kept open, handed to every worker."""

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from penstock.base.networks import split_authority
from penstock.runtime.steering import steer
from penstock.runtime.systemd import Opened

BACKLOG = 4096
"""Connections that may wait to be accepted; the kernel caps it at `net.core.somaxconn`."""
DATAGRAMS = 2 << 20
"""Bytes of datagrams that may wait for a worker; the kernel caps it at `net.core.rmem_max`. With its own, a tenth
of that, a browser that asks for a thousand things at once loses one datagram in seven."""
_UNIX = "unix:"
_UDP = "udp:"
_QUIC = "quic:"
_ATTEMPTS = 8
"""Free ports that are tried for both TCP and UDP."""
_GENERATIONS = 2
"""Workers that serve, and those that end beside them: sockets of QUIC are made for both, once."""


Listening = tuple[str, str]
"""A listener's name and an address of it: one of QUIC is written `quic:` before that of its connections of TCP."""


class CannotListen(Exception):  # noqa: N818 - says what happened
    """An address that cannot be listened on; the text is the one line that says why."""


@dataclass(frozen=True, slots=True)
class ListeningSocket:
    """One socket of a listener. `worker` is the one that accepts from it; None: all do."""

    listener: str
    worker: int | None
    address: str
    socket: socket.socket
    index: int = 0
    """Its position among those of its address; workers name it in the numbers of connections of QUIC. There may be more
    than workers: a socket that has clients waiting is never closed while its address is served."""
    is_spare: bool = False
    """Whether no worker of now is to take from it."""


@dataclass(slots=True)
class _Group:
    """The sockets of one address; a unix address has one, which all workers share, as they do what systemd opened."""

    sockets: list[socket.socket]
    is_shared: bool = False
    inode: tuple[int, int] | None = None
    serving: list[int] = field(default_factory=list)
    """Of QUIC: the position of each worker's socket."""

    def of(self, listener: str, address: str, workers: int) -> Iterator[ListeningSocket]:
        """The sockets as so many workers are told about them."""
        for index, one in enumerate(self.sockets):
            if not address.startswith(_QUIC):
                yield ListeningSocket(listener, None if self.is_shared else index % workers, address, one, index)
            elif index in self.serving:
                yield ListeningSocket(listener, self.serving.index(index), address, one, index)
            else:
                yield ListeningSocket(listener, None, address, one, index, is_spare=True)

    def steer(self) -> None:
        """Send what begins a connection of QUIC to the workers of now."""
        if self.serving:
            steer(self.sockets, self.serving)


@dataclass(slots=True)
class Sockets:
    """Every socket that is open, by address, so that a listener may change its name and keep them.

    What has any port that is free is the listener's own: another one that asks for the same has another.
    """

    workers: int
    opened: Opened = field(default_factory=Opened)
    """Those that somebody has opened for listeners."""
    _groups: dict[str, _Group] = field(default_factory=dict)

    def open(self, listeners: Iterable[Listening]) -> list[str]:
        """Open what listeners need and is not open; the keys of what is new.

        Raises: CannotListen; then nothing new stays open.
        """
        listeners = list(listeners)
        wanted = {_key(name, address) for name, address in listeners}
        opened: list[str] = []
        try:
            for name, address in listeners:
                key = _key(name, address)
                if key not in self._groups:
                    self._groups[key] = (
                        self._left_by(name, address, wanted) or self._given(name, address) or self._open(name, address)
                    )
                    opened.append(key)
        except CannotListen:
            self.close(opened)
            raise
        return opened

    def of(self, listeners: Iterable[Listening]) -> list[ListeningSocket]:
        """The open sockets of listeners, as workers are told about them."""
        return [
            one
            for name, address in sorted(listeners)
            for one in self._groups[_key(name, address)].of(name, address, self.workers)
        ]

    def _left_by(self, name: str, address: str, wanted: Container[str]) -> _Group | None:
        """The sockets of a listener that has another name now: its port, which was any that was free, stays."""
        if not _is_any_port(address):
            return None
        kept = [group for key, group in self._groups.items() if key in wanted]
        beside = address.removeprefix(_QUIC)
        for key, group in self._groups.items():
            place, _, earlier = key.partition(" ")
            is_left = place == address and key not in wanted and not any(group is one for one in kept)
            if is_left and (place == beside or self._is_same(_key(earlier, beside), _key(name, beside))):
                return group
        return None

    def _given(self, name: str, address: str) -> _Group | None:
        """The sockets that somebody has opened for a listener; all workers share them, as another user may own them.

        Raises: CannotListen if they listen elsewhere.
        """
        if address.startswith((_QUIC, _UDP)):
            return None
        found = self.opened.take(name)
        for one in found:
            if not _listens_at(one, address):
                raise CannotListen(f"listener {name}: the socket that was opened for it is not that of {address}")
            one.settimeout(0)
        return _Group(found, is_shared=True) if found else None

    def _is_same(self, one: str, other: str) -> bool:
        return one in self._groups and self._groups[one] is self._groups.get(other)

    def steer(self) -> None:
        """Send what begins a connection of QUIC to the workers of now, wherever it went before."""
        for group in self._groups.values():
            group.steer()

    def adopt(self, taken: Iterable[ListeningSocket]) -> None:
        """Own sockets that come from somewhere else; a second copy of one is closed.

        All of them are kept, also where there are fewer workers now: connections may wait there. `fill` opens what more
        workers need.
        """
        taken = list(taken)
        self._adopt_quic(one for one in taken if one.address.startswith(_QUIC))
        by_address: dict[str, dict[int, socket.socket]] = {}
        shared: set[str] = set()
        for one in taken:
            key = _key(one.listener, one.address)
            if one.address.startswith(_QUIC):
                continue
            # Workers of earlier versions tell of the worker alone.
            index = max(one.index, one.worker or 0)
            if index in by_address.get(key, {}):
                one.socket.close()
            else:
                by_address.setdefault(key, {})[index] = one.socket
                shared |= {key} if one.worker is None else set()
        for key, found in by_address.items():
            sockets = [found[index] for index in sorted(found)]
            inode = _inode(Path(key.removeprefix(_UNIX))) if key.startswith(_UNIX) else None
            self._groups[key] = _Group(sockets, key in shared, inode)

    def fill(self) -> None:
        """Open what is missing where there are fewer sockets of an address than workers.

        Raises: CannotListen.
        """
        for key, group in self._groups.items():
            if group.is_shared or key.startswith(_QUIC):
                continue
            open_one = _listen_udp if key.startswith(_UDP) else _listen_tcp
            try:
                while len(group.sockets) < self.workers:
                    group.sockets.append(open_one(group.sockets[0].getsockname()))
            except OSError as problem:
                raise CannotListen(_reason(key, problem)) from None

    def _adopt_quic(self, taken: Iterable[ListeningSocket]) -> None:
        """Own sockets of QUIC: those that nobody served by are for the workers of now, the others for who still does.

        None is closed and none left out, for a connection's number is the position of its worker's socket.
        """
        by_address: dict[str, dict[int, ListeningSocket]] = {}
        used: set[tuple[str, int]] = set()
        for one in taken:
            known = by_address.setdefault(_key(one.listener, one.address), {})
            if not one.is_spare:
                # Of workers of several generations each knows only which sockets are its own.
                used.add((_key(one.listener, one.address), one.index))
            if one.index in known:
                one.socket.close()
            else:
                known[one.index] = one
        for address, found in by_address.items():
            sockets = [found[index].socket for index in sorted(found)]
            spare = [index for index in sorted(found) if (address, index) not in used][: self.workers]
            bound = sockets[0].getsockname()
            while len(spare) < self.workers:
                spare.append(len(sockets))
                sockets.append(_listen_udp(bound))
            self._groups[address] = _Group(sockets, serving=spare)

    def retain(self, listeners: Iterable[Listening]) -> None:
        """Close every address but those of these."""
        kept = {_key(name, address) for name, address in listeners}
        self.close([key for key in self._groups if key not in kept])

    def close(self, keys: Iterable[str] | None = None) -> None:
        """Close the sockets of some keys, or all; a unix socket's file goes with it."""
        for address in list(self._groups if keys is None else keys):
            group = self._groups.pop(address)
            if any(group is one for one in self._groups.values()):
                # A listener has changed its name.
                continue
            for one in group.sockets:
                one.close()
            path = Path(address.removeprefix(_UNIX))
            # Somebody else's file of the same name stays.
            if group.inode is not None and _inode(path) == group.inode:
                path.unlink(missing_ok=True)

    def let_go(self) -> None:
        """Close all sockets, which somebody else holds too: nobody who connects is to notice."""
        for group in self._groups.values():
            for one in group.sockets:
                one.close()
        self._groups.clear()

    def refuse(self) -> None:
        """Let every socket refuse connections from now on, whoever else holds a copy of it.

        Datagrams of those that are open still come and go.
        """
        for group in self._groups.values():
            for one in group.sockets:
                if one.type == socket.SOCK_DGRAM:
                    continue
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def bound(self, name: str, address: str) -> str:
        """The address in use: where port 0 was asked for, with the port that was found."""
        if address.startswith(_UNIX):
            return address
        host, port = self._groups[_key(name, address)].sockets[0].getsockname()[:2]
        prefix = _UDP if address.startswith(_UDP) else ""
        return f"{prefix}[{host}]:{port}" if ":" in host else f"{prefix}{host}:{port}"

    def _open(self, name: str, address: str) -> _Group:
        try:
            if address.startswith(_UNIX):
                path = Path(address.removeprefix(_UNIX))
                return _Group([_listen_unix(path)], is_shared=True, inode=_inode(path))
            if address.startswith(_QUIC):
                return self._open_quic(name, address)
            return self._open_ip(address)
        except OSError as problem:
            place = address.removeprefix(_UDP)
            if address.startswith(_QUIC):
                place = f"{address.removeprefix(_QUIC)} (UDP)"
            raise CannotListen(f"listener {name}: {_reason(place, problem)}") from None

    def _open_quic(self, name: str, address: str) -> _Group:
        """Sockets of datagrams beside those of connections, on the port that these have.

        Where that port was any that is free, somebody may have it for datagrams: then both have another.
        """
        beside = address.removeprefix(_QUIC)
        key = _key(name, beside)
        bound = self._groups[key].sockets[0].getsockname()
        for _ in range(_ATTEMPTS):
            if self._has_port(bound[1], socket.SOCK_DGRAM):
                break
            try:
                _probe(bound, socket.SOCK_DGRAM)
                break
            except OSError:
                if not _is_any_port(beside):
                    raise
            other = self._open_ip(beside)
            self.close([key])
            self._groups[key] = other
            bound = other.sockets[0].getsockname()
        sockets: list[socket.socket] = []
        try:
            sockets.extend(_listen_udp(bound) for _ in range(_GENERATIONS * self.workers))
            group = _Group(sockets, serving=list(range(self.workers)))
            group.steer()
        except OSError:
            for one in sockets:
                one.close()
            raise
        return group

    def _open_ip(self, address: str) -> _Group:
        host, port_text = split_authority(address.removeprefix(_UDP))
        wanted = (host.strip("[]"), int(port_text))
        is_udp = address.startswith(_UDP)
        kind, open_one = (socket.SOCK_DGRAM, _listen_udp) if is_udp else (socket.SOCK_STREAM, _listen_tcp)
        if is_udp and not wanted[1]:
            # The kernel would give out a port that somebody shares in the same way.
            wanted = _free_udp(wanted[0])
        elif wanted[1] and not self._has_port(wanted[1], kind):
            _probe(wanted, kind)
        sockets = [open_one(wanted)]
        # Where port 0 was asked for, the others share the port that the first one found.
        bound = sockets[0].getsockname()
        try:
            sockets += [open_one(bound) for _ in range(1, self.workers)]
        except OSError:
            sockets[0].close()
            raise
        return _Group(sockets)

    def _has_port(self, port: int, kind: int) -> bool:
        """Whether an address with this port is open here; a probe would meet ourselves."""
        groups = (group for address, group in self._groups.items() if not address.startswith(_UNIX))
        first = (group.sockets[0] for group in groups)
        return any(one.type == kind and one.getsockname()[1] == port for one in first)


def _key(name: str, address: str) -> str:
    """What the sockets of a listener's address are found by."""
    return f"{address} {name}" if _is_any_port(address) else address


def _is_any_port(address: str) -> bool:
    return not address.startswith(_UNIX) and address.endswith(":0")


def _listens_at(one: socket.socket, address: str) -> bool:
    """Whether a socket takes connections at an address, as far as that can be told from its port or path."""
    if one.type != socket.SOCK_STREAM:
        return False
    bound = one.getsockname()
    if address.startswith(_UNIX):
        return bool(bound == address.removeprefix(_UNIX))
    port = split_authority(address)[1]
    return isinstance(bound, tuple) and (_is_any_port(address) or str(bound[1]) == port)


def _probe(address: tuple[str, int], kind: int) -> None:
    """Bind once without `SO_REUSEPORT`, which would share the port with whoever else sets it."""
    with _ip(address[0], kind) as probe:
        probe.bind(address)


def _free_udp(host: str) -> tuple[str, int]:
    """An address with a port that nobody has for datagrams."""
    with _ip(host, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return host, int(probe.getsockname()[1])


def _listen_udp(address: tuple[str, int]) -> socket.socket:
    opened = _ip(address[0], socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, DATAGRAMS)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        opened.bind(address)
    except BaseException:
        opened.close()
        raise
    opened.settimeout(0)
    return opened


def _listen_tcp(address: tuple[str, int]) -> socket.socket:
    opened = _ip(address[0], socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return _listening(opened, address)


def _listening(opened: socket.socket, address: tuple[str, int] | str) -> socket.socket:
    """The socket, bound and listening; it is closed where that fails."""
    try:
        opened.bind(address)
        opened.listen(BACKLOG)
    except BaseException:
        opened.close()
        raise
    opened.settimeout(0)
    return opened


def _ip(host: str, kind: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    if kind == socket.SOCK_STREAM:
        # Of datagrams it would let others bind the port.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if ":" in host:
        # `[::]` serves IPv4 too; a listener on 0.0.0.0 and the same port takes precedence for it.
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    return opened


def _listen_unix(path: Path) -> socket.socket:
    if _inode(path) is not None:
        _remove_stale(path)
    return _listening(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), str(path))


def _remove_stale(path: Path) -> None:
    """Remove the file of a socket that nobody answers on.

    Raises: OSError if somebody does, or if the file is something else.
    """
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise FileExistsError(errno.EEXIST, "a file that is no socket is in its place")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except BlockingIOError:
            pass  # a full queue of connections is an answer too
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _reason(address: str, problem: OSError) -> str:
    match problem.errno:
        case errno.EADDRINUSE:
            return f"{address} is in use by another process"
        case errno.EACCES | errno.EPERM:
            return f"no permission to listen on {address}"
        case errno.EADDRNOTAVAIL:
            return f"{address} is no address of this machine"
        case _:
            return f"cannot listen on {address}: {(problem.strerror or str(problem)).lower()}"
