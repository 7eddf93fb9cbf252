"""People come in with a name and a password, and go out again."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from penstock.admin.access.attempts import account_key, peer_key
from penstock.admin.access.credentials import Credentials, cookie_of, peer_of, unknown
from penstock.admin.access.desk import LARGEST, SECONDS
from penstock.admin.access.permission import principal_of
from penstock.admin.access.sessions.session import WHOLE_SECONDS, Entrant, Session, bond_of
from penstock.admin.access.sessions.sessions import COOKIE, SECURE_COOKIE
from penstock.admin.json_body import read_json
from penstock.admin.operation import TEXT, Operation, Parameter, Schema
from penstock.admin.problem_answer import Bad

_PATH = "/api/v1/session"
_LONGEST_NAME = 63


async def log_in(request: Request) -> Response:
    """A session for whoever knows a user's password: as a cookie, or as a token for the command line."""
    known, peer = credentials_of(request), peer_key(peer_of(request.scope))
    with known.desk.place(peer):
        data = await _sent(request)
        if "code" in data:
            return await _fetched(request, data)
        name, password = _name_and_password(data)
        request.scope["state"]["actor"] = name
        who = await _check(known, name, password, peer)
    is_cookie = request.query_params.get("form", "cookie") != "token"
    return begun(request, *await known.sessions.begin(who, is_cookie=is_cookie))


async def _check(known: Credentials, name: str, password: str, peer: str) -> Entrant:
    """Whoever has a password, if it is right.

    Raises: Bad if it is wrong, or too early to say.
    """
    keys = peer, account_key(name)
    async with known.passwords.turn:
        known.check_wait(*keys)
        user = (await known.book.current()).users.get(name)
        kept = user.password if user and user.enabled and user.password else None
        if not await known.passwords.check(password, kept) or user is None:
            known.attempts.failed(*keys)
            raise unknown("name or password is wrong")
        known.attempts.succeeded(*keys)
        return Entrant(name, bond_of(user))


def begun(request: Request, text: str, session: Session) -> JSONResponse:
    """The answer to somebody who has come in."""
    told: dict[str, Any] = {"name": session.user, "expires_in_seconds": int(WHOLE_SECONDS)}
    if not session.is_cookie:
        return JSONResponse({**told, "token": text}, HTTPStatus.CREATED)
    answer = JSONResponse({**told, "csrf": session.csrf}, HTTPStatus.CREATED)
    set_cookie(request, answer, text)
    return answer


def set_cookie(request: Request, answer: Response, text: str) -> None:
    """Give a browser what shows the session, where no script can read it."""
    is_secure = request.scope.get("scheme") == "https"
    answer.set_cookie(
        SECURE_COOKIE if is_secure else COOKIE,
        text,
        max_age=int(WHOLE_SECONDS),
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="strict",
    )


async def log_out(request: Request) -> Response:
    """The session ends, on this side, at all nodes."""
    session = request.scope["state"].get("session")
    if session is None:
        raise Bad(HTTPStatus.CONFLICT, f"{principal_of(request).name} has not come in by a session")
    shown = request.headers.get("authorization", "").partition(" ")[2].strip()
    await credentials_of(request).sessions.end(shown or cookie_of(request.scope, request.headers))
    answer = JSONResponse({"name": session.user})
    answer.delete_cookie(SECURE_COOKIE if request.scope.get("scheme") == "https" else COOKIE)
    return answer


def credentials_of(request: Request) -> Credentials:
    """What is known of those who ask."""
    found: Credentials = request.scope["state"]["guard"].credentials
    return found


async def _sent(request: Request) -> dict[str, Any]:
    try:
        async with asyncio.timeout(SECONDS):
            data = await read_json(request, "application/json", largest=LARGEST)
    except TimeoutError:
        raise Bad(HTTPStatus.REQUEST_TIMEOUT, "it took too long to come") from None
    return data if isinstance(data, dict) else {}


async def _fetched(request: Request, data: Mapping[str, Any]) -> Response:
    """The session of somebody who has come in by a browser, for the command that waits."""
    known = credentials_of(request)
    person = known.people.granted(str(data["code"]), str(data.get("verifier")))
    if person is None:
        raise unknown("this code is not known, or no longer")
    request.scope["state"]["actor"] = person.name
    return begun(request, *await known.sessions.begin(person.entrant, is_cookie=False))


def _name_and_password(data: Mapping[str, Any]) -> tuple[str, str]:
    name, password = data.get("name"), data.get("password")
    if not isinstance(name, str) or not isinstance(password, str) or len(name) > _LONGEST_NAME:
        raise Bad(HTTPStatus.BAD_REQUEST, "send `name` and `password`, or `code` and `verifier`")
    return name, password


def _mapping(**fields: Schema) -> Schema:
    return {"type": "object", "required": list(fields), "properties": fields}


_FORM = Parameter(
    "form", "`token`: answer with a token instead of a cookie.", {"type": "string", "enum": ["cookie", "token"]}
)
OPERATIONS = (
    Operation(
        "POST",
        _PATH,
        "Come in with a name and a password",
        log_in,
        {
            201: "A session.",
            400: "It cannot be understood.",
            401: "Name or password is wrong.",
            403: "A page of another site asks.",
            408: "It took too long to come.",
            413: "It is too large.",
            415: "It is sent as something else.",
            429: "There were too many wrong attempts; `Retry-After` says how long to wait.",
        },
        (_FORM,),
        body={
            "anyOf": [
                _mapping(name={"type": "string", "maxLength": _LONGEST_NAME}, password=TEXT),
                _mapping(code=TEXT, verifier=TEXT),
            ]
        },
        is_open=True,
        verb=None,
    ),
    Operation(
        "DELETE",
        _PATH,
        "End the session by which one asks",
        log_out,
        {
            200: "It is good for nothing from now on.",
            409: "One asks by a token of another sort.",
            503: "It has ended here, and other nodes cannot be told.",
        },
        verb=None,
        is_scoped=True,
    ),
)
