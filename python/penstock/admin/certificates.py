"""The certificates that are served: for whom, until when, who uses them and whose they are."""

import asyncio
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from penstock.admin.inspection import current_of
from penstock.admin.operation import Operation, supervisor_of
from penstock.admin.resources import resources_of
from penstock.admin.verb import Verb
from penstock.compiler.certificate_uses import certificate_uses
from penstock.filters.native import native_catalogue


async def certificates(request: Request) -> Response:
    """Every certificate, the one that expires first at the top; keys are never told."""
    current = current_of(supervisor_of(request))
    seen = await resources_of(request).look("certificate/")
    owners = {one["name"]: one["status"]["owner"] for one in seen.items}

    def found() -> list[dict[str, Any]]:
        now, uses = time.time(), certificate_uses(current.parts, current.secrets, native_catalogue())
        told = [{**use.told(now), "from": owners.get(use.name.partition("/")[0])} for use in uses]
        return sorted(told, key=lambda one: (one["not_after"], one["name"]))

    return JSONResponse({"items": await asyncio.to_thread(found)})


OPERATIONS = (
    Operation(
        "GET",
        "/api/v1/certificates",
        "List certificates with their ends, who uses them and whose they are",
        certificates,
        {200: "All of them, the one that expires first at the top.", 503: "It is starting."},
        verb=Verb.READ,
    ),
)
