"""The admin API as one application."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.admin import (
    catalogues,
    certificates,
    changes,
    description,
    health,
    inspection,
    logs,
    nodes,
    plugins,
    profiles,
    resources,
    statistics,
    watches,
)
from penstock.admin.access import audit_log, login, subjects, tokens
from penstock.admin.access.oidc import login as oidc_login
from penstock.admin.access.permission import permitted
from penstock.admin.operation import Operation
from penstock.admin.problem_answer import HANDLERS, problem_answer
from penstock.admin.turns import Turns, in_turn
from penstock.runtime.supervisor import Supervisor

_ROOMS = (
    health,
    inspection,
    certificates,
    resources,
    changes,
    nodes,
    login,
    oidc_login,
    tokens,
    subjects,
    audit_log,
    catalogues,
    plugins,
    profiles,
    statistics,
    watches,
    logs,
)
OPERATIONS: tuple[Operation, ...] = tuple(one for room in _ROOMS for one in room.OPERATIONS)
"""All that can be asked for; the description of it tells of these."""
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY")
_Answer = Callable[[Request], Awaitable[Response]]


def make_app(supervisor: Supervisor) -> Starlette:
    """An application that answers for a gateway."""
    paths: dict[str, dict[str, _Answer]] = {"/openapi.json": {"GET": description.answer(OPERATIONS)}}
    turns = Turns()
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = permitted(in_turn(operation, turns))
    # One route for each path: what is told as allowed are all its methods.
    routes = [Route(path, _by_method(answers), methods=_METHODS) for path, answers in paths.items()]
    app = Starlette(routes=routes, exception_handlers=HANDLERS)
    # A path is what is written: nothing leads from one to another.
    app.router.redirect_slashes = False
    app.state.supervisor = supervisor
    return app


def _by_method(answers: Mapping[str, _Answer]) -> _Answer:
    """What answers for all methods of a path."""
    known = {"HEAD": answers["GET"], **answers} if "GET" in answers else answers
    allowed = ", ".join(sorted(known))

    async def answer(request: Request) -> Response:
        found = known.get(request.method)
        if found is None:
            detail = f"{request.method[:20]} is not what can be done here"
            return problem_answer(HTTPStatus.METHOD_NOT_ALLOWED, detail, headers={"allow": allowed})
        return await found(request)

    return answer
