"""Resources of every kind: one implementation of looking at them and changing them."""

from dataclasses import replace as replace_fields
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from penstock.admin.access.permission import (
    check_name_of,
    check_sent,
    forbidden,
    masked_problems,
    permit_of,
    principal_of,
    sees,
    sees_key,
)
from penstock.admin.access.principal import Principal
from penstock.admin.claims import CLAIMED, PRUNED, claim_of, pruning_of
from penstock.admin.conditions import ABSENT, IF_MATCH, expected
from penstock.admin.conditions import tag as tag_of
from penstock.admin.json_body import read_json
from penstock.admin.operation import FLAG, Operation, Parameter, Schema, flag, supervisor_of
from penstock.admin.problem_answer import Bad, problem_answer
from penstock.admin.resource_queries import MOST, masked, page
from penstock.admin.spreading import SPREADING, check_spreading, rolling_beside, spread
from penstock.admin.verb import Verb
from penstock.admin.watches import WATCHED, Baseline, baseline_of, begin_watch
from penstock.base.names import check_name, did_you_mean
from penstock.model.kinds import KINDS, resource_key
from penstock.runtime.change.editing import Edit, Edited
from penstock.runtime.change.entries import OWNER, is_resource
from penstock.runtime.change.ownership import ANYONE
from penstock.runtime.change.resources import Resources
from penstock.runtime.supervisor import Phase
from penstock.store import Author

_JSON = "application/json"
_MERGE = "application/merge-patch+json"
_BY_PATH = {kind.lower(): kind for kind in KINDS}
_NAMED = 5


async def list_all(request: Request) -> Response:
    """Resources of every kind."""
    return await _list(request, "")


async def list_kind(request: Request) -> Response:
    """Resources of one kind."""
    return await _list(request, f"{_kind(request).lower()}/")


async def get_one(request: Request) -> Response:
    """One resource."""
    key = _key(request, Verb.READ)
    found = await _seen(request, key, Verb.READ)
    tag = tag_of(found["status"]["revision"])
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"etag": tag})
    return JSONResponse(masked(found, request.query_params.get("fields", "")), headers={"etag": tag})


async def create(request: Request) -> Response:
    """A new resource."""
    kind = _kind(request)
    data = await _one(request, kind)
    key = resource_key(kind, str(data.get("name")))
    check_sent(request, [data])
    if await resources_of(request).look_at(key) is not None:
        raise Bad(HTTPStatus.CONFLICT, f"there is {key} already; replace it by PUT")
    return await _edit(request, Edit([data], expected={key: ABSENT}), HTTPStatus.CREATED)


async def replace(request: Request) -> Response:
    """A resource in the place of another, or where there is none."""
    key, data = _key(request, Verb.WRITE), await _one(request, _kind(request), request.path_params["name"])
    existed = await resources_of(request).look_at(key) is not None
    return await _edit(request, Edit([data], expected=expected(request, key)), None if existed else HTTPStatus.CREATED)


async def patch(request: Request) -> Response:
    """Some fields of a resource.

    Source: RFC 7396.
    """
    key = _key(request, Verb.WRITE)
    change = await read_json(request, _MERGE, _JSON)
    found = await _seen(request, key, Verb.WRITE)
    merged = _merged(found, change)
    if not isinstance(merged, dict) or (merged.get("kind"), merged.get("name")) != (found["kind"], found["name"]):
        raise Bad(HTTPStatus.BAD_REQUEST, "a patch is a mapping, and leaves `kind` and `name` as they are")
    # What was looked at is what is patched, whoever else is writing.
    seen = {key: int(found["status"]["revision"])}
    return await _edit(request, Edit([merged], expected=seen | expected(request, key)))


async def delete(request: Request) -> Response:
    """No such resource any more."""
    key = _key(request, Verb.DELETE)
    await _seen(request, key, Verb.DELETE)
    cascades = flag(request, "cascade")
    return await _edit(request, Edit(delete=frozenset({key}), expected=expected(request, key), cascades=cascades))


async def apply(request: Request) -> Response:
    """Many resources in one change; with `If-None-Match: *`, only new ones."""
    data = await read_json(request, _JSON)
    if not isinstance(data, list):
        raise Bad(HTTPStatus.BAD_REQUEST, "send a list of resources")
    check_sent(request, data)
    return await _edit(request, Edit(data, expected=await _new(request, data), prunes=pruning_of(request, data)))


async def _new(request: Request, data: list[Any]) -> dict[str, int]:
    """What a change expects that only creates.

    Raises: Bad that names what is there already.
    """
    if request.headers.get("if-none-match") != "*":
        return {}
    keys = [resource_key(str(one.get("kind")), str(one.get("name"))) for one in data if isinstance(one, dict)]
    there = [key for key in keys if await resources_of(request).look_at(key) is not None]
    if there:
        named = ", ".join(there[:_NAMED]) + (f" and {len(there) - _NAMED:,} more" if len(there) > _NAMED else "")
        raise Bad(HTTPStatus.CONFLICT, f"there is {named} already; without `If-None-Match` it is replaced")
    return dict.fromkeys(keys, ABSENT)


async def _list(request: Request, prefix: str) -> Response:
    seen = await resources_of(request).look(prefix, request.query_params.get("after", ""))
    principal = principal_of(request)
    items = seen.items if principal.may_all(Verb.READ) else (item for item in seen.items if sees(principal, item))
    found = page(items, request.query_params)
    return JSONResponse({"items": found.items, "next": found.next, "revision": seen.revision})


async def _edit(request: Request, edit: Edit, made: HTTPStatus | None = None) -> Response:
    resources, is_trial = resources_of(request), flag(request, "dry_run")
    check_spreading(request)
    message = request.query_params.get("message", "")[:1_000]
    author = author_of(request)
    permit = permit_of(request, resources.references)
    is_tested = flag(request, "test")
    if is_tested and not principal_of(request).may_all(Verb.READ):
        raise Bad(HTTPStatus.FORBIDDEN, "tests tell of all routes: who may not read all of them cannot run any")
    edit = replace_fields(
        edit,
        message=message,
        beside=rolling_beside(request),
        permit=permit,
        is_tested=is_tested,
        claim=claim_of(request),
    )
    baseline = await baseline_of(request)
    edited = await resources.edit(author, edit, is_trial=is_trial)
    is_by_reference = edit.delete and edited.report is None
    referring = sorted({problem.resource for problem in edited.problems} - {""}) if is_by_reference else []
    if edited.is_refused and referring:
        principal = principal_of(request)
        named = ", ".join(key for key in referring if sees_key(principal, key)) or "what others have"
        detail = f"{named} would have nothing to refer to; `cascade=true` deletes them too"
        return problem_answer(HTTPStatus.CONFLICT, detail, masked_problems(request, edited.problems))
    return await answered(request, edited, made, is_trial=is_trial, baseline=baseline)


async def answered(
    request: Request,
    edited: Edited,
    made: HTTPStatus | None = None,
    *,
    is_trial: bool = False,
    baseline: Baseline | None = None,
) -> Response:
    """The answer to an edit: what is wrong with it, or what has become of it at the workers."""
    resources, author = resources_of(request), author_of(request)
    edited = replace_fields(edited, problems=masked_problems(request, edited.problems))
    if edited.is_refused:
        is_failed = edited.report is not None and edited.report.failed
        detail = f"the change {'fails its tests' if is_failed else 'has problems'}; nothing was changed"
        return problem_answer(HTTPStatus.UNPROCESSABLE_ENTITY, detail, edited.problems)
    if is_trial or request.query_params.get("wait") == "none":
        return JSONResponse(_told(request, resources, edited), HTTPStatus.OK if is_trial else HTTPStatus.ACCEPTED)
    outcome = await resources.outcome(author, edited)
    if outcome is not None and outcome.problems:
        detail = "the workers cannot run it, and it was taken back"
        problems = outcome.problems if principal_of(request).may_all(Verb.READ) else ()
        return problem_answer(HTTPStatus.CONFLICT, detail, worker_problems=list(problems))
    told = _told(request, resources, edited)
    if edited.change is not None:
        told["nodes"] = await spread(request, edited.change, author)
        if baseline is not None:
            told["watch"] = await begin_watch(request, baseline, edited.change, (*edited.parts, *edited.dropped))
    return JSONResponse(told, made or HTTPStatus.OK)


def _told(request: Request, resources: Resources, edited: Edited) -> dict[str, Any]:
    """What an edit is, for whoever made it."""
    revision = edited.change.revision if edited.change else None
    principal = principal_of(request)
    request.scope["state"]["revision"] = revision
    keys = sorted(filter(is_resource, edited.before.keys() | edited.after.keys()))
    return {
        "revision": revision,
        "changes": [resources.difference(key, edited.before.get(key), edited.after.get(key)) for key in keys],
        "owned": _newly_owned(principal, edited),
        "effect": {
            "put": [key for key in edited.parts if sees_key(principal, key)],
            "drop": [key for key in edited.dropped if sees_key(principal, key)],
        },
        "problems": [problem.to_json() for problem in edited.problems],
        **({"tests": edited.report.to_json()} if edited.report else {}),
    }


def _newly_owned(principal: Principal, edited: Edited) -> dict[str, str]:
    """The resources that have another owner since, each with that."""
    keys = {key for key in (*edited.before, *edited.after) if key.startswith(OWNER)}
    moved = {key.removeprefix(OWNER): edited.after.get(key, ANYONE) for key in sorted(keys)}
    gone = edited.before.keys() - edited.after.keys()
    return {key: owner for key, owner in moved.items() if key not in gone and sees_key(principal, key)}


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


def _key(request: Request, verb: Verb) -> str:
    """The key that a path means.

    Raises: Bad if it is none; NotPermitted, before anything is looked at.
    """
    try:
        key = resource_key(_kind(request), check_name(request.path_params["name"]))
    except ValueError as problem:
        raise Bad(HTTPStatus.BAD_REQUEST, str(problem)) from None
    check_name_of(request, verb, key)
    return key


async def readable_key(request: Request) -> str:
    """The key that a path means, of a resource that is there and that whoever asks may read.

    Raises: Bad, NotPermitted.
    """
    key = _key(request, Verb.READ)
    await _seen(request, key, Verb.READ)
    return key


async def _seen(request: Request, key: str, verb: Verb) -> dict[str, Any]:
    """The resource of a key.

    Raises: Bad if there is none, or NotPermitted for both alike where labels decide.
    """
    found = await resources_of(request).look_at(key)
    kind, _, name = key.partition("/")
    labels = (found.get("labels") if found else None) or {}
    if not principal_of(request).may(verb, _BY_PATH[kind], name, labels):
        raise forbidden(request, verb, key)
    if found is None:
        raise Bad(HTTPStatus.NOT_FOUND, f"there is no {key}")
    return found


async def _one(request: Request, kind: str, name: str | None = None) -> dict[str, Any]:
    """The resource that is sent; kind and name may be left to the path."""
    data = await read_json(request, _JSON)
    if not isinstance(data, dict):
        raise Bad(HTTPStatus.BAD_REQUEST, "send one resource, as a mapping")
    named = {"kind": kind} if name is None else {"kind": kind, "name": name}
    for field, wanted in named.items():
        if data.setdefault(field, wanted) != wanted:
            raise Bad(HTTPStatus.BAD_REQUEST, f"`{field}` is not that of the path, {wanted!r}")
    return data


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
_FIELDS = Parameter("fields", "The fields to be told, with commas between.")
_TEST = Parameter("test", "Run the tests first, and refuse the change where one fails.", FLAG)
_WRITES = (_DRY_RUN, _TEST, _WAIT, _MESSAGE, *CLAIMED, *WATCHED, *SPREADING)
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
    Operation("GET", _ALL, "List resources of every kind", list_all, _LISTED, _LISTS, verb=Verb.READ, is_scoped=True),
    Operation(
        "GET",
        _KIND,
        "List resources of a kind",
        list_kind,
        _LISTED | {404: "There is no such kind."},
        _LISTS,
        verb=Verb.READ,
        is_scoped=True,
    ),
    Operation(
        "POST",
        _KIND,
        "Create a resource",
        create,
        {201: "It is made."} | _CHANGED | _MISSING,
        _WRITES,
        body=_ANY,
        verb=Verb.WRITE,
        is_scoped=True,
    ),
    Operation(
        "GET",
        _ONE,
        "Get a resource",
        get_one,
        {200: "It.", 304: "It has the tag."} | _MISSING,
        (_FIELDS,),
        verb=Verb.READ,
        is_scoped=True,
    ),
    Operation(
        "PUT",
        _ONE,
        "Create or replace a resource",
        replace,
        {201: "It is made."} | _CHANGED | _MISSING,
        (*_WRITES, IF_MATCH),
        body=_ANY,
        verb=Verb.WRITE,
        is_scoped=True,
    ),
    Operation(
        "PATCH",
        _ONE,
        "Change fields of a resource",
        patch,
        _CHANGED | _MISSING,
        (*_WRITES, IF_MATCH),
        _SOME,
        _MERGE,
        verb=Verb.WRITE,
        is_scoped=True,
    ),
    Operation(
        "DELETE",
        _ONE,
        "Delete a resource",
        delete,
        _CHANGED | _MISSING,
        (*_WRITES, IF_MATCH, Parameter("cascade", "Delete what refers to it too.", FLAG)),
        verb=Verb.DELETE,
        is_scoped=True,
    ),
    Operation(
        "POST",
        "/api/v1/apply",
        "Create or replace many resources in one change",
        apply,
        _CHANGED,
        (*_WRITES, *PRUNED, Parameter("if-none-match", "`*`: create only; 409 where one is there.", place="header")),
        body={"type": "array", "items": _ANY},
        verb=Verb.WRITE,
        is_scoped=True,
    ),
)
