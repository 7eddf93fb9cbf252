"""Who may ask the admin API for what."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response

from penstock.admin.problem_answer import problem_answer
from penstock.admin.token import Token
from penstock.base.networks import canonical_ip, split_authority
from penstock.store import Author

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
_READS = frozenset({"GET", "HEAD"})
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
OWNER = Author("owner", "command")
"""Whoever can reach the socket in the state folder."""
HOLDER = Author("admin", "api")
"""Whoever has the token."""


@dataclass(slots=True)
class Guard:
    """Lets through who may ask, and notes who it is.

    `token` is absent where whoever can connect may ask. `open_paths` may be read by anyone.
    """

    app: App
    token: Token | None = None
    open_paths: frozenset[str] = field(default_factory=frozenset)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """One request, as ASGI hands it over."""
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        scope["state"] = {"author": OWNER if self.token is None else HOLDER}

        async def send_marked(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                marks = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *marks]}
            await send(message)

        await self.app(scope, receive, send_marked)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if self.token is None:
            return None
        if not _is_own_host(headers.get("host", "")):
            return PlainTextResponse("no such host here\n", HTTPStatus.MISDIRECTED_REQUEST)
        if scope["method"] in _READS and scope["path"] in self.open_paths:
            return None
        given = headers.get("authorization", "").removeprefix("Bearer ").strip()
        if given and self.token.matches(given):
            return None
        asked = {"www-authenticate": "Bearer"}
        return problem_answer(HTTPStatus.UNAUTHORIZED, "a token is needed", headers=asked)


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
