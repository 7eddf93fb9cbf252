"""Finds out who asks: by the socket, a token, or a session."""

import hmac
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.datastructures import Headers

from penstock.admin.access.attempts import Attempts
from penstock.admin.access.book import AccessBook
from penstock.admin.access.desk import Desk
from penstock.admin.access.holders import User
from penstock.admin.access.oidc.fetching import NotAnswered, NotGood
from penstock.admin.access.oidc.people import Missing, People, Person, looks_signed
from penstock.admin.access.password import Passwords
from penstock.admin.access.principal import Principal, Way
from penstock.admin.access.sessions.session import Session, bond_of
from penstock.admin.access.sessions.sessions import COOKIE, SECURE_COOKIE, Sessions
from penstock.admin.problem_answer import Bad

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_SITES = frozenset({"same-origin", "none", ""})


@dataclass(slots=True)
class Credentials:
    """What one gateway knows of those who ask."""

    book: AccessBook
    sessions: Sessions
    attempts: Attempts = field(default_factory=Attempts)
    passwords: Passwords = field(default_factory=Passwords)
    desk: Desk = field(default_factory=Desk)
    people: People = field(default_factory=People)

    async def find(
        self, scope: Any, headers: Headers, *, is_seen: bool = True
    ) -> tuple[Principal | None, Session | None]:
        """Whoever asks, and the session by which they do; nobody where nothing is shown.

        Raises: Bad if what is shown is not good.
        """
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        if scheme:
            if scheme.lower() != "bearer" or not shown.strip():
                raise unknown("a token is needed, as `Authorization: Bearer TOKEN`")
            return await self._by_token(shown.strip(), is_seen=is_seen)
        cookie = cookie_of(scope, headers)
        session = await self.sessions.find(cookie, is_cookie=True, is_seen=is_seen) if cookie else None
        principal = await self.of_session(session) if session else None
        if session is None or principal is None:
            return None, None
        check_origin(scope, headers)
        if scope["method"] not in _SAFE and not _is_same(headers.get("x-csrf-token", ""), session.csrf):
            raise Bad(HTTPStatus.FORBIDDEN, "send the session's `csrf` along as X-CSRF-Token")
        return principal, session

    async def _by_token(self, shown: str, *, is_seen: bool) -> tuple[Principal, Session | None]:
        found = await self.book.holder_of(shown)
        if found is not None:
            return found, None
        session = await self.sessions.find(shown, is_cookie=False, is_seen=is_seen)
        known = await self.of_session(session) if session else None
        if known is not None:
            return known, session
        person = await self._of_provider(shown) if looks_signed(shown) else None
        if person is not None:
            return (await self.book.current()).principal(person.name, person.holder, Way.BEARER), None
        # No wait: a token cannot be guessed, and whoever tries keeps nobody else out.
        raise unknown("this token is not known, or has ended")

    async def _of_provider(self, shown: str) -> Person | None:
        """Whoever a provider gave a token to.

        Raises: Bad if it cannot be asked for its keys.
        """
        providers = (await self.book.current()).providers
        try:
            return await self.people.shown(shown, providers) if providers else None
        except (NotAnswered, Missing) as problem:
            raise Bad(HTTPStatus.SERVICE_UNAVAILABLE, str(problem)) from None
        except NotGood:
            return None

    def check_wait(self, *keys: str) -> None:
        """Ask whether an attempt may be made.

        Raises: Bad if it is too early.
        """
        seconds = self.attempts.wait(*keys)
        if seconds > 0:
            whole = int(seconds) + 1
            detail = f"there were too many wrong attempts; come again in {whole} s"
            raise Bad(HTTPStatus.TOO_MANY_REQUESTS, detail, headers={"retry-after": str(whole)})

    async def of_session(self, session: Session) -> Principal | None:
        """Whoever a session is of, as they are known now."""
        policy = await self.book.current()
        who = session.who
        source = policy.providers.get(who.provider) if who.holder else policy.users.get(who.user)
        if source is None or bond_of(source) != who.bond:
            return None  # it was begun by another password, or by what a provider may not say any more
        if isinstance(source, User):
            return policy.principal(who.user, source, Way.SESSION) if source.enabled else None
        return policy.principal(who.user, who.holder, Way.SESSION) if who.holder else None


def _is_same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogateescape"), known.encode())


def check_origin(scope: Any, headers: Headers) -> None:
    """Ask whether it is a page of this gateway itself that asks, where it is a page (I5).

    Raises: Bad.
    """
    origin, own = headers.get("origin"), f"{scope.get('scheme', 'http')}://{headers.get('host', '')}"
    if (origin is not None and origin.lower() != own.lower()) or headers.get("sec-fetch-site", "") not in _SITES:
        raise Bad(HTTPStatus.FORBIDDEN, "a page of another site may not ask here")


def unknown(detail: str) -> Bad:
    """The answer to somebody who is not known."""
    return Bad(HTTPStatus.UNAUTHORIZED, detail, headers={"www-authenticate": "Bearer"})


def peer_of(scope: Any) -> str:
    """Where a request comes from: an address, or who is at the other end of a socket."""
    client = scope.get("client")
    return str(client[0]) if client else "socket"


def cookie_of(scope: Any, headers: Headers) -> str:
    """What a browser shows of its session; empty if it shows none."""
    name = SECURE_COOKIE if scope.get("scheme") == "https" else COOKIE
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""
