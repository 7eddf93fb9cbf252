"""The gateway looked at closely: what becomes of a request, upstreams, listeners, workers, health."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from penstock.admin.json_body import read_json
from penstock.admin.metrics import own_metrics
from penstock.admin.operation import Operation, Schema, supervisor_of
from penstock.admin.problem_answer import Bad
from penstock.admin.verb import Verb
from penstock.runtime.explanation import Explainer
from penstock.runtime.measures.readings import Metric
from penstock.runtime.profiling import memory_of
from penstock.runtime.supervisor import Phase, Supervisor
from penstock.runtime.worker.process import Running

_JSON = "application/json"
_LEVELS = ("debug", "info", "warning", "error")
_SOON_SECONDS = 7 * 24 * 3600
"""A certificate that ends within a week is a worry: renewal is due long before."""


async def explain(request: Request) -> Response:
    """What the running plan does with an imagined request."""
    asked = await read_json(request, _JSON)
    current = current_of(supervisor_of(request))
    explainer: tuple[int, Explainer] | None = getattr(request.app.state, "explainer", None)
    if explainer is None or explainer[0] != current.revision:
        made = await asyncio.to_thread(Explainer, {"parts": current.parts})
        explainer = request.app.state.explainer = (current.revision, made)
    try:
        told = await asyncio.to_thread(explainer[1].explain, asked)
    except ValueError as problem:
        raise Bad(HTTPStatus.BAD_REQUEST, str(problem)) from None
    return JSONResponse(told)


async def upstreams(request: Request) -> Response:
    """Every upstream with its endpoints, and what was counted of each."""
    supervisor = supervisor_of(request)
    parts = current_of(supervisor).parts
    counted = await asyncio.to_thread(supervisor.metrics)
    by_upstream, by_endpoint = _numbers(counted, "upstream"), _numbers(counted, "upstream", "endpoint")
    bodies = [part["body"] for key, part in sorted(parts.items()) if key.startswith("upstream/")]
    items = [
        {
            "name": body["name"],
            "balance": body["balance"],
            "protocol": body["protocol"],
            **by_upstream.get((body["name"],), {}),
            "endpoints": [
                {
                    "address": one["address"],
                    "addresses": _resolved(parts, one["address"]),
                    **{name: one[name] for name in ("is_tls", "weight", "tags")},
                    **by_endpoint.get((body["name"], one["address"]), {}),
                }
                for one in body["endpoints"]
            ],
        }
        for body in bodies
    ]
    return JSONResponse({"items": items})


async def listeners(request: Request) -> Response:
    """Every listener, where it is bound, and what was counted of it."""
    supervisor = supervisor_of(request)
    counted = _numbers(await asyncio.to_thread(supervisor.metrics), "listener")
    items = [{**one, **counted.get((one["name"],), {})} for one in supervisor.status()["listeners"]]
    return JSONResponse({"items": items})


async def workers(request: Request) -> Response:
    """Every worker, what it serves, and its memory."""
    told = supervisor_of(request).status()["workers"]
    memory = await asyncio.to_thread(lambda: [memory_of(one["pid"]) for one in told])
    return JSONResponse({"items": [{**one, **found} for one, found in zip(told, memory, strict=True)]})


async def health_details(request: Request) -> Response:
    """Each thing that has to be well, and whether it is."""
    supervisor = supervisor_of(request)
    checks = [{"name": name, "is_well": not wrong, "detail": wrong} for name, wrong in _checks(supervisor)]
    is_well = supervisor.is_ready and all(one["is_well"] for one in checks)
    state = supervisor.phase.value if supervisor.phase is not Phase.SERVING else "well" if is_well else "degraded"
    return JSONResponse({"state": state, "is_ready": supervisor.is_ready, "checks": checks})


async def log_level(_request: Request) -> Response:
    """How much the supervisor tells in its log."""
    level = logging.getLevelName(logging.getLogger("penstock").getEffectiveLevel()).lower()
    return JSONResponse({"level": level})


async def set_log_level(request: Request) -> Response:
    """More or less of it, until the gateway ends."""
    asked = await read_json(request, _JSON)
    level = asked.get("level") if isinstance(asked, dict) and asked.keys() == {"level"} else None
    if level not in _LEVELS:
        raise Bad(HTTPStatus.BAD_REQUEST, f'send {{"level": ...}} with one of {", ".join(_LEVELS)}')
    logging.getLogger("penstock").setLevel(level.upper())
    return await log_level(request)


def current_of(supervisor: Supervisor) -> Running:
    """What the workers run.

    Raises: Bad while the gateway is starting.
    """
    current = supervisor.fleet.rollout.current
    if current is None:
        raise Bad(HTTPStatus.SERVICE_UNAVAILABLE, "the gateway is starting")
    return current


def _numbers(counted: list[Metric], *labels: str) -> dict[tuple[str, ...], dict[str, Any]]:
    """What was counted of subjects that have just these labels, by the values of these; the metric's name is short."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for metric in counted:
        if tuple(metric.labels) != labels:
            continue
        for of, value in metric.samples:
            subject = found.setdefault(tuple(of[label] for label in labels), {})
            name = metric.name.removeprefix("penstock_").removeprefix(f"{labels[0]}_")
            if isinstance(value, tuple):
                subject[f"{name}_count"], subject[f"{name}_sum"] = value[1], value[2] / 1_000_000
            else:
                subject[name] = value
    return found


def _resolved(parts: Mapping[str, Any], address: str) -> list[str]:
    part = parts.get(f"names/{address.rpartition(':')[0]}")
    return list(part["body"]["addresses"]) if part else []


def _checks(supervisor: Supervisor) -> Iterator[tuple[str, str]]:
    """What has to be well, each with what is wrong, if anything."""
    alive = [one for one in supervisor.fleet.workers.values() if one.is_alive and one.running]
    wanted, outcome = len(supervisor.fleet.workers), supervisor.applying.outcome
    yield "workers", "" if len(alive) == wanted else f"{len(alive)} of {wanted} serve"
    late = [one.index for one in alive if one.running is not supervisor.fleet.rollout.current]
    yield "plan", f"not run yet by workers {', '.join(map(str, late))}" if late else ""
    refused = supervisor.is_refused or bool(outcome.problems)
    problems = supervisor.problems or list(outcome.problems)
    yield "configuration", f"not applied: {problems[0] if problems else 'it has problems'}" if refused else ""
    yield "resources", f"left out: {outcome.left_out[0]}" if outcome.left_out else ""
    suspended = [f"{one.step} of {one.pipeline}" for one in supervisor.filters if one.is_suspended]
    yield "filters", f"suspended: {', '.join(suspended)}" if suspended else ""
    left = next(one for one in own_metrics(supervisor) if one.name == "penstock_certificate_left_seconds")
    ending = [
        f"{labels['certificate']} {'has expired' if seconds <= 0 else f'ends in {seconds // 86400} d'}"
        for labels, seconds in left.samples
        if not isinstance(seconds, tuple) and seconds < _SOON_SECONDS
    ]
    told = supervisor.ordering.told() if supervisor.ordering else []
    ending += [f"{one['name']} could not be ordered: {one['problem']}" for one in told if one["state"] == "failing"]
    yield "certificates", ", ".join(ending)


_REQUEST: Schema = {
    "type": "object",
    "required": ["method", "url"],
    "additionalProperties": False,
    "properties": {
        "method": {"type": "string"},
        "url": {"type": "string", "description": "http://host/path, the same with https, tls, tcp or udp, or /path."},
        "headers": {
            "type": "array",
            "items": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
        },
        "from": {"type": "string", "description": "The client's address; absent: 127.0.0.1."},
        "listener": {"type": "string"},
        "tls": {"type": "object", "description": "What is said in the handshake: name, version, protocol, client."},
    },
}
_STARTING = {503: "It is starting."}
OPERATIONS = (
    Operation(
        "POST",
        "/api/v1/explain",
        "Tell what becomes of a request, and why",
        explain,
        {200: "What `penstock explain -o json` prints.", 400: "It is no request.", 415: "It is sent as something else."}
        | _STARTING,
        body=_REQUEST,
        verb=Verb.READ,
    ),
    Operation(
        "GET",
        "/api/v1/upstreams",
        "List upstreams and their endpoints with what was counted",
        upstreams,
        {200: "All of them."} | _STARTING,
        verb=Verb.READ,
    ),
    Operation(
        "GET", "/api/v1/listeners", "List listeners with what was counted", listeners, {200: "All."}, verb=Verb.READ
    ),
    Operation("GET", "/api/v1/workers", "List workers with their memory", workers, {200: "All."}, verb=Verb.READ),
    Operation(
        "GET",
        "/api/v1/health",
        "Tell of each thing that has to be well whether it is",
        health_details,
        {200: "`state` is `well`, `degraded`, `starting` or `draining`."},
        verb=Verb.READ,
    ),
    Operation(
        "GET", "/api/v1/log-level", "How much the supervisor logs", log_level, {200: "The level."}, verb=Verb.READ
    ),
    Operation(
        "PUT",
        "/api/v1/log-level",
        "Log more or less, until the gateway ends",
        set_log_level,
        {200: "The level.", 400: "There is no such level.", 415: "It is sent as something else."},
        body={
            "type": "object",
            "required": ["level"],
            "additionalProperties": False,
            "properties": {"level": {"enum": list(_LEVELS)}},
        },
        verb=Verb.OPERATE,
    ),
)
