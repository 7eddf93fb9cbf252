"""What an operation asks of whoever calls it."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from penstock.admin.access.book import AccessBook
from penstock.admin.access.namespace import trespasses
from penstock.admin.access.principal import Principal
from penstock.admin.operation import Operation
from penstock.admin.problem_answer import Bad, problem_answer
from penstock.admin.verb import Verb
from penstock.base.problem import Problem
from penstock.model.kinds import KINDS
from penstock.runtime.change.editing import NotPermitted, Permit
from penstock.runtime.change.references import References

_KIND_OF = {kind.lower(): kind for kind in KINDS}
_LOOPBACK = ("127.", "::1", "::ffff:127.")


def principal_of(request: Request) -> Principal:
    """Whoever asks."""
    found: Principal = request.scope["state"]["principal"]
    return found


def book_of(request: Request) -> AccessBook:
    """The book of who may do what."""
    found: AccessBook = request.scope["state"]["book"]
    return found


def permitted(operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    """What answers for an operation to whom it is allowed, and refuses the others."""

    async def answer(request: Request) -> Response:
        refusal = _refusal(operation, request)
        return refusal if refusal is not None else await operation.answer(request)

    return answer


def _refusal(operation: Operation, request: Request) -> Response | None:
    principal = request.scope["state"].get("principal")
    verb = operation.verb
    if principal is None and not (operation.is_open or operation.is_open_on_loopback):
        return problem_answer(HTTPStatus.UNAUTHORIZED, "a token is needed", headers={"www-authenticate": "Bearer"})
    if principal is None or verb is None:
        return None  # open to everyone, or to everyone who is known: the guard has let it through
    # Looking into the processes is an act, though nothing changes.
    request.scope["state"]["is_noted"] = verb is Verb.DEBUG
    may = principal.may_some(verb) if operation.is_scoped else principal.may_all(verb)
    if not may:
        return problem_answer(HTTPStatus.FORBIDDEN, f"{principal.name} may not {verb.value} here")
    if verb is Verb.DEBUG and not _is_near(request):
        return problem_answer(HTTPStatus.FORBIDDEN, "this is answered on the machine itself alone")
    return None


def _is_near(request: Request) -> bool:
    client = request.scope.get("client")
    return client is None or str(client[0]).startswith(("socket", *_LOOPBACK))


async def still_permitted(request: Request, verb: Verb) -> Principal | None:
    """Whoever asks, as they are known now, where they may still do something: a stream outlasts what was taken."""
    principal: Principal | None = await request.scope["state"]["guard"].again(request.scope)
    return principal if principal is not None and principal.may_some(verb) else None


def check_name_of(request: Request, verb: Verb, key: str) -> None:
    """Ask, before anything is looked at, whether something may be done with a resource of a name.

    Raises: NotPermitted, in the same words whether there is such a resource or not.
    """
    kind, _, name = key.partition("/")
    if not principal_of(request).may_name(verb, _KIND_OF.get(kind, kind), name):
        raise _forbidden(request, verb, key)


def check_all(request: Request, verb: Verb) -> None:
    """Ask whether something may be done that is about everything.

    Raises: NotPermitted.
    """
    principal = principal_of(request)
    if not principal.may_all(verb):
        raise NotPermitted(f"{principal.name} may not {verb.value} here")


def check_sent(request: Request, data: Sequence[Any]) -> None:
    """Ask the same for all resources that are sent; what is no resource is told by whoever reads them.

    Raises: NotPermitted.
    """
    for one in data:
        if isinstance(one, dict):
            check_name_of(request, Verb.WRITE, f"{str(one.get('kind')).lower()[:80]}/{str(one.get('name'))[:80]}")


def sees(principal: Principal, item: Mapping[str, Any]) -> bool:
    """Whether somebody may read a resource."""
    return principal.may(Verb.READ, str(item.get("kind")), str(item.get("name")), item.get("labels") or {})


def sees_key(principal: Principal, key: str) -> bool:
    """Whether somebody may read all resources of a name, or a part of the plan that is made of one."""
    if principal.may_all(Verb.READ):
        return True
    kind, _, name = key.partition("/")
    return principal.may(Verb.READ, _KIND_OF.get(kind, kind), name, {})


def permit_of(request: Request, references: References) -> Permit | None:
    """What judges each change that an edit makes; nothing where everything is allowed."""
    principal = principal_of(request)
    if principal.may_all(Verb.WRITE) and principal.may_all(Verb.DELETE):
        return None

    def permit(key: str, before: str | None, after: str | None) -> None:
        verb = Verb.DELETE if after is None else Verb.WRITE
        for value in (before, after):
            if value is not None and not _may(principal, verb, key, value):
                raise _forbidden(request, verb, key)
        if after is not None and principal.within is not None:
            wrong = list(trespasses(*principal.within, json.loads(after), references.of(after)))
            if wrong:
                raise NotPermitted(f"{key}: {'; '.join(wrong)}")

    return permit


def masked_problems(request: Request, problems: Iterable[Problem]) -> list[Problem]:
    """Problems as whoever asks may know them: what is wrong with resources of others is not told."""
    principal = principal_of(request)
    if principal.may_all(Verb.READ):
        return list(problems)
    return [one if _is_own(principal, one) else Problem((), _OTHERS, severity=one.severity) for one in problems]


_OTHERS = "it does not go together with what others have"


def _is_own(principal: Principal, problem: Problem) -> bool:
    words = f"{problem.message} {problem.hint}".replace("`", " ").replace(",", " ").replace("'", " ").split()
    named = {problem.resource, *(word.rstrip(".;:") for word in words if word.partition("/")[0] in _KIND_OF)} - {""}
    return all(sees_key(principal, key) for key in named)


def _may(principal: Principal, verb: Verb, key: str, value: str) -> bool:
    data = json.loads(value)
    data = data if isinstance(data, dict) else {}
    kind, _, name = key.partition("/")
    labels = data.get("labels") or {}
    return principal.may(verb, _KIND_OF.get(kind, kind), name, labels if isinstance(labels, dict) else {})


def _forbidden(request: Request, verb: Verb, key: str) -> NotPermitted:
    return NotPermitted(f"{principal_of(request).name} may not {verb.value} {key}")


def forbidden(request: Request, verb: Verb, key: str) -> Bad:
    """The answer to somebody who may not do something with a resource, whether there is one or not."""
    return Bad(HTTPStatus.FORBIDDEN, str(_forbidden(request, verb, key)))
