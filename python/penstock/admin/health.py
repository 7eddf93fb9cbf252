"""Health, metrics, status and reload."""

import asyncio
import gzip
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from penstock.admin.exposition import Form, exposition, form_for
from penstock.admin.metrics import own_metrics
from penstock.admin.operation import Operation, supervisor_of
from penstock.admin.problem_answer import MEDIA_TYPE as PROBLEM_TYPE
from penstock.admin.verb import Verb
from penstock.runtime.measures.readings import Metric

_QUICK = 1
"""The level of compression: lines that are so alike need no more."""


async def live(_request: Request) -> Response:
    """Whether the process is there to answer."""
    return PlainTextResponse("live\n")


async def ready(request: Request) -> Response:
    """Whether requests are served and will be for a while."""
    supervisor = supervisor_of(request)
    if supervisor.is_ready:
        return PlainTextResponse("ready\n")
    why = "drained" if supervisor.applying.is_drained else supervisor.phase.value
    return PlainTextResponse(f"{why}\n", HTTPStatus.SERVICE_UNAVAILABLE)


async def metrics(request: Request) -> Response:
    """What was counted, as Prometheus reads it: OpenMetrics and compressed where that is wanted."""
    supervisor = supervisor_of(request)
    counted = [*await asyncio.to_thread(supervisor.metrics), *own_metrics(supervisor)]
    form = form_for(request.headers.get("accept", ""))
    headers = {"vary": "accept, accept-encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
    # Of thousands of routes the text is long, and the supervisor has more to do than to write it.
    text = await asyncio.to_thread(_written, counted, form, is_compressed="content-encoding" in headers)
    return Response(text, headers={**headers, "content-type": form.media_type})


def _written(counted: list[Metric], form: Form, *, is_compressed: bool) -> bytes:
    text = exposition(counted, form).encode()
    return gzip.compress(text, _QUICK) if is_compressed else text


async def status(request: Request) -> Response:
    """The gateway as it is."""
    return JSONResponse(supervisor_of(request).status())


async def reload(request: Request) -> Response:
    """Reads the files again."""
    supervisor = supervisor_of(request)
    before = supervisor.revision
    problems = await supervisor.reload()
    told = {"problems": problems, "revision": supervisor.revision, "changed": supervisor.revision != before}
    if not problems:
        return JSONResponse(told)
    refused = {"title": "Conflict", "status": HTTPStatus.CONFLICT.value, "detail": "nothing has changed", **told}
    return JSONResponse(refused, HTTPStatus.CONFLICT, media_type=PROBLEM_TYPE)


async def reopen_logs(request: Request) -> Response:
    """Has log files opened again."""
    problems = await supervisor_of(request).fleet.reopen_logs()
    told = {"problems": problems}
    if not problems:
        return JSONResponse(told)
    refused = {
        "title": "Conflict",
        "status": HTTPStatus.CONFLICT.value,
        "detail": "some worker does not answer",
        **told,
    }
    return JSONResponse(refused, HTTPStatus.CONFLICT, media_type=PROBLEM_TYPE)


OPERATIONS = (
    Operation(
        "GET", "/-/live", "Whether the process is there to answer", live, {200: "It is."}, is_open=True, verb=Verb.READ
    ),
    Operation(
        "GET",
        "/-/ready",
        "Whether requests are served and will be for a while",
        ready,
        {200: "They are.", 503: "It starts or ends; the text says which."},
        is_open=True,
        verb=Verb.READ,
    ),
    Operation(
        "GET",
        "/metrics",
        "What was counted, as Prometheus reads it",
        metrics,
        {200: "All metrics.", 401: "A token is needed, as it is not on loopback."},
        is_open_on_loopback=True,
        verb=Verb.READ,
    ),
    Operation(
        "GET",
        "/-/status",
        "The gateway as it is",
        status,
        {200: "What `penstock status -o json` prints."},
        verb=Verb.READ,
    ),
    Operation(
        "POST",
        "/-/reload",
        "Read the configuration files again",
        reload,
        {200: "They are applied, or nothing has changed.", 409: "They have problems, and nothing has changed."},
        verb=Verb.OPERATE,
    ),
    Operation(
        "POST",
        "/-/logs/reopen",
        "Open log files again, wherever their paths lead now",
        reopen_logs,
        {200: "All workers have.", 409: "Some worker does not answer."},
        verb=Verb.OPERATE,
    ),
)
