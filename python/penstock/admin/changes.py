"""What was changed, by whom, and the way back."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from penstock.admin.access.permission import check_name_of, principal_of, sees_key, still_permitted
from penstock.admin.access.principal import Principal
from penstock.admin.operation import LARGEST_NUMBER, Operation, Parameter, flag, number, parsed_number, supervisor_of
from penstock.admin.problem_answer import Bad, problem_answer
from penstock.admin.resources import answered, author_of, readable_key, resources_of
from penstock.admin.spreading import SPREADING, check_spreading, rolling_beside
from penstock.admin.verb import Verb
from penstock.runtime.change.blame import blame as blamed
from penstock.runtime.change.entries import ACCESS, is_resource
from penstock.runtime.change.shown import told_differences
from penstock.store import Change, Forgotten, Result

_MOST = 1_000
_USUAL = 50
_MOST_BLAMED = 10_000
_BEAT_SECONDS = 15.0
_EVENTS = "text/event-stream"


async def history(request: Request) -> Response:
    """The latest changes, newest first."""
    store, newest = supervisor_of(request).applying.store, number(request, "before", 0)
    most, key = min(number(request, "limit", _USUAL), _MOST), request.query_params.get("resource", "")
    if key:
        check_name_of(request, Verb.READ, key)
        changes = [one for one in await store.changes_of(key, most) if not newest or one.revision < newest]
    else:
        changes = await store.history(most, newest - 1 if newest > 1 else None)
    results = await store.results(changes[-1].revision, changes[0].revision) if changes else {}
    principal = principal_of(request)
    told = [
        {**_told(one, principal), "results": _results(results.get(one.revision, ()), principal)}
        for one in changes
        if _concerns(one, principal)
    ]
    return JSONResponse({"items": told})


async def change(request: Request) -> Response:
    """One change, with what it did to each resource."""
    resources = resources_of(request)
    store, revision = supervisor_of(request).applying.store, _revision(request)
    found = await store.change(revision)
    principal = principal_of(request)
    if not _concerns(found, principal):
        raise Bad(HTTPStatus.FORBIDDEN, f"{principal.name} has nothing to do with revision {found.revision}")
    keys = [key for key in sorted({*found.put, *found.deleted}) if is_resource(key) and sees_key(principal, key)]
    values = [(key, found.before.get(key), found.put.get(key)) for key in keys]
    lines = [
        resources.difference(key, old.value if old else None, new.value if new else None) for key, old, new in values
    ]
    results = (await store.results(revision, revision)).get(revision, ())
    return JSONResponse({**_told(found, principal), "results": _results(results, principal), "changes": lines})


async def difference(request: Request) -> Response:
    """What tells two revisions apart, of the resources that whoever asks may see."""
    resources, store = resources_of(request), supervisor_of(request).applying.store
    later, principal = number(request, "after", 0), principal_of(request)
    before, after = await store.at(_revision(request)), await (store.at(later) if later else store.range())
    old, new = (
        {key: entry for key, entry in one.entries.items() if is_resource(key) and sees_key(principal, key)}
        for one in (before, after)
    )
    changes = await asyncio.to_thread(lambda: list(told_differences(old, new, resources.showing)))
    return JSONResponse({"before": before.revision, "after": after.revision, "changes": changes})


async def blame(request: Request) -> Response:
    """Who gave each field of a resource its value."""
    key, resources = await readable_key(request), resources_of(request)
    changes = await supervisor_of(request).applying.store.changes_of(key, _MOST_BLAMED)
    found = await asyncio.to_thread(lambda: [one.to_json() for one in blamed(key, changes, resources.showing)])
    return JSONResponse({"items": found})


async def rollback(request: Request) -> Response:
    """All as it was at a revision, what files own too until they are read again."""
    is_trial = flag(request, "dry_run")
    editing = resources_of(request).editing
    check_spreading(request)
    revision, beside = _revision(request), rolling_beside(request)
    edited = await editing.roll_back(author_of(request), revision, is_trial=is_trial, beside=beside)
    return await answered(request, edited, is_trial=is_trial)


async def watch(request: Request) -> Response:
    """Changes as they happen, as server-sent events; each names its revision, from which a later watch goes on."""
    store = supervisor_of(request).applying.store
    given = request.headers.get("last-event-id") or request.query_params.get("since")
    since = (await store.range()).revision if given is None else parsed_number(given, "since")
    changes = store.watch(since)
    try:
        # What is no longer kept is told at once, and not in the middle of a stream.
        first = asyncio.ensure_future(anext(changes))  # noqa: TID251 - awaited by whoever sends the stream
        done, _ = await asyncio.wait({first}, timeout=0)
        if done:
            first.result()
    except Forgotten as problem:
        return problem_answer(HTTPStatus.GONE, str(problem))
    if request.method == "HEAD":
        # What is left out would never end.
        first.cancel()
        return Response(media_type=_EVENTS)
    return StreamingResponse(_events(changes, first, request), media_type=_EVENTS)


async def _events(
    changes: AsyncIterator[Change], coming: "asyncio.Future[Change]", request: Request
) -> AsyncIterator[str]:
    try:
        while True:
            done, _ = await asyncio.wait({coming}, timeout=_BEAT_SECONDS)
            principal = await still_permitted(request, Verb.READ)
            if principal is None:
                return
            if not done:
                yield ": alive\n\n"
                continue
            found = coming.result()
            if _concerns(found, principal):
                yield f"id: {found.revision}\nevent: change\ndata: {json.dumps(_told(found, principal))}\n\n"
            coming = asyncio.ensure_future(anext(changes))  # noqa: TID251 - awaited at once
    except Forgotten as problem:
        yield f"event: forgotten\ndata: {json.dumps(str(problem))}\n\n"
    finally:
        coming.cancel()


def _concerns(change: Change, principal: Principal) -> bool:
    """Whether a change touches anything that somebody may see."""
    return principal.may_all(Verb.READ) or any(sees_key(principal, key) for key in (*change.put, *change.deleted))


def _heard(problems: Sequence[str], principal: Principal) -> list[str]:
    """What the workers said of a change: to those who may not see everything, only that they said something."""
    return list(problems) if principal.may_all(Verb.READ) else ["it was refused"] * bool(problems)


def _results(results: Sequence[Result], principal: Principal) -> list[dict[str, Any]]:
    return [
        {"node": one.node, "problems": _heard(one.problems, principal), "revision": one.plan_revision}
        for one in results
    ]


def _told(change: Change, principal: Principal) -> dict[str, Any]:
    def seen(key: str) -> bool:
        return is_resource(key) and sees_key(principal, key)

    access = sorted(key for key in (*change.put, *change.deleted) if key.startswith(ACCESS))
    return {
        "revision": change.revision,
        "parent": change.parent,
        "time": change.time,
        "author": change.author.name,
        "source": change.author.source,
        "message": change.message,
        "put": sorted(filter(seen, change.put)),
        "created": sorted(key for key in change.put if key not in change.before and seen(key)),
        "deleted": sorted(filter(seen, change.deleted)),
        "access": access if principal.may_all(Verb.READ) else [],
    }


def _revision(request: Request) -> int:
    return parsed_number(request.path_params["revision"], "revision")


_INTEGER = {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER}
_FORGOTTEN = {400: "It is no number.", 410: "The revision is no longer kept, or never was."}
OPERATIONS = (
    Operation(
        "GET",
        "/api/v1/history",
        "List the latest changes",
        history,
        {200: "Changes, newest first.", 400: "The query cannot be understood."},
        (
            Parameter("limit", f"Most changes, up to {_MOST}.", _INTEGER),
            Parameter("before", "The revision before which to begin.", _INTEGER),
            Parameter("resource", "Changes of one resource alone, as `route/api`."),
        ),
        verb=Verb.READ,
        is_scoped=True,
    ),
    Operation(
        "GET",
        "/api/v1/history/{revision}",
        "Show a change",
        change,
        {200: "The change and its lines."} | _FORGOTTEN,
        verb=Verb.READ,
        is_scoped=True,
    ),
    Operation(
        "GET",
        "/api/v1/history/{revision}/difference",
        "Tell what tells two revisions apart",
        difference,
        {200: "How each resource differs."} | _FORGOTTEN,
        (Parameter("after", "The later revision; absent: the latest.", _INTEGER),),
        verb=Verb.READ,
        is_scoped=True,
    ),
    Operation(
        "GET",
        "/api/v1/resources/{kind}/{name}/blame",
        "Tell who gave each field of a resource its value",
        blame,
        {200: "Its fields.", 400: "It is no name.", 404: "There is none."},
        verb=Verb.READ,
        is_scoped=True,
    ),
    Operation(
        "POST",
        "/api/v1/history/{revision}/rollback",
        "Go back to a revision",
        rollback,
        {
            200: "What has changed, or would.",
            409: "The workers refuse it; it was taken back.",
            422: "It has problems; nothing has changed.",
        }
        | _FORGOTTEN,
        (Parameter("dry_run", "Tell what would change, and change nothing.", {"enum": ["true", "false"]}), *SPREADING),
        verb=Verb.OPERATE,
    ),
    Operation(
        "GET",
        "/api/v1/watch",
        "Watch changes as they happen",
        watch,
        {200: "Server-sent events."} | _FORGOTTEN,
        (Parameter("since", "The revision behind which to begin; absent: now.", _INTEGER),),
        verb=Verb.READ,
        is_scoped=True,
    ),
)
