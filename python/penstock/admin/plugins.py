"""Archives of plugins: brought by who may bring code, listed, and taken away (I16)."""

import asyncio
from http import HTTPStatus
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from penstock.admin.operation import Operation, Parameter, supervisor_of
from penstock.admin.problem_answer import Bad
from penstock.admin.resources import author_of, resources_of
from penstock.admin.verb import Verb
from penstock.base.digests import check_archive
from penstock.base.names import check_name
from penstock.filters.plugin_archive import LARGEST_ARCHIVE, unpack
from penstock.runtime.change.archives import archive_key, archive_of, read_kept, users_of
from penstock.runtime.change.entries import ARCHIVES
from penstock.runtime.change.uploads import InUse, Refused, Upload, Uploads
from penstock.store import Entry, Snapshot

_BYTES, _ZIP = "application/octet-stream", "application/zip"
_SIGNATURE = "penstock-signature"
_LONGEST_SIGNATURE = 200
_SECONDS = 120.0
"""Time for an archive to come: 16 MiB by 1.1 Mbit/s."""
_AT_ONCE = 4
"""Archives that may be on their way at once: what has come of each is in memory."""
_room = asyncio.Semaphore(_AT_ONCE)


async def list_plugins(request: Request) -> Response:
    """All archives that the store has."""
    snapshot = await supervisor_of(request).applying.seen()
    entries = [entry for key, entry in snapshot.entries.items() if key.startswith(ARCHIVES)]
    return JSONResponse({"items": [_told(entry, snapshot) for entry in entries], "revision": snapshot.revision})


async def get_plugin(request: Request) -> Response:
    """One archive, and the Python files in it."""
    digest = _digest(request)
    snapshot = await supervisor_of(request).applying.seen()
    entry = _found(snapshot, digest)
    content = await _uploads(request).content(entry, digest)
    files = (await asyncio.to_thread(unpack, content)).contents
    named = [{"name": name, "size": len(text)} for name, text in sorted(files.items())]
    return JSONResponse({**_told(entry, snapshot), "contents": named})


async def put_plugin(request: Request) -> Response:
    """An archive, whose digest the path says."""
    digest, uploads = _digest(request), _uploads(request)
    name = _name(request)
    signature = request.headers.get(_SIGNATURE, "")
    if len(signature) > _LONGEST_SIGNATURE:
        raise Bad(HTTPStatus.BAD_REQUEST, f"{_SIGNATURE}: write what `penstock plugin sign` prints")
    supervisor_of(request).applying.check_writable()
    if _room.locked():
        raise _closing(HTTPStatus.SERVICE_UNAVAILABLE, "other archives are on their way; try again", retry="5")
    async with _room:
        content = await _body(request)
        try:
            change, is_new = await uploads.bring(author_of(request), Upload(digest, name, content, signature))
        except Refused as problem:
            raise Bad(HTTPStatus.UNPROCESSABLE_ENTITY, str(problem)) from None
        except InUse as problem:
            raise Bad(HTTPStatus.CONFLICT, str(problem)) from None
    request.scope["state"]["revision"] = change.revision
    snapshot = await uploads.store.range()
    told = _told(_found(snapshot, digest), snapshot)
    return JSONResponse({**told, "revision": change.revision}, HTTPStatus.CREATED if is_new else HTTPStatus.OK)


async def delete_plugin(request: Request) -> Response:
    """No such archive any more, but in history."""
    digest, uploads = _digest(request), _uploads(request)
    supervisor_of(request).applying.check_writable()
    try:
        change = await uploads.take_away(author_of(request), digest)
    except InUse as problem:
        raise Bad(HTTPStatus.CONFLICT, str(problem)) from None
    if change is None:
        raise _missing(digest)
    request.scope["state"]["revision"] = change.revision
    return JSONResponse({"archive": digest, "revision": change.revision})


async def _body(request: Request) -> bytes:
    """What is sent, as far as there is room for it: what is more is not read."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in {_BYTES, _ZIP}:
        raise _closing(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send the archive as {_ZIP} or {_BYTES}")
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > LARGEST_ARCHIVE:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST_ARCHIVE:
                    raise _too_large()
    except ClientDisconnect:
        raise Bad(HTTPStatus.BAD_REQUEST, "the body is not whole") from None
    except TimeoutError:
        raise _closing(HTTPStatus.REQUEST_TIMEOUT, f"the archive has not come in {_SECONDS:.0f} s") from None
    return bytes(body)


def _too_large() -> Bad:
    return _closing(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"an archive has at most {LARGEST_ARCHIVE // 1024 // 1024} MiB"
    )


def _closing(status: HTTPStatus, detail: str, retry: str = "") -> Bad:
    """An answer after which nothing more is read of what is still coming."""
    return Bad(status, detail, headers={"connection": "close"} | ({"retry-after": retry} if retry else {}))


def _uploads(request: Request) -> Uploads:
    editing = resources_of(request).editing
    return Uploads(editing.store, editing.compilation.shelf)


def _digest(request: Request) -> str:
    try:
        return check_archive(request.path_params["archive"])
    except ValueError as problem:
        raise Bad(HTTPStatus.BAD_REQUEST, str(problem)) from None


def _name(request: Request) -> str:
    try:
        return check_name(request.query_params.get("name", "plugin"))
    except ValueError as problem:
        raise Bad(HTTPStatus.BAD_REQUEST, f"name: {problem}") from None


def _found(snapshot: Snapshot, digest: str) -> Entry:
    entry = snapshot.entries.get(archive_key(digest))
    if entry is None:
        raise _missing(digest)
    return entry


def _missing(digest: str) -> Bad:
    return Bad(HTTPStatus.NOT_FOUND, f"there is no archive {digest}; GET {_ALL} lists them")


def _told(entry: Entry, snapshot: Snapshot) -> dict[str, Any]:
    kept, digest = read_kept(entry), archive_of(entry.key)
    return {
        "archive": digest,
        "name": kept.name,
        "size": kept.size,
        "files": kept.files,
        "key": kept.signature.partition(":")[2].partition(":")[0],
        "used_by": users_of(digest, snapshot.entries),
        "created": entry.created,
        "modified": entry.modified,
    }


_ALL, _ONE = "/api/v1/plugins", "/api/v1/plugins/{archive}"
_MISSING = {404: "There is none."}
OPERATIONS = (
    Operation("GET", _ALL, "List the archives of plugins", list_plugins, {200: "All."}, verb=Verb.READ),
    Operation(
        "GET",
        _ONE,
        "Show an archive of a plugin",
        get_plugin,
        {200: "What is known of it, and its Python files.", 503: "The store is away."} | _MISSING,
        verb=Verb.READ,
    ),
    Operation(
        "PUT",
        _ONE,
        "Upload an archive of a plugin",
        put_plugin,
        {
            200: "It was there already.",
            201: "It is there now.",
            408: "It did not come in time.",
            409: "There are too many.",
            413: "It is too large.",
            415: "It is sent as something else.",
            422: "It is not what the path says, hostile, not a plugin, or not signed by a trusted key.",
            503: "The store is away, or others are on their way.",
        },
        (
            Parameter("name", "What to call it in lists; default: plugin."),
            Parameter(_SIGNATURE, "What `penstock plugin sign` prints.", place="header"),
        ),
        body={"type": "string", "format": "binary"},
        body_type=_BYTES,
        verb=Verb.UPLOAD,
    ),
    Operation(
        "DELETE",
        _ONE,
        "Delete an archive of a plugin",
        delete_plugin,
        {200: "It is gone, but from history.", 409: "A plugin names it."} | _MISSING,
        verb=Verb.UPLOAD,
    ),
)
