"""Who may ask the admin API for anything, and the note that is made of it."""

import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response

from penstock.admin.access.audit import ACTS, REFUSALS, Audit
from penstock.admin.access.credentials import Credentials, check_origin, peer_of, unknown
from penstock.admin.access.principal import OWNER, Principal
from penstock.admin.problem_answer import Bad, problem_answer
from penstock.admin.security_headers import ENCODED
from penstock.base.networks import canonical_ip, split_authority

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
_log = logging.getLogger("penstock")
_READS = frozenset({"GET", "HEAD"})
_REFUSED = frozenset({401, 403, 421, 429})
_LONGEST_TOLD = 300


@dataclass(slots=True)
class Guard:
    """Lets through who may ask, says who it is, and notes what became of it.

    `needs_token` is untrue where whoever can connect may ask; `strangers` are the processes that may not even there.
    `open_paths` may be read by anyone, and `doors`, pairs of a method and what paths look like, are where people come
    in. `hosts` are the names by which the gateway is reached, beside addresses.
    """

    app: App
    credentials: Credentials
    audit: Audit
    needs_token: bool = True
    open_paths: frozenset[str] = field(default_factory=frozenset)
    doors: Sequence[tuple[str, re.Pattern[str]]] = ()
    hosts: frozenset[str] = field(default_factory=frozenset)
    strangers: Callable[[], frozenset[int]] = frozenset

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """One request, as ASGI hands it over."""
        state: dict[str, Any] = {"id": secrets.token_hex(8), "book": self.credentials.book, "guard": self}
        scope["state"] = state
        marks = [*ENCODED, (b"x-request-id", state["id"].encode())]
        status = 0

        async def send_marked(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], *marks]}
                if self._note(scope, status):
                    await self._on_disk()
            await send(message)

        try:
            refusal = await self._judged(scope, state)
            await (refusal if refusal is not None else self.app)(scope, receive, send_marked)
        finally:
            if status == 0:
                self._note(scope, status)

    async def _judged(self, scope: Scope, state: dict[str, Any]) -> Response | None:
        try:
            return await self._refusal(scope, state)
        except Exception:  # noqa: BLE001 - whoever is not known for sure is not let in, and told nothing
            _log.exception("it cannot be said who asks")
            return problem_answer(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of the gateway itself; its log says more")

    async def _refusal(self, scope: Scope, state: dict[str, Any]) -> Response | None:
        headers = Headers(scope=scope)
        if not self.needs_token:
            return self._at_socket(scope, state)
        if not self._is_own_host(headers.get("host", "")):
            return PlainTextResponse("no such host here\n", HTTPStatus.MISDIRECTED_REQUEST)
        try:
            if "upgrade" in headers:
                # Whoever speaks otherwise from then on is not asked again: pages of others least of all (I19).
                check_origin(scope, headers)
            if scope["method"] in _READS and scope["path"] in self.open_paths:
                return None
            await self._identify(scope, headers, state)
        except Bad as problem:
            return problem_answer(problem.status, problem.detail, headers=problem.headers)
        return None

    async def again(self, scope: Scope) -> Principal | None:
        """Whoever made a request that is still answered, as they are known by now."""
        if not self.needs_token:
            return OWNER
        try:
            return (await self.credentials.find(scope, Headers(scope=scope), is_seen=False))[0]
        except Bad:
            return None

    async def _identify(self, scope: Scope, headers: Headers, state: dict[str, Any]) -> None:
        if scope["method"] not in _READS:
            check_origin(scope, headers)
        if any(scope["method"] == method and door.match(scope["path"]) for method, door in self.doors):
            return
        principal, session = await self.credentials.find(scope, headers)
        if principal is None:
            raise unknown("a token is needed")
        self._know(state, principal)
        state["session"] = session

    def _at_socket(self, scope: Scope, state: dict[str, Any]) -> Response | None:
        client = scope.get("client")
        if client and client[1] in self.strangers():
            # A worker does what routes say: whoever may write one would else be the owner.
            return problem_answer(HTTPStatus.FORBIDDEN, "workers may not ask here")
        self._know(state, OWNER)
        return None

    @staticmethod
    def _know(state: dict[str, Any], principal: Principal) -> None:
        state["principal"], state["author"] = principal, principal.author

    def _is_own_host(self, given: str) -> bool:
        """Whether a Host header names an address or a name of ours: one that others resolve must not lead here."""
        host = split_authority(given)[0].lower()
        if host == "localhost" or host in self.hosts:
            return True
        try:
            canonical_ip(host.removeprefix("[").removesuffix("]"))
        except ValueError:
            return False
        return True

    async def _on_disk(self) -> None:
        try:
            await self.audit.synced()
        except OSError as problem:
            _log.error("the audit log cannot be brought to disk: %s", problem)

    def _note(self, scope: Scope, status: int) -> bool:
        """Note what became of a request, if that is to be noted; whether it was an act."""
        is_refused = status in _REFUSED
        state = scope["state"]
        if scope["method"] in _READS and not (is_refused or state.get("is_act") or state.get("is_noted")):
            return False
        principal: Principal | None = state.get("principal")
        entry = {
            "time": round(time.time(), 3),
            "id": state["id"],
            "actor": principal.name if principal else str(state.get("actor", "nobody"))[:_LONGEST_TOLD],
            "way": principal.way.value if principal else "none",
            "peer": peer_of(scope),
            "method": scope["method"][:_LONGEST_TOLD],
            "path": scope["path"][:_LONGEST_TOLD],
            "query": "" if state.get("is_act") else scope.get("query_string", b"").decode("latin-1")[:_LONGEST_TOLD],
            "status": status,
            "result": "refused" if is_refused else "done" if 0 < status < HTTPStatus.BAD_REQUEST else "failed",
            "revision": state.get("revision"),
        }
        is_act = principal is not None or entry["result"] == "done"
        try:
            self.audit.write(entry, ACTS if is_act else REFUSALS)
        except OSError as problem:
            _log.error("an entry of the audit log cannot be kept: %s", problem)
            return False
        return is_act
