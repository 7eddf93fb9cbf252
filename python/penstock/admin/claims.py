"""As whom somebody writes, and what goes that they do not write any more."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from starlette.requests import Request

from penstock.admin.access.permission import principal_of, sees
from penstock.admin.operation import FLAG, Parameter, flag
from penstock.admin.problem_answer import Bad
from penstock.base.labels import has_labels
from penstock.runtime.change.ownership import ANYONE, Claim, check_owner


def claim_of(request: Request) -> Claim:
    """As whom a request writes.

    Raises: Bad if nobody may be called so.
    """
    try:
        owner = check_owner(request.query_params.get("owner", ANYONE))
    except ValueError as problem:
        raise Bad(HTTPStatus.BAD_REQUEST, f"owner: {problem}") from None
    return Claim(owner, flag(request, "take_over"))


def pruning_of(request: Request, sent: list[Any]) -> Callable[[str], bool] | None:
    """What says of the text of a resource that is not sent whether it goes; nothing where none does.

    What whoever asks may not see stays.

    Raises: Bad where it would be everything.
    """
    if not flag(request, "prune"):
        return None
    labels = request.query_params.get("labels", "")
    if not labels.strip() and claim_of(request).owner == ANYONE:
        raise Bad(HTTPStatus.BAD_REQUEST, "prune: say by `owner` or `labels` whose resources go that are not sent")
    if not sent:
        raise Bad(HTTPStatus.BAD_REQUEST, "prune: nothing is sent, so everything would go; delete it by name instead")
    strange = next((one for one in sent if isinstance(one, dict) and not _has(one, labels)), None)
    if strange is not None:
        key = f"{str(strange.get('kind')).lower()}/{strange.get('name')}"
        raise Bad(HTTPStatus.BAD_REQUEST, f"prune: {key} has not the labels `{labels}`, and would never go")
    principal = principal_of(request)

    def goes(text: str) -> bool:
        try:
            data = json.loads(text)
        except ValueError:
            return False
        return isinstance(data, dict) and sees(principal, data) and _has(data, labels)

    return goes


def _has(data: dict[str, Any], labels: str) -> bool:
    return isinstance(data.get("labels") or {}, dict) and has_labels(data, labels)


CLAIMED = (
    Parameter("owner", "As whom: the owner of what is written, whose alone it is then; absent: nobody's."),
    Parameter("take_over", "Write also what another owner has, but for what files hold.", FLAG),
)
PRUNED = (
    Parameter("prune", "Delete what the owner has, or what has the labels and no owner, and is not sent.", FLAG),
    Parameter("labels", "Labels that all of it must have, as `team=shop`."),
)
