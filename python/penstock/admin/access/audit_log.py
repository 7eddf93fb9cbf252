"""The audit log over the admin API."""

import asyncio
import json
from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from penstock.admin.operation import Operation, Parameter, number
from penstock.admin.verb import Verb

_MOST = 10_000
_USUAL = 100
_THOUSANDTHS = 1000


async def audit(request: Request) -> Response:
    """The latest administrative acts, also those that were refused, newest first."""
    most = min(number(request, "limit", _USUAL), _MOST)
    before = number(request, "before", 0)
    log = request.scope["state"]["guard"].audit
    entries = await asyncio.to_thread(log.read, most, before / _THOUSANDTHS if before else None)
    return JSONResponse({"items": entries})


async def export(request: Request) -> Response:
    """All that is kept of it, oldest first, an entry a line."""
    request.scope["state"]["is_noted"] = True

    def lines() -> Iterator[str]:
        for entry in request.scope["state"]["guard"].audit.every():
            yield f"{json.dumps(entry)}\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


_INTEGER = {"type": "integer", "minimum": 0, "maximum": 2**53}
OPERATIONS = (
    Operation(
        "GET",
        "/api/v1/audit",
        "List who did what over the admin API, or was refused",
        audit,
        {200: "Entries, newest first.", 400: "The query cannot be understood."},
        (
            Parameter("limit", f"Most entries, up to {_MOST}.", _INTEGER),
            Parameter("before", "Milliseconds since 1970, before which to begin.", _INTEGER),
        ),
        verb=Verb.ADMINISTER,
    ),
    Operation(
        "GET",
        "/api/v1/audit/export",
        "Take the whole audit log along",
        export,
        {200: "Entries, oldest first, one a line."},
        verb=Verb.ADMINISTER,
    ),
)
