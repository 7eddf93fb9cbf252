"""How a change comes to all nodes: at once or one after the other, and who has it when it is answered."""

from http import HTTPStatus
from typing import Any

from starlette.requests import Request

from penstock.admin.operation import FLAG, Parameter, supervisor_of
from penstock.admin.problem_answer import Bad
from penstock.base.units import Duration
from penstock.runtime.members.rolling import rolling_entry
from penstock.store import Author, Change

_USUAL_MS, _ROLLING_MS, _MOST_MS = 5_000, 20_000, 60_000
SPREADING = (
    Parameter("rolling", "Let the nodes apply it one after the other; a refusal stops it, and it is taken back.", FLAG),
    Parameter(
        "deadline",
        "How long all nodes may take before those are told that have not applied it; 5s, with `rolling` 20s.",
        {"type": "string", "pattern": "^([1-9]|[1-5][0-9]|60)s$"},
    ),
)
"""What can be said about it with every change."""


def rolling_beside(request: Request) -> dict[str, str]:
    """What goes beside a change that nodes are to apply in turn; nothing for all others.

    Raises: Bad.
    """
    together = supervisor_of(request).together
    if not _is_rolling(request) or together is None:
        return {}
    return rolling_entry(together.own().name, together.membership.members)


async def spread(request: Request, change: Change, author: Author) -> dict[str, Any]:
    """Which nodes run a change. One that a node refuses while they apply it in turn is taken back.

    Raises: Bad.
    """
    supervisor, is_rolling = supervisor_of(request), _is_rolling(request)
    if supervisor.together is None:
        raise Bad(HTTPStatus.SERVICE_UNAVAILABLE, "the gateway is starting")
    membership, seconds = supervisor.together.membership, _deadline(request, is_rolling=is_rolling)
    wait = membership.one_by_one if is_rolling else membership.spread
    found = await wait(change.revision, seconds)
    if is_rolling and found.refused:
        await supervisor.resources.editing.take_back(author, change)
        said = "; ".join(f"node {name} refuses it: {', '.join(why)}" for name, why in found.refused.items())
        raise Bad(HTTPStatus.CONFLICT, f"{said}; the change has stopped there and was taken back")
    refused = {name: list(why) for name, why in found.refused.items()}
    return {"applied": list(found.applied), "refused": refused, "waiting": list(found.waiting)}


def check_spreading(request: Request) -> None:
    """Nothing, if what is said about it can be understood.

    Raises: Bad.
    """
    _deadline(request, is_rolling=_is_rolling(request))


def _is_rolling(request: Request) -> bool:
    text = request.query_params.get("rolling", "false")
    if text not in {"true", "false"}:
        raise Bad(HTTPStatus.BAD_REQUEST, "rolling: write true or false")
    return text == "true"


def _deadline(request: Request, *, is_rolling: bool) -> float:
    text = request.query_params.get("deadline")
    if text is None:
        return (_ROLLING_MS if is_rolling else _USUAL_MS) / 1000
    try:
        found = Duration.parse(text).milliseconds
    except ValueError as problem:
        raise Bad(HTTPStatus.BAD_REQUEST, f"deadline: {problem}") from None
    if not 0 < found <= _MOST_MS:
        raise Bad(HTTPStatus.BAD_REQUEST, "deadline: write a time from 1s to 60s")
    return found / 1000
