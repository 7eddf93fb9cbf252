"""Which requests somebody wants to see as they come: what a query asks for, in the core's words."""

import re
from http import HTTPStatus
from typing import Any

from starlette.requests import Request

from penstock.admin.access.permission import forbidden, principal_of
from penstock.admin.operation import Parameter, number, supervisor_of
from penstock.admin.problem_answer import Bad
from penstock.admin.verb import Verb
from penstock.base.networks import canonical_ip, canonical_network
from penstock.base.units import Duration

MOST_PER_SECOND = 1_000
"""Requests a second that one worker shows to one listener: more than anybody can read."""
ROUTES_OF = {"TCP": "TcpRoute", "TLS": "TlsRoute", "UDP": "UdpRoute"}
"""The kind of route that serves what is spoken; all else is for a `Route`."""
_STATUS = re.compile(r"[1-5](?:[0-9]{2}|xx)")
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")


def interest_of(request: Request) -> dict[str, Any]:
    """What is asked for.

    Raises: Bad if it cannot be understood, or is not for whoever asks.
    """
    interest: dict[str, Any] = {"per_second": max(1, min(number(request, "rate", MOST_PER_SECOND), MOST_PER_SECOND))}
    query, principal = request.query_params, principal_of(request)
    if principal.within is not None:
        interest["route_prefix"] = f"{principal.within[0]}."
    if routes := _words(request, "route"):
        interest["routes"] = [_own_route(request, name) for name in routes]
    if statuses := _words(request, "status"):
        interest["statuses"] = [_range(text) for text in statuses]
    if methods := _words(request, "method"):
        interest["methods"] = [_method(text) for text in methods]
    if "host" in query:
        interest["host"] = query["host"].lower()
    if "path" in query:
        interest["path_prefix"] = query["path"]
    if "client" in query:
        interest["client"] = _network(query["client"])
    if "slower" in query:
        interest["slower_ms"] = _milliseconds(query["slower"])
    if "where" in query:
        interest["when"] = _condition(request, query["where"])
    return interest


def _words(request: Request, name: str) -> list[str]:
    return [word.strip() for text in request.query_params.getlist(name) for word in text.split(",") if word.strip()]


def _own_route(request: Request, name: str) -> str:
    kinds = ("Route", *ROUTES_OF.values())
    if not any(principal_of(request).may_name(Verb.READ, kind, name) for kind in kinds):
        raise forbidden(request, Verb.READ, f"route/{name[:80]}")
    return name


def _range(text: str) -> tuple[int, int]:
    if not _STATUS.fullmatch(text):
        raise Bad(HTTPStatus.BAD_REQUEST, f"status: {text[:20]!r}: write a status such as 503, or a class such as 5xx")
    return int(text.replace("xx", "00")), int(text.replace("xx", "99"))


def _method(text: str) -> str:
    if not _METHOD.fullmatch(text):
        raise Bad(HTTPStatus.BAD_REQUEST, f"method: {text[:20]!r}: write one such as POST")
    return text


def _network(text: str) -> str:
    try:
        return canonical_network(text) if "/" in text else canonical_ip(text)
    except ValueError as problem:
        raise Bad(HTTPStatus.BAD_REQUEST, f"client: {problem}") from None


def _milliseconds(text: str) -> int:
    try:
        return Duration.parse(text).milliseconds
    except ValueError as problem:
        raise Bad(HTTPStatus.BAD_REQUEST, f"slower: {problem}") from None


def _condition(request: Request, text: str) -> str:
    # By conditions what no log shows can be found out, so they are for those who could have a route tell it anyway.
    if not principal_of(request).may_some(Verb.WRITE):
        raise Bad(HTTPStatus.FORBIDDEN, "where: this is for those who may write routes")
    problem = supervisor_of(request).applying.compilation.native.check_expression(text)
    if problem is not None:
        raise Bad(HTTPStatus.BAD_REQUEST, f"where: {problem}")
    return text


PARAMETERS = (
    Parameter("route", "Names of routes, with commas between them; absent: all."),
    Parameter("status", "Statuses or classes of them, such as `503,4xx`."),
    Parameter("method", "Methods, such as `POST,PUT`."),
    Parameter("host", "The host that was asked for."),
    Parameter("path", "What the path begins with."),
    Parameter("client", "The client's address, or a network that it is in."),
    Parameter("slower", "Requests that took at least so long, such as `200ms`."),
    Parameter(
        "where",
        "A condition over request and answer, such as `response.status == 200 and request.query.debug`; then only "
        "requests of routes are shown which whoever asks may write.",
    ),
    Parameter(
        "rate",
        f"Most requests a second from each worker, up to {MOST_PER_SECOND}; others are dropped and counted.",
        {"type": "integer", "minimum": 1, "maximum": MOST_PER_SECOND},
    ),
)
