"""The admin port and the admin socket: where the admin API is reached."""

import asyncio
import contextlib
import errno
import logging
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.admin import token
from penstock.admin.tls import AdminTls
from penstock.admin.token import Token
from penstock.base.networks import split_authority
from penstock.runtime.supervisor import CannotStart, Supervisor

if TYPE_CHECKING:
    from penstock.admin.access.face import Known
    from penstock.admin.access.guard import App

_log = logging.getLogger("penstock")
_BACKLOG = 32
DEFAULT_ADDRESS = "127.0.0.1:9700"


@dataclass(slots=True)
class LazyServer:
    """Listens at once, and loads what answers when somebody first connects: most gateways are never asked."""

    listening: socket.socket
    make: "Callable[[], App]"
    tls: AdminTls | None = None
    _server: asyncio.Server | None = None
    _starting: "asyncio.Task[None] | None" = None
    _is_closed: bool = False

    def __post_init__(self) -> None:
        self.listening.setblocking(False)  # noqa: FBT003 - what the method takes
        asyncio.get_running_loop().add_reader(self.listening, self._begin)

    def lend(self) -> socket.socket:
        """Answer no more, and give the socket, at which somebody else may go on."""
        lent = self.listening.dup()
        self.close()
        return lent

    def close(self) -> None:
        """Answer no more."""
        self._is_closed = True
        asyncio.get_running_loop().remove_reader(self.listening)
        if self._starting is not None:
            self._starting.cancel()
        if self._server is not None:
            self._server.close()
        self.listening.close()

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self.listening)
        self._starting = loop.create_task(self._start())

    async def _start(self) -> None:
        try:
            # Loaded beside the loop: what serves is not to wait for it.
            make = await asyncio.to_thread(self._load)
            from penstock.admin.server import serve_on  # noqa: PLC0415 - loaded just now, on first use

            if not self._is_closed:
                contexts = self.tls.context if self.tls else None
                self._server = await serve_on(self.listening, make, contexts)
        except Exception:  # noqa: BLE001 - nobody awaits it, and what serves goes on
            _log.exception("the admin API cannot be served")

    def _load(self) -> "Callable[[], App]":
        from penstock.admin.access import face  # noqa: F401, PLC0415 - loaded here, used in the loop
        from penstock.admin.server import serve_on  # noqa: F401, PLC0415 - loaded here, used in the loop

        return self.make


@dataclass(slots=True)
class Reception:
    """What port and socket share: who is known, and the log of what they did."""

    supervisor: Supervisor
    hosts: frozenset[str] = frozenset()
    known: "Known | None" = None

    def guard(self, first: Token | None = None, open_paths: frozenset[str] = frozenset()) -> "App":
        """The admin API as it answers at one place: whoever can connect may ask where no token opens it."""
        from penstock.admin.access.face import Admission, Known, guard  # noqa: PLC0415 - on first use

        if self.known is None:
            self.known = Known.of(self.supervisor)
        return guard(self.known, Admission(first, open_paths, self.hosts))


@dataclass(slots=True)
class AdminPort:
    """Answers on a TCP address, to whom the token opens everything but health and metrics.

    `was_asked` says that the address is the user's wish: then it must be free.
    """

    reception: Reception
    address: str
    was_asked: bool
    tls: AdminTls | None = None
    bound: str = ""
    _absence: str = ""
    _made: tuple[Token, str] | None = None
    _server: LazyServer | None = None

    async def open(self) -> None:
        """Begin to answer; a default address that is taken is done without."""
        host, port = split_authority(self.address)
        try:
            if self.tls is not None:
                self.tls.context()
        except ValueError as problem:
            raise CannotStart(str(problem)) from None
        try:
            listening = self.reception.supervisor.inherited(self._name) or await _bound(host.strip("[]"), int(port))
        except OSError as problem:
            taken = problem.errno == errno.EADDRINUSE
            reason = "is in use by another process" if taken else (problem.strerror or str(problem)).lower()
            if self.was_asked:
                raise CannotStart(f"admin address {self.address}: {reason}") from None
            self._absence = f"{self.address} {reason}"
            return
        found = listening.getsockname()[:2]
        self.bound = f"[{found[0]}]:{found[1]}" if ":" in found[0] else f"{found[0]}:{found[1]}"
        open_paths = {"/-/ready", "/-/live", *(["/metrics"] if self._is_loopback else [])}
        make = partial(self.reception.guard, self._token(), frozenset(open_paths))
        self._server = LazyServer(listening, make, self.tls)

    def announce(self) -> None:
        """Say where it is, and tell the token that was made just now."""
        if self._absence:
            _log.warning("no admin port: %s; `--admin ADDRESS` names another", self._absence)
            return
        _log.info("admin port on %s%s", self.bound, ", enciphered" if self.tls else "")
        if self.tls is None and not self._is_loopback:
            _log.warning("the admin port speaks plain HTTP: whoever is on the way can read tokens; --admin-certificate")
        if self._made:
            self._tell(*self._made)

    def lend(self) -> Mapping[str, socket.socket]:
        """Answer no more, and give the socket."""
        lent, self._server = self._server, None
        return {self._name: lent.lend()} if lent is not None else {}

    async def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()

    @property
    def _name(self) -> str:
        return f"admin {self.address}"

    @property
    def _is_loopback(self) -> bool:
        return self.bound.startswith(("127.", "[::1]"))

    def _tell(self, made: Token, text: str) -> None:
        # Kept no sooner than it is told: a start that failed leaves no token behind that nobody knows.
        try:
            token.keep(self.reception.supervisor.launch.folder.token, made)
        except OSError as problem:
            _log.error("the admin token cannot be kept, and the next start makes another: %s", problem)
        # Told once, not logged: logs are kept and shipped.
        os.write(2, f"penstock: admin token, shown only this time: {text}\n".encode())

    def _token(self) -> Token:
        try:
            kept = token.load(self.reception.supervisor.launch.folder.token)
        except OSError as problem:
            raise CannotStart(f"the admin token cannot be read: {problem}") from None
        if kept is None:
            self._made = token.make()
            return self._made[0]
        return kept


@dataclass(slots=True)
class AdminSocket:
    """Answers on a unix socket that only the owner of the state folder can reach; no token is needed."""

    reception: Reception
    _server: LazyServer | None = None
    _path: Path | None = field(default=None)

    async def open(self) -> None:
        """Begin to answer; what an earlier gateway left is replaced, since the folder is locked."""
        path = self.reception.supervisor.launch.folder.admin_socket
        listening = self.reception.supervisor.inherited(path.name) or _bound_unix(path)
        self._path = path
        self._server = LazyServer(listening, self.reception.guard)

    def announce(self) -> None:
        """Say nothing: the commands know where it is."""

    def lend(self) -> Mapping[str, socket.socket]:
        """Answer no more, and give the socket, whose file stays."""
        lent, path = self._server, self._path
        self._server = self._path = None
        return {path.name: lent.lend()} if lent is not None and path is not None else {}

    async def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()


def _bound_unix(path: Path) -> socket.socket:
    """A socket that listens at a path; what an earlier gateway left there is replaced.

    Raises: CannotStart.
    """
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen(_BACKLOG)
    except OSError as problem:
        listening.close()
        raise CannotStart(f"{path}: {problem.strerror or problem}") from None
    return listening


async def _bound(host: str, port: int) -> socket.socket:
    """A socket that listens on the first address of a host.

    Raises: OSError.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, kind, protocol, _, address = found[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening
