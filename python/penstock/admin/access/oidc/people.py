"""People who come in by providers: those who are on their way, and tokens that providers gave to programs."""

import base64
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from penstock.admin.access.holders import Holder
from penstock.admin.access.oidc.fetching import NotGood
from penstock.admin.access.oidc.provider import CALLBACK, Provider
from penstock.admin.access.sessions.session import Entrant, bond_of

if TYPE_CHECKING:
    from penstock.admin.access.oidc.issuer import Issuer

_MOST_COMING = 1_000
_COMING_SECONDS = 600.0
_GRANTED_SECONDS = 60.0


class Missing(Exception):  # noqa: N818 - says what is the case
    """What checks tokens is not installed."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """A command that waits for its user to come in by a browser, on a port of the machine that both are on.

    Shape: `challenge` is the hash of what only the command knows, as in RFC 7636.
    """

    port: int
    challenge: str


@dataclass(frozen=True, slots=True)
class Coming:
    """Somebody whom a browser has taken to the provider, on behalf of a command if there is one."""

    provider: str
    verifier: str
    nonce: str
    browser: str
    until: float
    terminal: Terminal | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom a provider knows, and what they may do."""

    name: str
    holder: Holder
    provider: str
    bond: str

    @property
    def entrant(self) -> Entrant:
        """As they come in."""
        return Entrant(self.name, self.bond, self.provider, self.holder)


@dataclass(slots=True)
class People:
    """The providers of one gateway, with what is known of them."""

    _issuers: "dict[str, Issuer]" = field(default_factory=dict)
    _coming: dict[str, Coming] = field(default_factory=dict)
    _granted: dict[str, tuple[Person, Terminal, float]] = field(default_factory=dict)

    async def send(self, name: str, provider: Provider, terminal: Terminal | None = None) -> tuple[str, str]:
        """Where a browser goes to come in, and what it has to bring back to be known as the same.

        Raises: NotAnswered, Missing.
        """
        end = await self._issuer(name, provider).end("authorization_endpoint")
        state, verifier, nonce, browser = (secrets.token_urlsafe(32) for _ in range(4))
        now = time.monotonic()
        self._coming = {key: one for key, one in self._coming.items() if one.until > now}
        if len(self._coming) >= _MOST_COMING:
            del self._coming[next(iter(self._coming))]
        self._coming[state] = Coming(name, verifier, nonce, browser, now + _COMING_SECONDS, terminal)
        query = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": f"{provider.url.rstrip('/')}{CALLBACK}",
            "scope": " ".join(provider.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        return f"{end}{'&' if '?' in end else '?'}{urlencode(query)}", browser

    def taken(self, state: str, browser: str) -> Coming | None:
        """Who was on their way, if it is the same browser and not too late; once."""
        found = self._coming.pop(state, None)
        is_same = found is not None and secrets.compare_digest(found.browser.encode(), browser.encode())
        return found if found is not None and is_same and found.until > time.monotonic() else None

    def grant(self, person: Person, terminal: Terminal) -> str:
        """What a command fetches a session of somebody with; once, and soon."""
        now, code = time.monotonic(), secrets.token_urlsafe(32)
        self._granted = {key: one for key, one in self._granted.items() if one[2] > now}
        if len(self._granted) >= _MOST_COMING:
            del self._granted[next(iter(self._granted))]
        self._granted[code] = (person, terminal, now + _GRANTED_SECONDS)
        return code

    def granted(self, code: str, verifier: str) -> Person | None:
        """Whoever a command waits for, if it is the one that began."""
        person, terminal, until = self._granted.pop(code, (None, None, 0.0))
        if terminal is None or until < time.monotonic():
            return None
        return person if secrets.compare_digest(challenge_of(verifier), terminal.challenge) else None

    async def met(self, coming: Coming, provider: Provider, code: str, answered_by: str | None) -> Person | None:
        """Whoever comes back with a code; nobody where the provider's rights say nothing of them.

        `answered_by` is the issuer that the answer names, if it names one.

        Raises: NotAnswered, NotGood, Missing.
        """
        issuer = self._issuer(coming.provider, provider)
        await issuer.check_answered(answered_by)
        claims = await issuer.claims(await issuer.exchange(code, coming.verifier), provider.client_id)
        if not secrets.compare_digest(str(claims.get("nonce", "")).encode(), coming.nonce.encode()):
            raise NotGood("it is of another time")
        return _person(coming.provider, provider, claims)

    async def shown(self, token: str, providers: Mapping[str, Provider]) -> Person | None:
        """Whoever a provider gave a token to.

        Raises: NotAnswered, NotGood, Missing.
        """
        issuer = _issuer_in(token)
        found = next(((name, one) for name, one in providers.items() if one.issuer == issuer), None)
        if found is None:
            return None
        name, provider = found
        claims = await self._issuer(name, provider).claims(token, provider.audience or provider.client_id)
        return _person(name, provider, claims)

    def _issuer(self, name: str, provider: Provider) -> "Issuer":
        try:
            from penstock.admin.access.oidc.issuer import Issuer  # noqa: PLC0415 - only where there is a provider
        except ImportError:
            raise Missing("install penstock[oidc] to let people come in by a provider") from None
        known = self._issuers.get(name)
        if known is None or known.provider != provider:
            known = self._issuers[name] = Issuer(provider)
        return known


def challenge_of(verifier: str) -> str:
    """What may be shown beforehand of something that is shown later."""
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def looks_signed(text: str) -> bool:
    """Whether a token may be one of a provider, and none of ours."""
    return text.startswith("eyJ") and text.count(".") == 2  # noqa: PLR2004 - head, claims, signature


def _issuer_in(token: str) -> str:
    """What a token says of its issuer, which is not to be believed yet."""
    try:
        content = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(content + "=" * (-len(content) % 4)))
    except (ValueError, RecursionError):
        return ""
    return str(claims.get("iss", "")) if isinstance(claims, dict) else ""


def _person(name: str, provider: Provider, claims: Mapping[str, Any]) -> Person | None:
    holder = provider.holder(claims)
    return Person(provider.name_of(claims, name), holder, name, bond_of(provider)) if holder else None
