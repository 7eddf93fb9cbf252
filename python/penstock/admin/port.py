"""The admin port and the admin socket: where the admin API is reached."""

import asyncio
import contextlib
import errno
import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.admin.token import Token, load_or_make
from penstock.base.networks import split_authority
from penstock.runtime.supervisor import CannotStart, Supervisor

if TYPE_CHECKING:
    from penstock.admin.access import App

_log = logging.getLogger("penstock")
_BACKLOG = 32
DEFAULT_ADDRESS = "127.0.0.1:9700"


@dataclass(slots=True)
class LazyServer:
    """Listens at once, and loads what answers when somebody first connects: most gateways are never asked."""

    supervisor: Supervisor
    listening: socket.socket
    token: Token | None = None
    open_paths: frozenset[str] = frozenset()
    _server: asyncio.Server | None = None
    _starting: "asyncio.Task[None] | None" = None
    _is_closed: bool = False

    def __post_init__(self) -> None:
        self.listening.setblocking(False)  # noqa: FBT003 - what the method takes
        asyncio.get_running_loop().add_reader(self.listening, self._begin)

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
                self._server = await serve_on(self.listening, make)
        except Exception:  # noqa: BLE001 - nobody awaits it, and what serves goes on
            _log.exception("the admin API cannot be served")

    def _load(self) -> "Callable[[], App]":
        from penstock.admin.access import Guard  # noqa: PLC0415 - on first use
        from penstock.admin.app import make_app  # noqa: PLC0415 - on first use
        from penstock.admin.server import serve_on  # noqa: F401, PLC0415 - loaded here, used in the loop

        return lambda: Guard(make_app(self.supervisor), self.token, self.open_paths)


@dataclass(slots=True)
class AdminPort:
    """Answers on a TCP address, to whom the token opens everything but health and metrics.

    `was_asked` says that the address is the user's wish: then it must be free.
    """

    supervisor: Supervisor
    address: str
    was_asked: bool
    bound: str = ""
    _absence: str = ""
    _made: str | None = None
    _server: LazyServer | None = None

    async def open(self) -> None:
        """Begin to answer; a default address that is taken is done without."""
        host, port = split_authority(self.address)
        try:
            listening = await _bound(host.strip("[]"), int(port))
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
        self._server = LazyServer(self.supervisor, listening, self._token(), frozenset(open_paths))

    def announce(self) -> None:
        """Say where it is, and tell the token that was made just now."""
        if self._absence:
            _log.warning("no admin port: %s; `--admin ADDRESS` names another", self._absence)
            return
        _log.info("admin port on %s", self.bound)
        if self._made:
            # Told once, not logged: logs are kept and shipped.
            os.write(2, f"penstock: admin token, shown only this time: {self._made}\n".encode())

    async def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()

    @property
    def _is_loopback(self) -> bool:
        return self.bound.startswith(("127.", "[::1]"))

    def _token(self) -> Token:
        try:
            token, self._made = load_or_make(self.supervisor.launch.folder.token)
        except OSError as problem:
            raise CannotStart(f"the admin token cannot be kept: {problem}") from None
        return token


@dataclass(slots=True)
class AdminSocket:
    """Answers on a unix socket that only the owner of the state folder can reach; no token is needed."""

    supervisor: Supervisor
    _server: LazyServer | None = None
    _path: Path | None = field(default=None)

    async def open(self) -> None:
        """Begin to answer; what an earlier gateway left is replaced, since the folder is locked."""
        path = self.supervisor.launch.folder.admin_socket
        path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(str(path))
            path.chmod(0o600)
            listening.listen(_BACKLOG)
        except OSError as problem:
            listening.close()
            raise CannotStart(f"{path}: {problem.strerror or problem}") from None
        self._path = path
        self._server = LazyServer(self.supervisor, listening)

    def announce(self) -> None:
        """Say nothing: the commands know where it is."""

    async def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()


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
