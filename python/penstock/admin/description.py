"""The description of the admin API.

Source: OpenAPI 3.1.
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from penstock.admin.access.namespace import Namespace
from penstock.admin.access.role import Role
from penstock.admin.access.sessions.sessions import COOKIE
from penstock.admin.access.subjects import ProviderSent, UserSent
from penstock.admin.access.tokens import Wanted
from penstock.admin.operation import LARGEST_NUMBER, Operation
from penstock.admin.turns import WRITES
from penstock.base.digests import ARCHIVE_PATTERN
from penstock.base.names import NAME_PATTERN
from penstock.model.kinds import KINDS
from penstock.model.schema import combined_schema
from penstock.runtime.worker.entry import VERSION

_PARAMETERS = re.compile(r"\{(\w+)\}")
_SCHEMAS = "#/components/schemas/"
_PROBLEM = f"{_SCHEMAS}Problem"


def answer(operations: Iterable[Operation]) -> Callable[[Request], Awaitable[Response]]:
    """What answers with the description; it is made when it is asked for."""
    known = tuple(operations)

    async def described(_request: Request) -> Response:
        """The description of all that can be asked for."""
        return JSONResponse(describe(known))

    return described


def describe(operations: Iterable[Operation]) -> dict[str, Any]:
    """The description of some operations."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Penstock admin API", "version": VERSION},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
            "schemas": {"Problem": _PROBLEM_SCHEMA, "Resource": _any_kind(), **_kinds(), **_access()},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": operation.answer.__name__,
        "parameters": [*_of_path(operation.path), *({"in": one.place, **_told(one)} for one in operation.parameters)],
        **({"x-penstock-verb": operation.verb.value} if operation.verb else {}),
        "responses": {str(status): _answered(status, text) for status, text in operation.answers.items()},
    }
    if operation.is_open:
        told["security"] = []
    elif operation.is_open_on_loopback:
        told["security"] = [{}, {"token": []}]
    else:
        told["responses"] |= {"400": _answered(400, "It cannot be understood."), **told["responses"]}
        told["responses"]["401"] = _answered(401, "A token is needed.")
        if operation.verb:
            told["responses"]["403"] = _answered(403, "Whoever asks may not do this.")
        if operation.verb in WRITES:
            told["responses"]["429"] = _answered(429, "So many writes wait that this one may not; send it again.")
    if operation.body is not None:
        told["responses"].setdefault("408", _answered(408, "It took too long to come."))
        told["requestBody"] = {"required": True, "content": {operation.body_type: {"schema": dict(operation.body)}}}
    return told


def _told(parameter: Any) -> dict[str, Any]:
    return {"name": parameter.name, "description": parameter.description, "schema": dict(parameter.schema)}


def _of_path(path: str) -> Iterable[dict[str, Any]]:
    for name in _PARAMETERS.findall(path):
        yield {"name": name, "in": "path", "required": True, "schema": _IN_PATHS[name]}


def _answered(status: int, text: str) -> dict[str, Any]:
    if status < 400:  # noqa: PLR2004 - what is below is no problem
        return {"description": text}
    return {"description": text, "content": {"application/problem+json": {"schema": {"$ref": _PROBLEM}}}}


def _kinds() -> dict[str, Any]:
    """The schemas of all kinds and of what they are made of."""
    text = json.dumps(combined_schema()["$defs"]).replace('"#/$defs/', f'"{_SCHEMAS}')
    found: dict[str, Any] = json.loads(text)
    return found


def _access() -> dict[str, Any]:
    """The schemas of what says who may do what."""
    found: dict[str, Any] = {}
    for model in (Role, Namespace, ProviderSent, UserSent, Wanted):
        schema = model.model_json_schema(ref_template=f"{_SCHEMAS}{{model}}")
        found |= {**schema.pop("$defs", {}), model.__name__: schema}
    return found


def _any_kind() -> dict[str, Any]:
    return {"anyOf": [{"$ref": f"{_SCHEMAS}{kind}"} for kind in KINDS]}


_IN_PATHS: dict[str, Any] = {
    "archive": {"type": "string", "pattern": ARCHIVE_PATTERN},
    "filter": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9]*$"},
    "kind": {"type": "string", "enum": [kind.lower() for kind in KINDS]},
    "name": {"type": "string", "pattern": NAME_PATTERN},
    "revision": {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER},
}
_PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["title", "status", "detail"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "problems": {"type": "array", "items": {"type": ["object", "string"]}},
    },
}
