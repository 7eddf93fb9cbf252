"""Requests as they come, and what the gateway says of itself: server-sent events for those who look."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from penstock.admin.access.permission import check_all, principal_of, sees_key, still_permitted
from penstock.admin.access.principal import Principal
from penstock.admin.log_query import PARAMETERS, ROUTES_OF, interest_of
from penstock.admin.operation import Operation, Parameter, supervisor_of
from penstock.admin.own_log import OwnLog, own_log
from penstock.admin.problem_answer import Bad
from penstock.admin.verb import Verb
from penstock.runtime.supervisor import Supervisor
from penstock.runtime.worker.taps import Seen, Tap, TooMany

_EVENTS = "text/event-stream"
_SOURCES = ("requests", "own")
_BEGIN_SECONDS = 2.0
"""Time for the workers to tell of their requests before the answer begins."""
_BEAT_SECONDS = 5.0
_KNOWN_SECONDS = 1.0
"""How long whoever looks is taken for who they were."""


async def logs(request: Request) -> Response:
    """Requests as they come to this node, as the access log writes them, or what the gateway says of itself."""
    source = request.query_params.get("source", _SOURCES[0])
    if source not in _SOURCES:
        raise Bad(HTTPStatus.BAD_REQUEST, f"source: write one of {', '.join(_SOURCES)}")
    interest = interest_of(request)
    if source == "own":
        check_all(request, Verb.READ)
    # To look at what clients do is an act, though nothing changes.
    request.scope["state"]["is_noted"] = True
    if request.method == "HEAD":
        return Response(media_type=_EVENTS)
    return await (_own(request) if source == "own" else _requests(request, interest))


async def _own(request: Request) -> Response:
    opened = AsyncExitStack()
    try:
        log = opened.enter_context(own_log())
    except TooMany as problem:
        raise _too_many(problem) from None
    return _Stream(_lines(supervisor_of(request), log, _Looker(request, has_condition=False)), opened)


async def _requests(request: Request, interest: Mapping[str, Any]) -> Response:
    opened = AsyncExitStack()
    try:
        tap = await opened.enter_async_context(supervisor_of(request).taps.open(interest))
        await tap.begun(_BEGIN_SECONDS)
    except TooMany as problem:
        raise _too_many(problem) from None
    except BaseException:
        await opened.aclose()
        raise
    looker = _Looker(request, has_condition="when" in interest)
    return _Stream(_events(supervisor_of(request), tap, looker), opened)


def _too_many(problem: TooMany) -> Bad:
    return Bad(HTTPStatus.TOO_MANY_REQUESTS, str(problem), headers={"retry-after": "10"})


class _Stream(StreamingResponse):
    """Events; what was opened for them is closed with them, even where they never begin."""

    def __init__(self, events: AsyncIterator[str], opened: AsyncExitStack) -> None:
        super().__init__(events, media_type=_EVENTS)
        self._opened = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._opened.aclose()


@dataclass(slots=True)
class _Looker:
    """Whoever looks, and what they may see: rights that were taken meanwhile are gone within a second."""

    request: Request
    has_condition: bool
    _known: float = field(default_factory=time.monotonic)
    _principal: Principal | None = field(init=False)

    def __post_init__(self) -> None:
        self._principal = principal_of(self.request)

    async def is_permitted(self) -> bool:
        if time.monotonic() - self._known > _KNOWN_SECONDS:
            self._principal = await still_permitted(self.request, Verb.READ)
            self._known = time.monotonic()
        return self._principal is not None

    async def may_all(self) -> bool:
        return await self.is_permitted() and self._principal is not None and self._principal.may_all(Verb.READ)

    def sees(self, one: Seen) -> bool:
        principal = self._principal
        if principal is None:
            return False
        kind = ROUTES_OF.get(one.protocol, "Route")
        is_seen = bool(one.route) and sees_key(principal, f"{kind.lower()}/{one.route}")
        if not (is_seen or principal.may_all(Verb.READ)):
            return False
        may_write = bool(one.route) and principal.may(Verb.WRITE, kind, one.route, {})
        return not self.has_condition or may_write or principal.may_all(Verb.WRITE)


async def _events(supervisor: Supervisor, tap: Tap, looker: _Looker) -> AsyncIterator[str]:
    workers = -1
    while await looker.is_permitted():
        taken = await tap.take(_BEAT_SECONDS if workers >= 0 else 0)
        if not await looker.is_permitted():
            return
        told = [_event("request", one.shown) for one in taken.requests if looker.sees(one)]
        if taken.workers != workers:
            workers = taken.workers
            told.insert(0, _event("node", {"node": supervisor.applying.history.node, "workers": workers}))
        if taken.dropped:
            told.append(_event("dropped", {"requests": taken.dropped}))
        yield "".join(told) or ": alive\n\n"


async def _lines(supervisor: Supervisor, log: OwnLog, looker: _Looker) -> AsyncIterator[str]:
    yield _event("node", {"node": supervisor.applying.history.node})
    while await looker.may_all():
        lines, dropped = await log.take(_BEAT_SECONDS)
        if not await looker.may_all():
            return
        told = [_event("line", one) for one in lines]
        if dropped:
            told.append(_event("dropped", {"lines": dropped}))
        yield "".join(told) or ": alive\n\n"


def _event(name: str, data: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


OPERATIONS = (
    Operation(
        "GET",
        "/api/v1/logs",
        "Follow requests as they come to this node, or its own log",
        logs,
        {
            200: "Server-sent events: `node`, `request` or `line`, and `dropped`.",
            400: "The query cannot be understood.",
            429: "As many follow requests as may.",
        },
        (
            *PARAMETERS,
            Parameter(
                "source",
                "`requests`, or `own` for what the gateway says of itself, which is for those who may read everything.",
                {"type": "string", "enum": list(_SOURCES)},
            ),
        ),
        verb=Verb.READ,
        is_scoped=True,
    ),
)
