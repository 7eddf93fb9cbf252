"""The way of a browser: to the provider, and back with a code."""

import re
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from penstock.admin.access.attempts import peer_key
from penstock.admin.access.checks import existing, name_in
from penstock.admin.access.credentials import peer_of
from penstock.admin.access.login import credentials_of, set_cookie
from penstock.admin.access.oidc.fetching import NotAnswered, NotGood
from penstock.admin.access.oidc.people import Missing, Terminal
from penstock.admin.access.oidc.provider import CALLBACK
from penstock.admin.operation import Operation, Parameter, number
from penstock.admin.problem_answer import Bad

_COOKIE, _SECURE_COOKIE = "penstock_coming", "__Host-penstock_coming"
"""Over TLS one that no site beside this one can have set: who comes in is whoever went out from here."""
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_LOWEST_PORT, _HIGHEST_PORT = 1024, 65_535


async def log_in_at(request: Request) -> Response:
    """A browser goes to the provider."""
    known = credentials_of(request)
    name = name_in(request)
    provider = existing((await known.book.current()).providers, "provider", name)
    try:
        with known.desk.place(peer_key(peer_of(request.scope))):
            place, browser = await known.people.send(name, provider, _terminal(request))
    except (NotAnswered, Missing) as problem:
        raise Bad(HTTPStatus.SERVICE_UNAVAILABLE, str(problem)) from None
    answer = RedirectResponse(place, HTTPStatus.SEE_OTHER)
    # Sent along when the provider leads back here, which `strict` would not be.
    is_secure, name = request.scope.get("scheme") == "https", _cookie(request)
    answer.set_cookie(name, browser, max_age=600, path="/", secure=is_secure, httponly=True, samesite="lax")
    return answer


async def come_back(request: Request) -> Response:
    """A browser comes back: whoever it is has a session then."""
    known, state = credentials_of(request), request.scope["state"]
    state["is_act"] = True
    query = request.query_params
    coming = known.people.taken(query.get("state", ""), request.cookies.get(_cookie(request), ""))
    provider = (await known.book.current()).providers.get(coming.provider) if coming else None
    if coming is None or provider is None:
        raise Bad(HTTPStatus.FORBIDDEN, "this way in was not begun by this browser, or too long ago; begin again")
    if "code" not in query:
        raise Bad(HTTPStatus.FORBIDDEN, "the provider does not let in")
    try:
        with known.desk.place(peer_key(peer_of(request.scope))):
            person = await known.people.met(coming, provider, query["code"], query.get("iss"))
    except NotAnswered as problem:
        raise Bad(HTTPStatus.SERVICE_UNAVAILABLE, str(problem)) from None
    except NotGood as problem:
        raise Bad(HTTPStatus.FORBIDDEN, f"what the provider tells: {problem}") from None
    if person is None:
        raise Bad(HTTPStatus.FORBIDDEN, "the provider knows you, and nobody here has said what you may do")
    state["actor"] = person.name
    if coming.terminal is not None:
        code = known.people.grant(person, coming.terminal)
        return RedirectResponse(f"http://127.0.0.1:{coming.terminal.port}/?code={code}", HTTPStatus.SEE_OTHER)
    text, _ = await known.sessions.begin(person.entrant, is_cookie=True)
    answer = PlainTextResponse(f"{person.name} has come in\n")
    set_cookie(request, answer, text)
    answer.delete_cookie(_cookie(request), secure=request.scope.get("scheme") == "https", httponly=True)
    return answer


def _cookie(request: Request) -> str:
    return _SECURE_COOKIE if request.scope.get("scheme") == "https" else _COOKIE


def _terminal(request: Request) -> Terminal | None:
    """The command that sends the browser, if one does.

    Raises: Bad.
    """
    port, challenge = number(request, "port", 0), request.query_params.get("challenge", "")
    if not port and not challenge:
        return None
    if not _LOWEST_PORT <= port <= _HIGHEST_PORT or not _CHALLENGE.fullmatch(challenge):
        raise Bad(HTTPStatus.BAD_REQUEST, "a command sends its `port` and a `challenge`")
    return Terminal(port, challenge)


_AWAY = {429: "Too many are coming in at the moment.", 503: "The provider does not answer."}
OPERATIONS = (
    Operation(
        "GET",
        CALLBACK,
        "Come back from a provider",
        come_back,
        {200: "A session, as a cookie.", 303: "To the command that waits.", 403: "Whoever comes may not come in."}
        | _AWAY,
        (
            Parameter("state", "What the browser was sent with."),
            Parameter("code", "What the provider gave it."),
            Parameter("iss", "Who the provider is."),
        ),
        is_open=True,
        verb=None,
    ),
    Operation(
        "GET",
        "/api/v1/login/{name}",
        "Come in by an OpenID provider",
        log_in_at,
        {303: "To the provider.", 400: "It is no name.", 404: "There is no such provider."} | _AWAY,
        (
            Parameter("port", "Port on loopback at which a command waits.", {"type": "integer"}),
            Parameter("challenge", "SHA-256 of what the command shows when it fetches the session."),
        ),
        is_open=True,
        verb=None,
    ),
)
