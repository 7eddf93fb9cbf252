"""Looks into the processes: only where the gateway runs with `--debug`, and only from the machine itself (I23)."""

import asyncio
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from penstock.admin.operation import Operation, Parameter, bounded, supervisor_of
from penstock.admin.problem_answer import Bad
from penstock.admin.verb import Verb
from penstock.runtime.profiling import allocations, memory_of, sampled_stacks, thread_seconds
from penstock.runtime.supervisor import Supervisor

_USUAL_SECONDS = 2
_MOST_SECONDS = 30
_MOST_PLACES = 50


async def processor(request: Request) -> Response:
    """Where the supervisor's Python code spends its time, as stacks with counts."""
    _check(request)
    stacks = await _alone(request, sampled_stacks(_seconds(request)))
    return PlainTextResponse("".join(f"{stack} {count}\n" for stack, count in stacks.most_common()))


async def memory(request: Request) -> Response:
    """The memory of every process, and where the supervisor's Python code takes more of it."""
    supervisor = _check(request)
    grown = await _alone(request, allocations(_seconds(request), _MOST_PLACES))
    told = [{"place": place, "bytes": size, "blocks": blocks} for place, size, blocks in grown]
    return JSONResponse({"processes": await asyncio.to_thread(_memory, supervisor), "grown": told})


async def threads(request: Request) -> Response:
    """The processor time that each thread of each worker takes, in seconds a second."""
    supervisor, seconds = _check(request), _seconds(request)
    workers = [(one.index, one.pid) for one in supervisor.fleet.workers.values()]
    before = await asyncio.to_thread(lambda: [thread_seconds(process) for _, process in workers])
    await asyncio.sleep(seconds)
    after = await asyncio.to_thread(lambda: [thread_seconds(process) for _, process in workers])
    items = [
        {
            "worker": index,
            "pid": process,
            "threads": {name: round((now - earlier.get(name, 0.0)) / seconds, 4) for name, now in later.items()},
        }
        for (index, process), earlier, later in zip(workers, before, after, strict=True)
    ]
    return JSONResponse({"items": items})


def _memory(supervisor: Supervisor) -> list[dict[str, Any]]:
    own: dict[str, Any] = {"name": "supervisor", "pid": supervisor.status()["pid"]}
    others = [{"name": f"worker {one.index}", "pid": one.pid} for one in supervisor.fleet.workers.values()]
    return [{**one, **memory_of(one["pid"])} for one in (own, *others)]


async def _alone(request: Request, profile: Any) -> Any:
    """One profile at a time: two at once would measure each other."""
    state = request.app.state
    if getattr(state, "is_profiling", False):
        profile.close()
        raise Bad(HTTPStatus.CONFLICT, "a profile is being taken")
    state.is_profiling = True
    try:
        return await profile
    finally:
        state.is_profiling = False


def _check(request: Request) -> Supervisor:
    supervisor = supervisor_of(request)
    if not supervisor.launch.settings.debug:
        raise Bad(HTTPStatus.FORBIDDEN, "profiles are off; start the gateway with --debug")
    return supervisor


def _seconds(request: Request) -> int:
    return bounded(request.query_params, "seconds", _USUAL_SECONDS, _MOST_SECONDS)


_SECONDS = Parameter("seconds", "For how long.", {"type": "integer", "minimum": 1, "maximum": _MOST_SECONDS})
_ANSWERS = {
    200: "What was found.",
    400: "The time is none.",
    403: "The gateway was started without --debug, or the asker is elsewhere.",
    409: "Another profile is being taken.",
}
OPERATIONS = (
    Operation(
        "GET", "/api/v1/debug/processor", "Sample the supervisor's stacks", processor, _ANSWERS, (_SECONDS,),
        verb=Verb.DEBUG,
    ),
    Operation(
        "GET", "/api/v1/debug/memory", "Tell who takes memory", memory, _ANSWERS, (_SECONDS,), verb=Verb.DEBUG
    ),
    Operation(
        "GET", "/api/v1/debug/threads", "Tell which threads of workers take time", threads, _ANSWERS, (_SECONDS,),
        verb=Verb.DEBUG,
    ),
)  # fmt: skip
