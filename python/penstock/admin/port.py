"""The admin port and the admin socket: health, metrics, status, reload."""

import asyncio
import contextlib
import errno
import logging
import os
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from penstock.admin.http import BACKLOG, LARGEST_HEAD, Connections, Request, Response, as_json
from penstock.admin.metrics import MEDIA_TYPE, exposition, own_metrics
from penstock.admin.token import Token, load_or_make
from penstock.base.networks import canonical_ip, split_authority
from penstock.runtime.supervisor import CannotStart, Supervisor

_log = logging.getLogger("penstock")
_READS = frozenset({"GET", "HEAD"})
DEFAULT_ADDRESS = "127.0.0.1:9700"


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
    _token: Token | None = None
    _made: str | None = None
    _server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begin to answer; a default address that is taken is done without."""
        host, port = split_authority(self.address)
        try:
            self._server = await asyncio.start_server(
                Connections(self.answer).serve,
                host.strip("[]"),
                int(port),
                limit=LARGEST_HEAD,
                backlog=BACKLOG,
            )
        except OSError as problem:
            taken = problem.errno == errno.EADDRINUSE
            reason = "is in use by another process" if taken else (problem.strerror or str(problem)).lower()
            if self.was_asked:
                raise CannotStart(f"admin address {self.address}: {reason}") from None
            self._absence = f"{self.address} {reason}"
            return
        found = self._server.sockets[0].getsockname()[:2]
        self.bound = f"[{found[0]}]:{found[1]}" if ":" in found[0] else f"{found[0]}:{found[1]}"
        self._prepare_token()

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

    async def answer(self, request: Request) -> Response:
        """The answer to a request from the network."""
        if not _is_own_host(request.headers.get("host", "")):
            return Response(HTTPStatus.MISDIRECTED_REQUEST, "no such host here\n")
        if self._is_open_to_all(request):
            return await respond(self.supervisor, request)
        given = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        if self._token is None or not given or not self._token.matches(given):
            return Response(HTTPStatus.UNAUTHORIZED, "a token is needed\n", headers={"www-authenticate": "Bearer"})
        return await respond(self.supervisor, request)

    def _is_open_to_all(self, request: Request) -> bool:
        if request.method not in _READS:
            return False
        return request.path in {"/-/ready", "/-/live"} or (request.path == "/metrics" and self._is_loopback)

    @property
    def _is_loopback(self) -> bool:
        return self.bound.startswith(("127.", "[::1]"))

    def _prepare_token(self) -> None:
        try:
            self._token, self._made = load_or_make(self.supervisor.launch.folder.token)
        except OSError as problem:
            raise CannotStart(f"the admin token cannot be kept: {problem}") from None


@dataclass(slots=True)
class AdminSocket:
    """Answers on a unix socket that only the owner of the state folder can reach; no token is needed."""

    supervisor: Supervisor
    _server: asyncio.Server | None = None
    _path: Path | None = field(default=None)

    async def open(self) -> None:
        """Begin to answer; what an earlier gateway left is replaced, since the folder is locked."""
        path = self.supervisor.launch.folder.admin_socket
        path.unlink(missing_ok=True)
        try:
            self._server = await asyncio.start_unix_server(
                Connections(self.answer).serve, path, limit=LARGEST_HEAD, backlog=BACKLOG
            )
            path.chmod(0o600)
        except OSError as problem:
            raise CannotStart(f"{path}: {problem.strerror or problem}") from None
        self._path = path

    def announce(self) -> None:
        """Say nothing: the commands know where it is."""

    async def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()

    async def answer(self, request: Request) -> Response:
        """The answer to a request of the gateway's owner."""
        return await respond(self.supervisor, request)


async def respond(supervisor: Supervisor, request: Request) -> Response:
    """The answer to a request that may be answered."""
    wanted = ("GET" if request.method == "HEAD" else request.method, request.path)
    if request.method == "POST" and request.path.startswith(_ROLLBACK):
        return await _rollback(supervisor, request.path.removeprefix(_ROLLBACK))
    answer = _ANSWERS.get(wanted)
    return await answer(supervisor) if answer else Response(HTTPStatus.NOT_FOUND, "not found\n")


async def _live(_supervisor: Supervisor) -> Response:
    return Response(HTTPStatus.OK, "live\n")


async def _ready(supervisor: Supervisor) -> Response:
    if supervisor.is_ready:
        return Response(HTTPStatus.OK, "ready\n")
    return Response(HTTPStatus.SERVICE_UNAVAILABLE, f"{supervisor.phase.value}\n")


async def _metrics(supervisor: Supervisor) -> Response:
    counted = [*supervisor.metrics(), *own_metrics(supervisor)]
    # Of thousands of routes the text is long, and the supervisor has more to do than to write it.
    return Response(HTTPStatus.OK, await asyncio.to_thread(exposition, counted), MEDIA_TYPE)


async def _status(supervisor: Supervisor) -> Response:
    return as_json(supervisor.status())


async def _reload(supervisor: Supervisor) -> Response:
    before = supervisor.revision
    problems = await supervisor.reload()
    told = {"problems": problems, "revision": supervisor.revision, "changed": supervisor.revision != before}
    return as_json(told, HTTPStatus.CONFLICT if problems else HTTPStatus.OK)


async def _rollback(supervisor: Supervisor, revision: str) -> Response:
    if not revision.isascii() or not revision.isdecimal() or len(revision) > _LONGEST_REVISION:
        return Response(HTTPStatus.NOT_FOUND, "not found\n")
    told = await supervisor.rollback(int(revision))
    return as_json(told, HTTPStatus.CONFLICT if told["problems"] else HTTPStatus.OK)


_ROLLBACK = "/-/rollback/"
_LONGEST_REVISION = 16
_ANSWERS = {
    ("GET", "/-/live"): _live,
    ("GET", "/-/ready"): _ready,
    ("GET", "/metrics"): _metrics,
    ("GET", "/-/status"): _status,
    ("POST", "/-/reload"): _reload,
}


def _is_own_host(given: str) -> bool:
    """Whether a Host header names an address or `localhost`: a name that somebody else resolves must not lead here."""
    host, _ = split_authority(given)
    if host.lower() == "localhost":
        return True
    try:
        canonical_ip(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
