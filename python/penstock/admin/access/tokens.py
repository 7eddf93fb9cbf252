"""Tokens over the admin API: made, shown once, listed, revoked."""

import time
from functools import partial
from http import HTTPStatus
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from penstock.admin.access.book import AccessBook, has_expired
from penstock.admin.access.checks import check_free, check_rights, existing, name_in, parsed
from penstock.admin.access.holders import Holder, HolderName, Token, digest, new_token
from penstock.admin.access.permission import book_of, principal_of
from penstock.admin.access.policy import access_key
from penstock.admin.conditions import ABSENT, IF_MATCH, expected, until_kept
from penstock.admin.json_body import read_json
from penstock.admin.operation import Operation
from penstock.admin.problem_answer import Bad
from penstock.admin.verb import Verb
from penstock.base.units import Duration
from penstock.model.resource import SomeTime

_PATH = "/api/v1/tokens"


class Wanted(Holder):
    """A token that somebody wants."""

    name: HolderName = Field(description="Name of the token, by which history knows it.")
    expires_in: SomeTime | None = Field(None, description="Time for which it is good. Absent: until it is revoked.")


async def create_token(request: Request) -> Response:
    """A new token, told this once."""
    book = book_of(request)
    wanted = parsed(Wanted, await read_json(request, "application/json"))
    if not isinstance(wanted, Wanted):
        raise TypeError(wanted)
    return await until_kept(request, partial(_created, request, book, wanted))


async def _created(request: Request, book: AccessBook, wanted: Wanted) -> Response:
    policy = await book.policy()
    check_free(wanted.name, policy.users, "user")
    if wanted.name in policy.tokens:
        raise Bad(HTTPStatus.CONFLICT, f"there is a token {wanted.name} already; revoke it, or take another name")
    check_rights(policy, wanted)
    text, now = new_token(), time.time()
    expires = now + wanted.expires_in.milliseconds / 1000 if isinstance(wanted.expires_in, Duration) else None
    rights = {"role": wanted.role, "namespace": wanted.namespace, "description": wanted.description}
    token = Token(**rights, digest=digest(text), created=now, expires=expires)
    # Neither a token nor a user of that name is to appear at the same moment.
    absent = {access_key("token", wanted.name): ABSENT, access_key("user", wanted.name): ABSENT}
    author, message = principal_of(request).author, f"token {wanted.name} made"
    key = access_key("token", wanted.name)
    change = await book.put(author, key, token, message, policy.rests_on(wanted) | absent)
    request.scope["state"]["revision"] = change.revision
    return JSONResponse({**_told(book, wanted.name, token, change.revision), "token": text}, HTTPStatus.CREATED)


async def list_tokens(request: Request) -> Response:
    """All tokens, without what they are."""
    book = book_of(request)
    policy = await book.policy()
    known = sorted(policy.tokens.items())
    return JSONResponse({"items": [_told(book, name, one, policy.revision("token", name)) for name, one in known]})


async def revoke_token(request: Request) -> Response:
    """No such token any more."""
    name, book = name_in(request), book_of(request)
    existing((await book.policy()).tokens, "token", name)
    key = access_key("token", name)
    author, message = principal_of(request).author, f"token {name} revoked"
    change = await book.delete(author, key, message, expected(request, key))
    request.scope["state"]["revision"] = change.revision
    return JSONResponse({"revision": change.revision})


async def whoami(request: Request) -> Response:
    """Who asks, and what they may do."""
    who, session = principal_of(request), request.scope["state"].get("session")
    told: dict[str, Any] = {
        "name": who.name,
        "way": who.way.value,
        "role": who.role,
        "namespace": who.within[0] if who.within else None,
        "rules": [rule.model_dump(mode="json") for rule in who.rules],
    }
    if session is not None and session.is_cookie:
        told["csrf"] = session.csrf
    return JSONResponse(told)


def _told(book: AccessBook, name: str, token: Token, revision: int) -> dict[str, Any]:
    return {
        "name": name,
        "role": token.role,
        "namespace": token.namespace,
        "description": token.description,
        "created": token.created,
        "expires": token.expires,
        "has_expired": has_expired(token),
        "last_used": book.used.of(token.digest),
        "revision": revision,
    }


OPERATIONS = (
    Operation(
        "GET",
        "/api/v1/whoami",
        "Tell who asks, and what they may do",
        whoami,
        {200: "Name, role and rules."},
        verb=None,
        is_scoped=True,
    ),
    Operation("GET", _PATH, "List tokens", list_tokens, {200: "All of them."}, verb=Verb.ADMINISTER),
    Operation(
        "POST",
        _PATH,
        "Make a token",
        create_token,
        {
            201: "It, shown this once.",
            409: "The name is taken.",
            415: "It is sent as something else.",
            422: "It has problems; nothing has changed.",
        },
        body={"$ref": "#/components/schemas/Wanted"},
        verb=Verb.ADMINISTER,
    ),
    Operation(
        "DELETE",
        f"{_PATH}/{{name}}",
        "Revoke a token",
        revoke_token,
        {
            200: "It is good for nothing from now on.",
            400: "It cannot be understood.",
            404: "There is no such token.",
            412: "It is not what was seen.",
        },
        (IF_MATCH,),
        verb=Verb.ADMINISTER,
    ),
)
