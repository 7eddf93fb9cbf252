"""What was changed, by whom, and the way back."""

import asyncio
import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from penstock.admin.operation import LARGEST_NUMBER, Operation, Parameter, supervisor_of
from penstock.admin.problem_answer import Bad, problem_answer
from penstock.admin.resources import answered, author_of, flag, resources_of
from penstock.runtime.change.entries import is_resource
from penstock.store import Change, Forgotten

_MOST = 1_000
_USUAL = 50
_BEAT_SECONDS = 15.0
_LONGEST_NUMBER = 18


async def history(request: Request) -> Response:
    """The latest changes, newest first."""
    store, newest = supervisor_of(request).applying.store, _number(request, "before", 0)
    changes = await store.history(min(_number(request, "limit", _USUAL), _MOST), newest - 1 if newest > 1 else None)
    results = await store.results(changes[-1].revision, changes[0].revision) if changes else {}
    told = [_told(change) for change in changes]
    for one in told:
        found = results.get(one["revision"], ())
        one["results"] = [{"node": result.node, "problems": list(result.problems)} for result in found]
    return JSONResponse({"items": told})


async def change(request: Request) -> Response:
    """One change, with what it did to each resource."""
    resources = resources_of(request)
    found = await supervisor_of(request).applying.store.change(_revision(request))
    keys = [key for key in sorted({*found.put, *found.deleted}) if is_resource(key)]
    values = [(key, found.before.get(key), found.put.get(key)) for key in keys]
    lines = [
        resources.difference(key, old.value if old else None, new.value if new else None) for key, old, new in values
    ]
    return JSONResponse({**_told(found), "changes": lines})


async def rollback(request: Request) -> Response:
    """All as it was at a revision, what files own too until they are read again."""
    is_trial = flag(request, "dry_run")
    editing = resources_of(request).editing
    edited = await editing.roll_back(author_of(request), _revision(request), is_trial=is_trial)
    return await answered(request, edited, is_trial=is_trial)


async def watch(request: Request) -> Response:
    """Changes as they happen, as server-sent events; each names its revision, from which a later watch goes on."""
    store = supervisor_of(request).applying.store
    given = request.headers.get("last-event-id") or request.query_params.get("since")
    since = (await store.range()).revision if given is None else _parsed(given, "since")
    changes = store.watch(since)
    try:
        # What is no longer kept is told at once, and not in the middle of a stream.
        first = asyncio.ensure_future(anext(changes))  # noqa: TID251 - awaited by whoever sends the stream
        done, _ = await asyncio.wait({first}, timeout=0)
        if done:
            first.result()
    except Forgotten as problem:
        return problem_answer(HTTPStatus.GONE, str(problem))
    return StreamingResponse(_events(changes, first), media_type="text/event-stream")


async def _events(changes: AsyncIterator[Change], coming: "asyncio.Future[Change]") -> AsyncIterator[str]:
    try:
        while True:
            done, _ = await asyncio.wait({coming}, timeout=_BEAT_SECONDS)
            if not done:
                yield ": alive\n\n"
                continue
            found = coming.result()
            yield f"id: {found.revision}\nevent: change\ndata: {json.dumps(_told(found))}\n\n"
            coming = asyncio.ensure_future(anext(changes))  # noqa: TID251 - awaited at once
    except Forgotten as problem:
        yield f"event: forgotten\ndata: {json.dumps(str(problem))}\n\n"
    finally:
        coming.cancel()


def _told(change: Change) -> dict[str, Any]:
    return {
        "revision": change.revision,
        "parent": change.parent,
        "time": change.time,
        "author": change.author.name,
        "source": change.author.source,
        "message": change.message,
        "put": sorted(filter(is_resource, change.put)),
        "deleted": sorted(filter(is_resource, change.deleted)),
    }


def _revision(request: Request) -> int:
    return _parsed(request.path_params["revision"], "revision")


def _number(request: Request, name: str, usual: int) -> int:
    given = request.query_params.get(name)
    return usual if given is None else _parsed(given, name)


def _parsed(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER) or int(text) > LARGEST_NUMBER:
        raise Bad(HTTPStatus.BAD_REQUEST, f"{name}: write a number")
    return int(text)


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
        ),
    ),
    Operation(
        "GET", "/api/v1/history/{revision}", "Show a change", change, {200: "The change and its lines."} | _FORGOTTEN
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
        (Parameter("dry_run", "Tell what would change, and change nothing.", {"enum": ["true", "false"]}),),
    ),
    Operation(
        "GET",
        "/api/v1/watch",
        "Watch changes as they happen",
        watch,
        {200: "Server-sent events."} | _FORGOTTEN,
        (Parameter("since", "The revision behind which to begin; absent: now.", _INTEGER),),
    ),
)
