"""What is asked of a change that is to be watched, and what has become of those that are."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from penstock.admin.access.permission import principal_of
from penstock.admin.operation import Operation, Parameter, supervisor_of
from penstock.admin.problem_answer import Bad
from penstock.admin.verb import Verb
from penstock.base.units import Duration
from penstock.runtime.change.watching import Bounds, Seen, Watch, touched_routes
from penstock.store import Change

_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%")
_TIMES = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,3})?)x")
_LONGEST_MS = 24 * 3600 * 1000
_ALL = 100


def bounds_of(request: Request) -> Bounds | None:
    """The bounds that a change has to keep for a while, if it is to be watched.

    Raises: Bad if they cannot be understood.
    """
    query = request.query_params
    given = {name for name in ("max_errors", "max_latency") if name in query}
    if "watch" not in query:
        if given:
            raise Bad(HTTPStatus.BAD_REQUEST, f"{', '.join(sorted(given))}: say for how long by `watch`")
        return None
    if query.get("wait") == "none":
        raise Bad(HTTPStatus.BAD_REQUEST, "watch: a change is watched once it is applied; leave `wait` out")
    try:
        milliseconds = Duration.parse(query["watch"]).milliseconds
    except ValueError as problem:
        raise Bad(HTTPStatus.BAD_REQUEST, f"watch: {problem}") from None
    if not 0 < milliseconds <= _LONGEST_MS:
        raise Bad(HTTPStatus.BAD_REQUEST, "watch: write a time of up to 24h")
    errors = _number(query.get("max_errors", "5%"), _SHARE, "max_errors: write a share such as 5%")
    latency = None
    if "max_latency" in query:
        latency = _number(query["max_latency"], _TIMES, "max_latency: write how many times what it was, such as 2x")
    return Bounds(milliseconds / 1000, min(errors, _ALL) / _ALL, latency)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a change that is to be watched is compared with: what was counted before it was made."""

    bounds: Bounds
    counted: Mapping[str, Seen]


async def baseline_of(request: Request) -> Baseline | None:
    """What to compare with later, if the change that is asked for is to be watched.

    Raises: Bad if its bounds cannot be understood.
    """
    bounds = bounds_of(request)
    return None if bounds is None else Baseline(bounds, await supervisor_of(request).watching.look())


async def begin_watch(request: Request, baseline: Baseline, change: Change, changed: Iterable[str]) -> dict[str, Any]:
    """Watch a change that the workers run, of which parts of the plan have changed."""
    supervisor = supervisor_of(request)
    current = supervisor.fleet.rollout.current
    routes = touched_routes(changed, current.parts if current else {})
    watch = await supervisor.watching.begin(change, baseline.bounds, routes, baseline.counted)
    return _told(request, watch)


def _told(request: Request, watch: Watch) -> dict[str, Any]:
    told = watch.to_json()
    # Whose routes are touched is told to who may know all of them.
    return told if principal_of(request).may_all(Verb.READ) else {**told, "routes": None, "reason": ""}


def _number(text: str, form: re.Pattern[str], otherwise: str) -> float:
    found = form.fullmatch(text)
    if not found:
        raise Bad(HTTPStatus.BAD_REQUEST, otherwise)
    return float(found[1])


async def watches(request: Request) -> Response:
    """The changes that are or were watched, newest first."""
    return JSONResponse({"items": [_told(request, one) for one in supervisor_of(request).watching.watches]})


WATCHED = (
    Parameter(
        "watch", "Take the change back where errors or latency of its routes jump within this time, such as `2m`."
    ),
    Parameter("max_errors", "Share of requests that may be answered with 5xx while it is watched; absent: `5%`."),
    Parameter("max_latency", "How many times the mean duration from before, such as `2x`; absent: any."),
)
OPERATIONS = (
    Operation(
        "GET",
        "/api/v1/watches",
        "List the changes that are watched, or were",
        watches,
        {200: "The latest, each with `state`: `watching`, `kept`, `taken back` or `superseded`."},
        verb=Verb.READ,
    ),
)
