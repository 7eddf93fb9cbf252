"""One order from its beginning to the certificate: names are proven, a key is made, the chain is fetched."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.model.acme import Acme
from penstock.runtime.acme.client import Client, told
from penstock.runtime.acme.keys import make_key, signing_request
from penstock.runtime.acme.transport import Failed, apart
from penstock.runtime.change.ordered import TOKEN

_PENDING = frozenset({"pending", "processing"})
_READY = frozenset({"ready"})
Present = Callable[[Mapping[str, tuple[str, str]]], Awaitable[None]]
"""Has hosts answer at tokens: the token and the answer of each. Returns once they do."""


@dataclass(frozen=True, slots=True)
class Proof:
    """How one name is proven: where that is asked for, where it is told that it may be looked at, and the token."""

    host: str
    authorization: str
    challenge: str
    token: str


async def place_order(client: Client, acme: Acme, present: Present) -> tuple[str, str]:
    """A chain of certificates and its private key, both in PEM; the caller bounds the time.

    Raises: Failed, and what `present` raises.
    """
    await client.enter()
    url, order = await client.order(acme.names)
    proofs = [proof for place in _list(order, "authorizations") if (proof := await _asked(client, str(place)))]
    _check_proofs(proofs, acme)
    if proofs:
        await present({one.host: (one.token, client.key.proof(one.token)) for one in proofs})
        for one in proofs:
            await client.tell(one.challenge, {}, one.host)
        for one in proofs:
            _check(one.host, await client.settled(one.authorization, one.host, _PENDING))
    order = await client.settled(url, "the order", _PENDING)
    if order.get("status") != "ready":
        raise Failed(f"the order: {told(order.get('error'))}")
    key = await apart(lambda: make_key(acme.key_type))
    await client.tell(_text(order, "finalize"), {"csr": signing_request(key, acme.names)}, "the order")
    order = await client.settled(url, "the order", _PENDING | _READY)
    if order.get("status") != "valid":
        raise Failed(f"the order: {told(order.get('error'))}")
    return await client.chain(_text(order, "certificate")), key


async def _asked(client: Client, place: str) -> Proof | None:
    """How a name is to be proven; nothing where it is proven already."""
    found = await client.read(place, "a name")
    host = str((found.get("identifier") or {}).get("value"))
    if found.get("status") == "valid":
        return None
    if found.get("status") != "pending":
        raise Failed(f"{host}: the authority holds it for {str(found.get('status'))[:40]}")
    for challenge in _list(found, "challenges"):
        if isinstance(challenge, Mapping) and challenge.get("type") == "http-01":
            return Proof(host, place, _text(challenge, "url"), _text(challenge, "token"))
    raise Failed(f"{host}: the authority lets nobody prove it by http-01")


def _check_proofs(proofs: Sequence[Proof], acme: Acme) -> None:
    """Nothing, if nothing else is to be answered for than what was ordered, nor anywhere else than authorities ask."""
    for one in proofs:
        if one.host not in acme.names:
            raise Failed(f"the authority asks for {one.host[:80]!r}, which was not ordered")
        if not TOKEN.fullmatch(one.token):
            raise Failed(f"{one.host}: the authority asks at {one.token[:80]!r}, which is no token")


def _check(host: str, authorization: Mapping[str, Any]) -> None:
    if authorization.get("status") == "valid":
        return
    errors = [one.get("error") for one in _list(authorization, "challenges") if isinstance(one, Mapping)]
    raise Failed(f"{host}: {told(next(filter(None, errors), None))}")


def _list(data: Mapping[str, Any], name: str) -> list[Any]:
    found = data.get(name)
    if not isinstance(found, list):
        raise Failed(f"the authority says nothing of {name}")
    return found


def _text(data: Mapping[str, Any], name: str) -> str:
    found = data.get(name)
    if not isinstance(found, str):
        raise Failed(f"the authority says nothing of {name}")
    return found
