"""What is asked of a change of who may do what, before it is made."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request

from penstock.admin.access.holders import Holder, check_holder
from penstock.admin.access.oidc.provider import Right
from penstock.admin.access.policy import Policy
from penstock.admin.problem_answer import Bad
from penstock.base.names import check_name
from penstock.base.problem import Problem
from penstock.model.resource import Settings


def name_in(request: Request) -> str:
    """The name in a request's path.

    Raises: Bad if it is none.
    """
    try:
        return check_name(request.path_params["name"])
    except ValueError as problem:
        raise Bad(HTTPStatus.BAD_REQUEST, str(problem)) from None


def existing(known: Mapping[str, Any], sort: str, name: str) -> Any:
    """What is known by a name.

    Raises: Bad if nothing is.
    """
    if name not in known:
        raise Bad(HTTPStatus.NOT_FOUND, f"no {sort} is called {name}")
    return known[name]


def check_free(name: str, others: Mapping[str, Any], sort: str) -> None:
    """Ask whether a user or a token may be called so: history names both alike.

    Raises: Bad.
    """
    try:
        check_holder(name)
    except ValueError as problem:
        raise Bad(HTTPStatus.CONFLICT, str(problem)) from None
    if name in others:
        raise Bad(HTTPStatus.CONFLICT, f"a {sort} is called {name}; history could not tell them apart")


def check_rights(policy: Policy, holder: Holder | Right) -> None:
    """Ask whether role and namespace of a user or a token are there.

    Raises: Bad.
    """
    problems = []
    if holder.role not in policy.roles:
        hint = f"the roles are {', '.join(sorted(policy.roles))}"[:500]
        problems.append(Problem(("role",), f"no role is called {holder.role}", hint))
    if holder.namespace is not None and holder.namespace not in policy.namespaces:
        problems.append(Problem(("namespace",), f"no namespace is called {holder.namespace}"))
    if problems:
        raise Bad(HTTPStatus.UNPROCESSABLE_ENTITY, "nothing was changed", problems)


def parsed(model: type[Settings], data: Any) -> Settings:
    """What was sent, as what it is to be.

    Raises: Bad that lists what is wrong, and does not repeat it: it may be secret.
    """
    try:
        return model.model_validate_json(json.dumps(data))
    except ValidationError as problem:
        found = [
            Problem(tuple(one["loc"]), one["msg"].removeprefix("Value error, "))
            for one in problem.errors(include_input=False, include_url=False, include_context=False)
        ]
        raise Bad(HTTPStatus.UNPROCESSABLE_ENTITY, "nothing was changed", found) from None


def check_unused(policy: Policy, sort: str, name: str) -> None:
    """Ask whether nobody has a role or a namespace.

    Raises: Bad that names those who have it.
    """
    holders: dict[str, list[Holder | Right]] = {key: [one] for key, one in {**policy.users, **policy.tokens}.items()}
    holders |= {f"provider {key}": list(one.rights) for key, one in policy.providers.items()}
    using = [key for key, some in sorted(holders.items()) if any(getattr(one, sort, None) == name for one in some)]
    if using:
        raise Bad(HTTPStatus.CONFLICT, f"{sort} {name} is that of {', '.join(using[:20])}")
