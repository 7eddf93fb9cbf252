"""What happened in the last minutes: rates, errors and latencies by subject, and those that stand out."""

import asyncio
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from penstock.admin.operation import FLAG, Operation, Parameter, bounded, flag, supervisor_of
from penstock.admin.problem_answer import Bad
from penstock.admin.verb import Verb
from penstock.base.units import Duration
from penstock.runtime.measures.figures import KINDS_TOLD, ORDERS, figures, is_at_rest
from penstock.runtime.measures.statistics import LONGEST_SECONDS
from penstock.runtime.supervisor import Supervisor

_USUAL_WINDOW = "1m"
_USUAL_LIMIT = 10
_MOST = 1_000
_Found = Mapping[str, list[dict[str, Any]]]


async def statistics(request: Request) -> Response:
    """The figures of every subject that did something in the window, by kind."""
    wanted = _wanted(request)
    seconds, found = await _figures(request, wanted)
    is_whole, name = flag(request, "all"), request.query_params.get("name")
    told = {
        f"{kind}s": [
            one
            for one in found[kind]
            if (is_whole or not is_at_rest(one)) and (name is None or name in (one.get("upstream"), one[kind]))
        ]
        for kind in wanted
    }
    return JSONResponse({"window_seconds": seconds, **told})


async def top(request: Request) -> Response:
    """The subjects of a kind that stand out."""
    kind = _one_of(request, "kind", "route", KINDS_TOLD)
    order = _one_of(request, "by", "requests", tuple(ORDERS))
    limit = bounded(request.query_params, "limit", _USUAL_LIMIT, _MOST)
    seconds, found = await _figures(request, (kind,))
    moving = (one for one in found[kind] if not is_at_rest(one))
    items = sorted(moving, key=ORDERS[order], reverse=True)[:limit]
    return JSONResponse({"window_seconds": seconds, "kind": kind, "by": order, "items": items})


def _wanted(request: Request) -> tuple[str, ...]:
    given = request.query_params.get("kind")
    return KINDS_TOLD if given is None else (_one_of(request, "kind", given, KINDS_TOLD),)


async def _figures(request: Request, kinds: Iterable[str]) -> tuple[float, _Found]:
    # Of thousands of routes that takes a while, and the supervisor has more to do.
    return await asyncio.to_thread(_found, supervisor_of(request), _window_seconds(request), kinds)


def _found(supervisor: Supervisor, seconds: float, kinds: Iterable[str]) -> tuple[float, _Found]:
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    window = supervisor.counted(seconds, found)
    for one in window.counted:
        found[one.subject.kind].append(figures(one, window.seconds))
    return window.seconds, found


def _window_seconds(request: Request) -> float:
    try:
        seconds = Duration.parse(request.query_params.get("window", _USUAL_WINDOW)).milliseconds / 1000
    except ValueError as problem:
        raise Bad(HTTPStatus.BAD_REQUEST, f"window: {problem}") from None
    if not 1 <= seconds <= LONGEST_SECONDS:
        raise Bad(HTTPStatus.BAD_REQUEST, "window: write a time from 1s to 15m")
    return seconds


def _one_of(request: Request, name: str, usual: str, known: tuple[str, ...]) -> str:
    given = request.query_params.get(name, usual)
    if given not in known:
        raise Bad(HTTPStatus.BAD_REQUEST, f"{name}: write one of {', '.join(known)}")
    return given


_WINDOW = Parameter("window", "How far to look back, from `1s` to `15m`; absent: `1m`.")
_KIND = {"type": "string", "enum": list(KINDS_TOLD)}
OPERATIONS = (
    Operation(
        "GET",
        "/api/v1/statistics",
        "Tell rates, errors and latencies of the last minutes",
        statistics,
        {200: "The figures by kind, and how long the window really is.", 400: "The query cannot be understood."},
        (
            _WINDOW,
            Parameter("kind", "One kind alone.", _KIND),
            Parameter("name", "One subject alone; of an upstream, its endpoints too."),
            Parameter("all", "Tell also of those that did nothing.", FLAG),
        ),
        verb=Verb.READ,
    ),
    Operation(
        "GET",
        "/api/v1/top",
        "List what is busiest, slowest or has most errors",
        top,
        {200: "The first of them.", 400: "The query cannot be understood."},
        (
            _WINDOW,
            Parameter("kind", "Of which kind; absent: routes.", _KIND),
            Parameter("by", "Ordered by what; absent: requests.", {"type": "string", "enum": list(ORDERS)}),
            Parameter(
                "limit",
                f"How many, up to {_MOST}; absent: {_USUAL_LIMIT}.",
                {"type": "integer", "minimum": 1, "maximum": _MOST},
            ),
        ),
        verb=Verb.READ,
    ),
)
