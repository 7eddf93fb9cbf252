"""Answers that say what is wrong.

Source: RFC 9457.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from penstock.base.problem import Problem
from penstock.runtime.change.editing import NotPermitted
from penstock.runtime.change.ownership import OwnedElsewhere
from penstock.store import Conflict, Damaged, Forgotten, Unavailable, Unknown

MEDIA_TYPE = "application/problem+json"


class Bad(Exception):  # noqa: N818 - says what the request is
    """A request that cannot be answered, and the status that says why."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        problems: Sequence[Problem] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.headers = headers
        self.status = status
        self.detail = detail
        self.problems = problems


def problem_answer(
    status: int, detail: str, problems: Sequence[Problem] = (), headers: dict[str, str] | None = None, **more: Any
) -> Response:
    """An answer that says what is wrong, and with which parts of what was sent."""
    told: dict[str, Any] = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    if problems:
        told["problems"] = [problem.to_json() for problem in problems]
    return JSONResponse(told, status, headers, MEDIA_TYPE)


async def _bad(_request: Request, problem: Exception) -> Response:
    if isinstance(problem, Bad):
        return problem_answer(problem.status, problem.detail, problem.problems, problem.headers)
    if isinstance(problem, HTTPException):
        headers = dict(problem.headers) if problem.headers else None
        return problem_answer(problem.status_code, str(problem.detail), headers=headers)
    # Whoever is told so tries again soon: a leader is elected within seconds.
    later = {"retry-after": "2"} if isinstance(problem, Unavailable | Damaged) else None
    status = next(_STATUSES[kind] for kind in type(problem).__mro__ if kind in _STATUSES)
    if isinstance(problem, Unknown):
        detail = f"nobody knows whether it was done, look at the history before you repeat it: {problem}"
        return problem_answer(status, detail, headers=later, outcome="unknown")
    return problem_answer(status, str(problem), headers=later)


async def _fault(_request: Request, _problem: Exception) -> Response:
    return problem_answer(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of the gateway itself; its log says more")


_STATUSES: dict[type[Exception], HTTPStatus] = {
    Conflict: HTTPStatus.PRECONDITION_FAILED,
    NotPermitted: HTTPStatus.FORBIDDEN,
    OwnedElsewhere: HTTPStatus.CONFLICT,
    Forgotten: HTTPStatus.GONE,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    Damaged: HTTPStatus.SERVICE_UNAVAILABLE,
}
HANDLERS: dict[Any, Any] = {
    **dict.fromkeys((Bad, HTTPException, *_STATUSES), _bad),
    Exception: _fault,
}
"""What answers for each exception that may leave an operation."""
