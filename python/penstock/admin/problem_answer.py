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
from penstock.runtime.change.editing import OwnedElsewhere
from penstock.store import Conflict, Damaged, Forgotten, Unavailable

MEDIA_TYPE = "application/problem+json"


class Bad(Exception):  # noqa: N818 - says what the request is
    """A request that cannot be answered, and the status that says why."""

    def __init__(self, status: HTTPStatus, detail: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(detail)
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
        return problem_answer(problem.status, problem.detail, problem.problems)
    if isinstance(problem, HTTPException):
        headers = dict(problem.headers) if problem.headers else None
        return problem_answer(problem.status_code, str(problem.detail), headers=headers)
    return problem_answer(_STATUSES[type(problem)], str(problem))


async def _fault(_request: Request, _problem: Exception) -> Response:
    return problem_answer(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of the gateway itself; its log says more")


_STATUSES: dict[type[Exception], HTTPStatus] = {
    Conflict: HTTPStatus.PRECONDITION_FAILED,
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
