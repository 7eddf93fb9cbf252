"""The admin API as one application."""

from starlette.applications import Starlette
from starlette.routing import Route

from penstock.admin import changes, description, health, resources
from penstock.admin.operation import Operation
from penstock.admin.problem_answer import HANDLERS
from penstock.runtime.supervisor import Supervisor

OPERATIONS: tuple[Operation, ...] = (*health.OPERATIONS, *resources.OPERATIONS, *changes.OPERATIONS)
"""All that can be asked for; the description of it tells of these."""


def make_app(supervisor: Supervisor) -> Starlette:
    """An application that answers for a gateway."""
    routes = [Route(one.path, one.answer, methods=[one.method]) for one in OPERATIONS]
    described = description.answer(OPERATIONS)
    app = Starlette(routes=[*routes, Route("/openapi.json", described)], exception_handlers=HANDLERS)
    # A path is what is written: nothing leads from one to another.
    app.router.redirect_slashes = False
    app.state.supervisor = supervisor
    return app
