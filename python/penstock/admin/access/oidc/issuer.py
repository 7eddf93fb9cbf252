"""What is known of an OpenID provider, and its tokens checked: signature, issuer, audience, time."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from penstock.admin.access.oidc.fetching import NotAnswered, NotGood, fetch
from penstock.admin.access.oidc.provider import CALLBACK, Provider

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""With two keys each: what is signed with a shared secret, or not at all, is nobody's."""
_KEPT_SECONDS = 600.0
_LEAST_SECONDS = 10.0
"""Between two looks for a key: else whoever sends unknown names of keys would have the provider asked each time."""
_LEEWAY_SECONDS = 30.0
_MOST_KEYS = 100
_MOST_AT_ONCE = 2
_MOST_WAITING = 16
"""Strangers have a provider asked: one that is slow is not to keep all threads and connections of a gateway busy."""
_SILENT_SECONDS = 2.0
"""Time for which one that did not answer is not asked again."""


@dataclass(slots=True)
class Issuer:
    """One provider: where its ends are, and with which keys it signs."""

    provider: Provider
    _ends: dict[str, Any] = field(default_factory=dict)
    _keys: dict[str, jwt.PyJWK] = field(default_factory=dict)
    _fetched: float = float("-inf")
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _asking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MOST_AT_ONCE))
    _waiting: int = 0
    _queued: int = 0
    _silent_until: float = float("-inf")

    async def end(self, name: str) -> str:
        """Where one of its ends is, such as `token_endpoint`.

        Raises: NotAnswered.
        """
        if not self._ends:
            place = f"{self.provider.issuer.rstrip('/')}/.well-known/openid-configuration"
            found = await self._asked(place)
            if found.get("issuer") != self.provider.issuer:
                raise NotAnswered(f"{place} is of another issuer")
            self._ends = found
        told = self._ends.get(name)
        if not isinstance(told, str):
            raise NotAnswered(f"{self.provider.issuer} has no {name}")
        return told

    async def claims(self, token: str, audience: str) -> dict[str, Any]:
        """What a token says, if it is good.

        Raises: NotGood; NotAnswered where the keys cannot be had.
        """
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise NotGood("it is no token of an OpenID provider") from None
        key = await self._key(header)
        try:
            # No type of key but its own: one that is public is not to be taken for a shared secret.
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[one for one in _ALGORITHMS if one == header.get("alg")] or ["none-of-them"],
                audience=audience,
                issuer=self.provider.issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "sub", "iss", "aud"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError, NotImplementedError) as problem:
            raise NotGood(f"it is not good: {type(problem).__name__}") from None
        if claims.get("azp", self.provider.client_id) != self.provider.client_id and isinstance(claims["aud"], list):
            raise NotGood("it is for somebody else")
        return claims

    async def exchange(self, code: str, verifier: str) -> str:
        """The token that tells who somebody is, for the code that a browser brought.

        Raises: NotAnswered.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": f"{self.provider.url.rstrip('/')}{CALLBACK}",
            "client_id": self.provider.client_id,
            "code_verifier": verifier,
        }
        if self.provider.client_secret:
            form["client_secret"] = self.provider.client_secret
        answer = await self._asked(await self.end("token_endpoint"), form)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise NotAnswered("the provider does not tell who it is")
        return token

    async def check_answered(self, by: str | None) -> None:
        """Ask whether an answer that a browser brings is this provider's: another's code is not to be shown to it.

        Raises: NotGood, NotAnswered.
        Source: RFC 9207.
        """
        await self.end("issuer")
        is_named = self._ends.get("authorization_response_iss_parameter_supported") is True
        if (by is not None or is_named) and by != self.provider.issuer:
            raise NotGood("it is another's answer")

    async def _asked(self, url: str, form: Mapping[str, str] | None = None) -> dict[str, Any]:
        if time.monotonic() < self._silent_until or self._waiting >= _MOST_WAITING:
            raise NotAnswered(f"{self.provider.issuer} does not answer at the moment")
        self._waiting += 1
        try:
            async with self._asking:
                return await asyncio.to_thread(fetch, url, form)
        except NotAnswered as problem:
            if problem.is_silent:
                self._silent_until = time.monotonic() + _SILENT_SECONDS
            raise
        finally:
            self._waiting -= 1

    async def _key(self, header: Mapping[str, Any]) -> jwt.PyJWK:
        name = str(header.get("kid", ""))
        if self._queued >= _MOST_WAITING:
            raise NotAnswered(f"{self.provider.issuer} does not tell its keys at the moment")
        self._queued += 1
        try:
            await self._renew_keys(name)
        finally:
            self._queued -= 1
        key = self._keys.get(name) or (next(iter(self._keys.values())) if len(self._keys) == 1 and not name else None)
        if key is None:
            raise NotGood("it is signed with a key that the provider does not have")
        return key

    async def _renew_keys(self, name: str) -> None:
        async with self._turn:
            age = time.monotonic() - self._fetched
            if age > _KEPT_SECONDS or (name not in self._keys and age > _LEAST_SECONDS):
                await self._fetch_keys()

    async def _fetch_keys(self) -> None:
        self._fetched = time.monotonic()
        try:
            found = await self._asked(await self.end("jwks_uri"))
        except NotAnswered:
            if not self._keys:
                raise
            return  # the keys that are known are good for a while longer
        keys = found.get("keys")
        known: dict[str, jwt.PyJWK] = {}
        for one in keys[:_MOST_KEYS] if isinstance(keys, list) else ():
            if isinstance(one, dict) and one.get("use", "sig") == "sig" and one.get("kty") != "oct":
                try:
                    known[str(one.get("kid", ""))] = jwt.PyJWK(one)
                except (jwt.PyJWTError, ValueError, TypeError):
                    continue  # of a kind that is not known here
        self._keys = known
