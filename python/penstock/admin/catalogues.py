"""What a configuration can be made of: the filters there are, and the schemas of all kinds."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from penstock.admin.operation import Operation, supervisor_of
from penstock.admin.problem_answer import Bad
from penstock.admin.verb import Verb
from penstock.base.names import did_you_mean
from penstock.filters.catalogue import FilterKind
from penstock.model.kinds import KINDS
from penstock.model.schema import combined_schema, kind_schema

_BY_PATH = {kind.lower(): kind for kind in KINDS}


async def filters(request: Request) -> Response:
    """Every filter, also those of plugins."""
    kinds = supervisor_of(request).applying.compilation.kinds
    return JSONResponse({"items": [_told(kinds[name]) for name in sorted(kinds)]})


async def filter_kind(request: Request) -> Response:
    """One filter."""
    kinds, name = supervisor_of(request).applying.compilation.kinds, request.path_params["filter"]
    if name not in kinds:
        hint = did_you_mean(name, kinds) or f"{_FILTERS} lists them"
        raise Bad(HTTPStatus.NOT_FOUND, f"no filter is called {name[:80]!r}; {hint}")
    return JSONResponse(_told(kinds[name]))


async def schemas(_request: Request) -> Response:
    """One schema for documents of every kind."""
    return JSONResponse(combined_schema())


async def schema(request: Request) -> Response:
    """The schema of one kind."""
    kind = _BY_PATH.get(request.path_params["kind"])
    if kind is None:
        raise Bad(HTTPStatus.NOT_FOUND, f"the kinds are {', '.join(_BY_PATH)}")
    return JSONResponse(kind_schema(KINDS[kind]))


def _told(kind: FilterKind) -> dict[str, Any]:
    return {name: dict(value) if name == "schema" else value for name, value in asdict(kind).items()}


_FILTERS, _SCHEMAS = "/api/v1/filters", "/api/v1/schemas"
OPERATIONS = (
    Operation("GET", _FILTERS, "List the filters", filters, {200: "All, those of plugins too."}, verb=Verb.READ),
    Operation(
        "GET",
        f"{_FILTERS}/{{filter}}",
        "Get a filter's page and schema",
        filter_kind,
        {200: "It.", 404: "There is none."},
        verb=Verb.READ,
    ),
    Operation("GET", _SCHEMAS, "Get the JSON Schema of every kind", schemas, {200: "One for all."}, verb=Verb.READ),
    Operation(
        "GET",
        f"{_SCHEMAS}/{{kind}}",
        "Get the JSON Schema of a kind",
        schema,
        {200: "It.", 404: "There is no such kind."},
        verb=Verb.READ,
    ),
)
