"""Roles, namespaces, users and providers over the admin API: one implementation for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from penstock.admin.access.checks import check_free, check_rights, check_unused, existing, name_in, parsed
from penstock.admin.access.holders import Holder, User
from penstock.admin.access.namespace import Namespace
from penstock.admin.access.oidc.provider import Provider
from penstock.admin.access.password import SHORTEST, check_password, hashed
from penstock.admin.access.permission import book_of, principal_of
from penstock.admin.access.policy import Policy, access_key
from penstock.admin.access.role import BUILT_IN, Role
from penstock.admin.conditions import ABSENT, ABSENT_ONLY, IF_MATCH, expected, tag, until_kept
from penstock.admin.json_body import read_json
from penstock.admin.operation import Operation, Schema
from penstock.admin.problem_answer import Bad
from penstock.admin.verb import Verb
from penstock.base.problem import Problem
from penstock.compiler.settings import HIDDEN
from penstock.model.resource import Settings, Text

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Subject:
    """One sort of what the book holds; `secret` is a field that is not shown."""

    sort: str
    model: type[Settings]
    known: Callable[[Policy], Mapping[str, Settings]]
    sent: type[Settings]
    secret: str = ""

    @property
    def path(self) -> str:
        """Where they are."""
        return f"/api/v1/{self.sort}s"

    def told(self, name: str, value: Settings, revision: int) -> dict[str, Any]:
        """One of them, as it may be shown."""
        data = {"name": name, **value.model_dump(mode="json"), "revision": revision}
        if self.secret in data:
            data[self.secret] = HIDDEN if data[self.secret] else ""
        return data


class ProviderSent(Provider):
    """A provider as whoever makes one sends it."""

    client_secret: Text = Field(
        HIDDEN,
        description="What the gateway shows there; stars: as it is. Empty: nothing.",
        json_schema_extra={"format": "password"},
    )


class UserSent(User):
    """A user as whoever makes one sends it."""

    password: Text = Field(
        HIDDEN,
        description=f"The password, of {SHORTEST} characters or more; stars: as it is. Empty: there is none.",
        json_schema_extra={"format": "password"},
    )


ROLES = Subject("role", Role, lambda policy: policy.roles, Role)
NAMESPACES = Subject("namespace", Namespace, lambda policy: policy.namespaces, Namespace)
USERS = Subject("user", User, lambda policy: policy.users, UserSent, "password")
PROVIDERS = Subject("provider", Provider, lambda policy: policy.providers, ProviderSent, "client_secret")


def operations_of(subject: Subject) -> tuple[Operation, ...]:
    """What can be done with one sort: list, get, put, delete."""
    sort, one = subject.sort, f"{subject.path}/{{name}}"
    missing = {404: f"There is no such {sort}."}
    changed = {
        200: "It is kept.",
        400: "It cannot be understood.",
        409: "It is still in use, or not to be changed.",
        412: "It is not what was seen.",
        415: "It is sent as something else.",
        422: "It has problems; nothing has changed.",
    }
    body: Schema = {"$ref": f"#/components/schemas/{subject.sent.__name__}"}
    many = Operation(
        "GET",
        subject.path,
        f"List {sort}s",
        _named(f"list_{sort}s", subject, _list),
        {200: "All of them."},
        verb=Verb.ADMINISTER,
    )
    getting = Operation(
        "GET",
        one,
        f"Get a {sort}",
        _named(f"get_{sort}", subject, _get),
        {200: "It.", 304: "It has the tag."} | missing,
        verb=Verb.ADMINISTER,
    )
    putting = Operation(
        "PUT",
        one,
        f"Create or replace a {sort}",
        _named(f"put_{sort}", subject, _put),
        {201: "It is made."} | changed,
        (IF_MATCH, ABSENT_ONLY),
        body=body,
        verb=Verb.ADMINISTER,
    )
    deleting = Operation(
        "DELETE",
        one,
        f"Delete a {sort}",
        _named(f"delete_{sort}", subject, _delete),
        {200: "It is gone.", 400: changed[400], 409: changed[409], 412: changed[412]} | missing,
        (IF_MATCH,),
        verb=Verb.ADMINISTER,
    )
    return many, getting, putting, deleting


async def _list(subject: Subject, request: Request) -> Response:
    policy = await book_of(request).policy()
    known = sorted(subject.known(policy).items())
    return JSONResponse(
        {"items": [subject.told(name, one, policy.revision(subject.sort, name)) for name, one in known]}
    )


async def _get(subject: Subject, request: Request) -> Response:
    name, policy = name_in(request), await book_of(request).policy()
    found, revision = existing(subject.known(policy), subject.sort, name), policy.revision(subject.sort, name)
    if request.headers.get("if-none-match") == tag(revision):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"etag": tag(revision)})
    return JSONResponse(subject.told(name, found, revision), headers={"etag": tag(revision)})


async def _put(subject: Subject, request: Request) -> Response:
    name = name_in(request)
    if subject is ROLES and name in BUILT_IN:
        raise Bad(HTTPStatus.CONFLICT, f"role {name} is always there and stays as it is; take another name")
    if subject is NAMESPACES and "." in name:
        raise Bad(HTTPStatus.BAD_REQUEST, f"{name}: the name of a namespace has no dot, or it could lie in another")
    data = await read_json(request, _JSON)
    if not isinstance(data, dict) or data.pop("name", name) != name:
        raise Bad(HTTPStatus.BAD_REQUEST, f"send one {subject.sort}, as a mapping, under its name")
    data.pop("revision", None)  # as it was told; what has to hold is said by If-Match
    return await until_kept(request, partial(_replaced, subject, request, name, data))


async def _replaced(subject: Subject, request: Request, name: str, sent: Mapping[str, Any]) -> Response:
    book, key = book_of(request), access_key(subject.sort, name)
    policy, data = await book.policy(), dict(sent)
    before = subject.known(policy).get(name)
    if subject is USERS:
        check_free(name, policy.tokens, "token")
        # Beside the loop, which has others to serve: it takes a while on purpose.
        data = await asyncio.to_thread(_with_password, data, before)
    if subject is PROVIDERS and data.get("client_secret", HIDDEN) == HIDDEN:
        data["client_secret"] = before.client_secret if isinstance(before, Provider) else ""
    value = parsed(subject.model, data)
    held: dict[str, int] = {}
    for one in (value,) if isinstance(value, Holder) else value.rights if isinstance(value, Provider) else ():
        check_rights(policy, one)
        held |= policy.rests_on(one)
    # What is kept of before, a password for one, is not to undo what somebody else does to it at the same moment.
    seen = {key: policy.revision(subject.sort, name)} | expected(request, key)
    if subject is USERS:
        held[access_key("token", name)] = ABSENT
    word = "changed" if before else "made"
    author, message = principal_of(request).author, f"{subject.sort} {name} {word}"
    change = await book.put(author, access_key(subject.sort, name), value, message, held | seen)
    request.scope["state"]["revision"] = change.revision
    status = HTTPStatus.OK if before else HTTPStatus.CREATED
    revision = (await book.policy()).revision(subject.sort, name)
    return JSONResponse(subject.told(name, value, revision), status, {"etag": tag(revision)})


async def _delete(subject: Subject, request: Request) -> Response:
    name = name_in(request)
    if subject is ROLES and name in BUILT_IN:
        raise Bad(HTTPStatus.CONFLICT, f"role {name} is always there")
    return await until_kept(request, partial(_deleted, subject, request, name))


async def _deleted(subject: Subject, request: Request, name: str) -> Response:
    book, key = book_of(request), access_key(subject.sort, name)
    policy = await book.policy()
    existing(subject.known(policy), subject.sort, name)
    check_unused(policy, subject.sort, name)
    seen = {key: policy.revision(subject.sort, name)} | expected(request, key)
    author, message = principal_of(request).author, f"{subject.sort} {name} deleted"
    change = await book.delete(author, key, message, seen)
    request.scope["state"]["revision"] = change.revision
    return JSONResponse({"revision": change.revision})


def _with_password(data: dict[str, Any], before: Settings | None) -> dict[str, Any]:
    """A user with the hash of the password that is sent; a hidden one, or none, is the one that there is."""
    given = data.get("password", HIDDEN)
    if given == HIDDEN:
        return {**data, "password": before.password if isinstance(before, User) else ""}
    if not isinstance(given, str):
        raise Bad(HTTPStatus.UNPROCESSABLE_ENTITY, "nothing was changed", [Problem(("password",), "write a text")])
    if not given:
        return data
    try:
        return {**data, "password": hashed(check_password(given))}
    except ValueError as problem:
        told = [Problem(("password",), str(problem))]
        raise Bad(HTTPStatus.UNPROCESSABLE_ENTITY, "nothing was changed", told) from None


def _named(
    name: str, subject: Subject, work: Callable[[Subject, Request], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return await work(subject, request)

    # What describes the operation calls it so.
    answer.__name__ = name
    return answer


OPERATIONS = tuple(one for subject in (ROLES, NAMESPACES, USERS, PROVIDERS) for one in operations_of(subject))
