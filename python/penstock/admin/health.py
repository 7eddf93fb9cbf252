"""Health, metrics, status and reload."""

import asyncio
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from penstock.admin.metrics import MEDIA_TYPE, exposition, own_metrics
from penstock.admin.operation import Operation, supervisor_of


async def live(_request: Request) -> Response:
    """Whether the process is there to answer."""
    return PlainTextResponse("live\n")


async def ready(request: Request) -> Response:
    """Whether requests are served and will be for a while."""
    supervisor = supervisor_of(request)
    if supervisor.is_ready:
        return PlainTextResponse("ready\n")
    return PlainTextResponse(f"{supervisor.phase.value}\n", HTTPStatus.SERVICE_UNAVAILABLE)


async def metrics(request: Request) -> Response:
    """What was counted, as Prometheus reads it."""
    supervisor = supervisor_of(request)
    counted = [*supervisor.metrics(), *own_metrics(supervisor)]
    # Of thousands of routes the text is long, and the supervisor has more to do than to write it.
    return Response(await asyncio.to_thread(exposition, counted), media_type=MEDIA_TYPE)


async def status(request: Request) -> Response:
    """The gateway as it is."""
    return JSONResponse(supervisor_of(request).status())


async def reload(request: Request) -> Response:
    """Reads the files again."""
    supervisor = supervisor_of(request)
    before = supervisor.revision
    problems = await supervisor.reload()
    told = {"problems": problems, "revision": supervisor.revision, "changed": supervisor.revision != before}
    return JSONResponse(told, HTTPStatus.CONFLICT if problems else HTTPStatus.OK)


OPERATIONS = (
    Operation("GET", "/-/live", "Whether the process is there to answer", live, {200: "It is."}, is_open=True),
    Operation(
        "GET",
        "/-/ready",
        "Whether requests are served and will be for a while",
        ready,
        {200: "They are.", 503: "It starts or ends; the text says which."},
        is_open=True,
    ),
    Operation(
        "GET",
        "/metrics",
        "What was counted, as Prometheus reads it",
        metrics,
        {200: "All metrics.", 401: "A token is needed, as it is not on loopback."},
        is_open_on_loopback=True,
    ),
    Operation("GET", "/-/status", "The gateway as it is", status, {200: "What `penstock status -o json` prints."}),
    Operation(
        "POST",
        "/-/reload",
        "Read the configuration files again",
        reload,
        {200: "They are applied, or nothing has changed.", 409: "They have problems, and nothing has changed."},
    ),
)
