"""Resources of every kind: one implementation of looking at them and changing them."""

from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from penstock.admin.json_body import read_json
from penstock.admin.operation import FLAG, Operation, Parameter, Schema, supervisor_of
from penstock.admin.problem_answer import Bad, problem_answer
from penstock.admin.resource_queries import MOST, masked, page
from penstock.base.names import check_name, did_you_mean
from penstock.model.kinds import KINDS, resource_key
from penstock.runtime.change.editing import Edit, Edited
from penstock.runtime.change.entries import is_resource
from penstock.runtime.change.resources import Resources
from penstock.runtime.supervisor import Phase
from penstock.store import Author

_JSON = "application/json"
_MERGE = "application/merge-patch+json"
_BY_PATH = {kind.lower(): kind for kind in KINDS}
_ABSENT = 0


async def list_all(request: Request) -> Response:
    """Resources of every kind."""
    return await _list(request, "")


async def list_kind(request: Request) -> Response:
    """Resources of one kind."""
    return await _list(request, f"{_kind(request).lower()}/")


async def get_one(request: Request) -> Response:
    """One resource."""
    key = _key(request)
    found = await resources_of(request).look_at(key)
    if found is None:
        raise Bad(HTTPStatus.NOT_FOUND, f"there is no {key}")
    tag = _tag(found["status"]["revision"])
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"etag": tag})
    return JSONResponse(masked(found, request.query_params.get("fields", "")), headers={"etag": tag})


async def create(request: Request) -> Response:
    """A new resource."""
    kind = _kind(request)
    data = await _one(request, kind)
    key = resource_key(kind, str(data.get("name")))
    if await resources_of(request).look_at(key) is not None:
        raise Bad(HTTPStatus.CONFLICT, f"there is {key} already; replace it by PUT")
    return await _edit(request, Edit([data], expected={key: _ABSENT}), HTTPStatus.CREATED)


async def replace(request: Request) -> Response:
    """A resource in the place of another, or where there is none."""
    key, data = _key(request), await _one(request, _kind(request), request.path_params["name"])
    existed = await resources_of(request).look_at(key) is not None
    return await _edit(request, Edit([data], expected=_expected(request, key)), None if existed else HTTPStatus.CREATED)


async def patch(request: Request) -> Response:
    """Some fields of a resource.

    Source: RFC 7396.
    """
    key = _key(request)
    change = await read_json(request, _MERGE, _JSON)
    found = await resources_of(request).look_at(key)
    if found is None:
        raise Bad(HTTPStatus.NOT_FOUND, f"there is no {key}")
    merged = _merged(found, change)
    if not isinstance(merged, dict) or (merged.get("kind"), merged.get("name")) != (found["kind"], found["name"]):
        raise Bad(HTTPStatus.BAD_REQUEST, "a patch is a mapping, and leaves `kind` and `name` as they are")
    # What was looked at is what is patched, whoever else is writing.
    seen = {key: int(found["status"]["revision"])}
    return await _edit(request, Edit([merged], expected=seen | _expected(request, key)))


async def delete(request: Request) -> Response:
    """No such resource any more."""
    key = _key(request)
    if await resources_of(request).look_at(key) is None:
        raise Bad(HTTPStatus.NOT_FOUND, f"there is no {key}")
    cascades = flag(request, "cascade")
    return await _edit(request, Edit(delete=frozenset({key}), expected=_expected(request, key), cascades=cascades))


async def apply(request: Request) -> Response:
    """Many resources in one change."""
    data = await read_json(request, _JSON)
    if not isinstance(data, list):
        raise Bad(HTTPStatus.BAD_REQUEST, "send a list of resources")
    return await _edit(request, Edit(data))


async def _list(request: Request, prefix: str) -> Response:
    seen = await resources_of(request).look(prefix, request.query_params.get("after", ""))
    found = page(seen.items, request.query_params)
    return JSONResponse({"items": found.items, "next": found.next, "revision": seen.revision})


async def _edit(request: Request, edit: Edit, made: HTTPStatus | None = None) -> Response:
    resources, is_trial = resources_of(request), flag(request, "dry_run")
    message = request.query_params.get("message", "")[:1_000]
    author = author_of(request)
    edit = Edit(edit.put, edit.delete, edit.expected, message, edit.cascades)
    edited = await resources.edit(author, edit, is_trial=is_trial)
    referring = sorted({problem.resource for problem in edited.problems} - {""}) if edit.delete else []
    if edited.is_refused and referring:
        detail = f"{', '.join(referring)} would have nothing to refer to; `cascade=true` deletes them too"
        return problem_answer(HTTPStatus.CONFLICT, detail, edited.problems)
    return await answered(request, edited, made, is_trial=is_trial)


async def answered(
    request: Request, edited: Edited, made: HTTPStatus | None = None, *, is_trial: bool = False
) -> Response:
    """The answer to an edit: what is wrong with it, or what has become of it at the workers."""
    resources, author = resources_of(request), author_of(request)
    if edited.is_refused:
        detail = "the change has problems; nothing was changed"
        return problem_answer(HTTPStatus.UNPROCESSABLE_ENTITY, detail, edited.problems)
    if is_trial or request.query_params.get("wait") == "none":
        return JSONResponse(_told(resources, edited), HTTPStatus.OK if is_trial else HTTPStatus.ACCEPTED)
    outcome = await resources.outcome(author, edited)
    if outcome is not None and outcome.problems:
        detail = "the workers cannot run it, and it was taken back"
        return problem_answer(HTTPStatus.CONFLICT, detail, worker_problems=list(outcome.problems))
    return JSONResponse(_told(resources, edited), made or HTTPStatus.OK)


def _told(resources: Resources, edited: Edited) -> dict[str, Any]:
    """What an edit is, for whoever made it."""
    keys = sorted(filter(is_resource, edited.before.keys() | edited.after.keys()))
    return {
        "revision": edited.change.revision if edited.change else None,
        "changes": [resources.difference(key, edited.before.get(key), edited.after.get(key)) for key in keys],
        "effect": {"put": list(edited.parts), "drop": list(edited.dropped)},
        "problems": [problem.to_json() for problem in edited.problems],
    }


def author_of(request: Request) -> Author:
    """Whoever asks, as history names them."""
    user: Author = request.scope["state"]["author"]
    return user


def resources_of(request: Request) -> Resources:
    """The resources of the gateway that is asked.

    Raises: Bad while it is starting.
    """
    supervisor = supervisor_of(request)
    if supervisor.phase is Phase.STARTING:
        raise Bad(HTTPStatus.SERVICE_UNAVAILABLE, "the gateway is starting")
    return supervisor.resources


def _kind(request: Request) -> str:
    given = request.path_params["kind"]
    kind = _BY_PATH.get(given)
    if kind is None:
        hint = did_you_mean(given, _BY_PATH) or f"the kinds are {', '.join(_BY_PATH)}"
        raise Bad(HTTPStatus.NOT_FOUND, f"no kind is called {given[:80]!r}; {hint}")
    return kind


def _key(request: Request) -> str:
    try:
        return resource_key(_kind(request), check_name(request.path_params["name"]))
    except ValueError as problem:
        raise Bad(HTTPStatus.BAD_REQUEST, str(problem)) from None


async def _one(request: Request, kind: str, name: str | None = None) -> dict[str, Any]:
    """The resource that is sent; kind and name may be left to the path."""
    data = await read_json(request, _JSON)
    if not isinstance(data, dict):
        raise Bad(HTTPStatus.BAD_REQUEST, "send one resource, as a mapping")
    named = {"kind": kind} if name is None else {"kind": kind, "name": name}
    for field, expected in named.items():
        if data.setdefault(field, expected) != expected:
            raise Bad(HTTPStatus.BAD_REQUEST, f"`{field}` is not that of the path, {expected!r}")
    return data


def _expected(request: Request, key: str) -> dict[str, int]:
    given = request.headers.get("if-match")
    if request.headers.get("if-none-match") == "*":
        return {key: _ABSENT}
    if given is None:
        return {}
    number = given.strip('"')
    if not (number.isascii() and number.isdecimal()) or len(number) > len(str(2**63)):
        raise Bad(HTTPStatus.BAD_REQUEST, 'If-Match: write the tag that was given, such as "12"')
    return {key: int(number)}


def _tag(revision: int) -> str:
    return f'"{revision}"'


def flag(request: Request, name: str) -> bool:
    """A parameter that says yes or no.

    Raises: Bad if it says neither.
    """
    text = request.query_params.get(name, "false")
    if text not in {"true", "false"}:
        raise Bad(HTTPStatus.BAD_REQUEST, f"{name}: write true or false")
    return text == "true"


def _merged(target: Any, change: Any) -> Any:
    if not isinstance(change, dict):
        return change
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged


_DRY_RUN = Parameter("dry_run", "Tell what would become of it, and change nothing.", FLAG)
_WAIT = Parameter("wait", "`none`: answer as soon as it is kept.", {"type": "string", "enum": ["applied", "none"]})
_MESSAGE = Parameter("message", "Why, for the history.")
_IF_MATCH = Parameter("if-match", "The tag of what was seen: 412 where it has changed since.", place="header")
_FIELDS = Parameter("fields", "The fields to be told, with commas between.")
_WRITES = (_DRY_RUN, _WAIT, _MESSAGE)
_LISTS = (
    Parameter("labels", "Labels that it must have: `a=b`, `a!=b`, `a`, `!a`, with commas between."),
    Parameter("limit", "Most items.", {"type": "integer", "minimum": 1, "maximum": MOST}),
    Parameter("after", "The key behind which to begin: `next` of the answer before."),
    _FIELDS,
)
_ANY: Schema = {"$ref": "#/components/schemas/Resource"}
_SOME: Schema = {"type": "object"}
_CHANGED = {
    200: "What has changed, or would.",
    202: "It is kept; the workers will follow.",
    400: "It cannot be understood.",
    409: "Somebody else owns it, something refers to it, or the workers refuse it; nothing has changed.",
    412: "It is not what was seen.",
    415: "It is sent as something else.",
    422: "It has problems; nothing has changed.",
}
_ALL, _KIND, _ONE = "/api/v1/resources", "/api/v1/resources/{kind}", "/api/v1/resources/{kind}/{name}"
_MISSING = {404: "There is none."}
_LISTED = {200: "A page of them.", 400: "The query cannot be understood."}
OPERATIONS = (
    Operation("GET", _ALL, "List resources of every kind", list_all, _LISTED, _LISTS),
    Operation("GET", _KIND, "List resources of a kind", list_kind, _LISTED | {404: "There is no such kind."}, _LISTS),
    Operation(
        "POST", _KIND, "Create a resource", create, {201: "It is made."} | _CHANGED | _MISSING, _WRITES, body=_ANY
    ),
    Operation("GET", _ONE, "Get a resource", get_one, {200: "It.", 304: "It has the tag."} | _MISSING, (_FIELDS,)),
    Operation(
        "PUT",
        _ONE,
        "Create or replace a resource",
        replace,
        {201: "It is made."} | _CHANGED | _MISSING,
        (*_WRITES, _IF_MATCH),
        body=_ANY,
    ),
    Operation(
        "PATCH", _ONE, "Change fields of a resource", patch, _CHANGED | _MISSING, (*_WRITES, _IF_MATCH), _SOME, _MERGE
    ),
    Operation(
        "DELETE",
        _ONE,
        "Delete a resource",
        delete,
        _CHANGED | _MISSING,
        (*_WRITES, _IF_MATCH, Parameter("cascade", "Delete what refers to it too.", FLAG)),
    ),
    Operation(
        "POST",
        "/api/v1/apply",
        "Create or replace many resources in one change",
        apply,
        _CHANGED,
        _WRITES,
        body={"type": "array", "items": _ANY},
    ),
)
