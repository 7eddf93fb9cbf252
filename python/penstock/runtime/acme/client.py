"""Asks an authority as RFC 8555 says: each request signed, with a number used once; problems in its own words."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from penstock.model.acme import Acme, decoded_mac_key
from penstock.runtime.acme.keys import AccountKey, bound, encoded_json
from penstock.runtime.acme.transport import Answer, Failed, Transport

_MOST_NONCES = 16
"""Requests that are sent anew because their number was not taken, which authorities do in passing."""
_URN = "urn:ietf:params:acme:error:"
_GOOD = range(200, 300)
_POLL_SECONDS, _LONGEST_POLL = 1.0, 20.0
_CHAIN = "application/pem-certificate-chain"
_NOTHING: Final = ""
"""The payload of a request that only asks."""


@dataclass(slots=True)
class Client:
    """An account at an authority. Raises Failed from all of its methods."""

    acme: Acme
    key: AccountKey
    transport: Transport = field(init=False)
    _where: Mapping[str, Any] = field(default_factory=dict)
    _account: str = ""
    _nonces: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.transport = Transport(self.acme.ca)

    async def enter(self) -> None:
        """Have an account; the authority makes one where it does not know the key."""
        answer = await self.transport.ask("GET", self.acme.directory)
        if answer.status not in _GOOD:
            raise _failed(answer, "the directory cannot be read")
        self._where = answer.data
        url = self._place("newAccount")
        wanted: dict[str, Any] = {"termsOfServiceAgreed": True}
        if self.acme.email is not None:
            wanted["contact"] = [f"mailto:{self.acme.email}"]
        if (account := self.acme.account) is not None:
            mac_key = decoded_mac_key(account.key.get_secret_value())
            wanted["externalAccountBinding"] = bound(self.key.public, url, account.key_id, mac_key)
        self._account = _location(await self._send(url, wanted, "the account"))

    async def order(self, names: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
        """A new order: where it is, and what it says."""
        wanted = {"identifiers": [{"type": "dns", "value": name} for name in names]}
        answer = await self._send(self._place("newOrder"), wanted, "the order")
        return _location(answer), answer.data

    async def read(self, url: str, what: str) -> dict[str, Any]:
        """What an order or an authorization says now."""
        return (await self._send(url, None, what)).data

    async def tell(self, url: str, data: Mapping[str, Any], what: str) -> dict[str, Any]:
        """Tell something, and what it is answered with."""
        return (await self._send(url, data, what)).data

    async def chain(self, url: str) -> str:
        """A chain of certificates in PEM."""
        return (await self._send(url, None, "the certificate", _CHAIN)).text

    async def settled(self, url: str, what: str, unsettled: frozenset[str]) -> dict[str, Any]:
        """What an order or an authorization says once it has another status than those; the caller bounds the time."""
        while True:
            answer = await self._send(url, None, what)
            if str(answer.data.get("status")) not in unsettled:
                return answer.data
            await asyncio.sleep(min(max(answer.pause, _POLL_SECONDS), _LONGEST_POLL))

    async def _send(
        self, url: str, data: Mapping[str, Any] | None, what: str, accept: str = "application/json"
    ) -> Answer:
        payload = _NOTHING if data is None else encoded_json(data)
        for _ in range(_MOST_NONCES):
            head = {"nonce": await self._nonce(), "url": url}
            who = {"kid": self._account} if self._account else {"jwk": self.key.public}
            body = json.dumps(self.key.signed({**head, **who}, payload)).encode()
            answer = await self.transport.ask("POST", url, body, accept)
            if nonce := answer.fields.get("replay-nonce"):
                self._nonces.append(nonce)
            if answer.status in _GOOD:
                return answer
            problem = _failed(answer, what)
            if problem.kind != "badNonce":
                raise problem
        raise Failed(f"{what}: the authority has not taken {_MOST_NONCES} numbers that it gave")

    async def _nonce(self) -> str:
        if self._nonces:
            return self._nonces.pop()
        answer = await self.transport.ask("HEAD", self._place("newNonce"))
        nonce = answer.fields.get("replay-nonce")
        if not nonce:
            raise Failed("the authority gives no number to sign requests with")
        return nonce

    def _place(self, name: str) -> str:
        found = self._where.get(name)
        if not isinstance(found, str):
            raise Failed(f"{self.acme.directory[:80]} is no directory: it has no {name}")
        return found


def told(problem: object) -> str:
    """What an authority says is wrong, in its own words."""
    if not isinstance(problem, Mapping):
        return "no reason is given"
    whole = str(problem.get("detail") or problem.get("type") or "no reason is given")
    parts = problem.get("subproblems")
    return "; ".join([whole, *(told(one) for one in parts)]) if isinstance(parts, list) else whole


def _location(answer: Answer) -> str:
    found = answer.fields.get("location")
    if not found:
        raise Failed("the authority does not say where what it has made is")
    return found


def _failed(answer: Answer, what: str) -> Failed:
    try:
        problem = answer.data
    except Failed:
        return Failed(f"{what}: the authority answers {answer.status}", pause=answer.pause)
    kind = str(problem.get("type", "")).removeprefix(_URN)
    return Failed(f"{what}: {told(problem)} ({kind or answer.status})", kind, answer.pause)
