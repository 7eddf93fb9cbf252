"""One attempt to get a certificate, written down before it begins and when it has ended."""

import asyncio
import contextlib
import json
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from penstock.filters.native import native_catalogue
from penstock.model.acme import Acme
from penstock.runtime.acme.attempts import Attempts, Try
from penstock.runtime.acme.client import Client
from penstock.runtime.acme.keys import AccountKey, make_key
from penstock.runtime.acme.order import place_order
from penstock.runtime.acme.schedule import HOUR, retry_at
from penstock.runtime.acme.transport import Failed
from penstock.runtime.acme.wanted import Wanted
from penstock.runtime.change.ordered import ACCOUNTS, ATTEMPTS, CHALLENGES, ISSUED, Issued, challenges_text
from penstock.store import Author, Conflict, Damaged, Held, Lost, Transaction, Unavailable

if TYPE_CHECKING:
    from penstock.runtime.supervisor import Supervisor

_log = logging.getLogger("penstock")
AUTHOR = Author("penstock", "acme")
_ORDER_SECONDS = 180.0
"""Time for a whole order: authorities look at each name from several places, and take up to a minute."""
_SERVED_SECONDS = 10.0
"""Time until all nodes answer what proves a name."""
_AGAIN_SECONDS = 1.0
_AWAY = (Unavailable, Damaged)


@dataclass(slots=True)
class Trying:
    """An attempt in the name of a duty that is held."""

    supervisor: "Supervisor"
    wanted: Wanted
    held: Held
    clock: Callable[[], float]
    attempt: Try = field(init=False)
    _attempts: Attempts = field(init=False)

    def __post_init__(self) -> None:
        now, before = self.clock(), self.wanted.attempts
        self.attempt = Try(now, self.wanted.acme.names)
        failures = before.failures + 1 if before.wish == self.wanted.wish else 1
        recent = [one for one in before.tries if now - HOUR < one.at <= now]
        self._attempts = Attempts(
            self.wanted.wish,
            failures,
            retry_at(now, failures, random.random()),  # noqa: S311 - spreads, and hides nothing
            "the gateway ended meanwhile",
            (*recent, self.attempt),
        )

    async def begin(self) -> bool:
        """Write down that it is tried; false if somebody else has done so meanwhile.

        Raises: Lost; what the store raises.
        """
        key = f"{ATTEMPTS}{self.wanted.name}"
        put = {key: self._attempts.to_text()}
        message = f"certificate {self.wanted.name} is ordered"
        try:
            await self._write(Transaction(AUTHOR, put, expected={key: self.wanted.tried}, message=message))
        except Conflict:
            return False
        return True

    async def order(self) -> Issued:
        """What is issued.

        Raises: Failed, Lost.
        """
        acme = self.wanted.acme
        try:
            async with asyncio.timeout(_ORDER_SECONDS):
                client = Client(acme, AccountKey(await self._account(acme)))
                certificate, key = await place_order(client, acme, self._present)
        except TimeoutError:
            raise Failed(f"the order is not settled within {_ORDER_SECONDS:g} s") from None
        except _AWAY as problem:
            raise Failed(f"the store: {problem}") from None
        except (Failed, Lost):
            raise
        except Exception:  # noqa: BLE001 - whatever it is, it must not end what serves
            _log.exception("certificate %s", self.wanted.name)
            raise Failed("a fault of the gateway itself; its log says more") from None
        _check(certificate, key, acme)
        return Issued(certificate, key, self.wanted.wish)

    async def issued(self, issued: Issued) -> None:
        """Keep what was issued; it serves here, as a rule, when this returns.

        Raises: Lost.
        """
        done = replace(self._attempts, failures=0, next=0.0, problem="")
        put = {f"{ISSUED}{self.wanted.name}": issued.to_text(), f"{ATTEMPTS}{self.wanted.name}": done.to_text()}
        revision = await self._settle(put, f"certificate {self.wanted.name} is issued")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SERVED_SECONDS):
                await self.supervisor.applying.outcome_of(revision)

    async def failed(self, problem: Failed) -> Attempts:
        """Keep what was wrong, and when it is tried again.

        Raises: Lost.
        """
        failures = self._attempts.failures
        again = retry_at(self.clock(), failures, random.random(), problem.pause)  # noqa: S311 - as above
        done = replace(self._attempts, next=again, problem=str(problem))
        put = {f"{ATTEMPTS}{self.wanted.name}": done.to_text()}
        await self._settle(put, f"certificate {self.wanted.name} is not issued")
        return done

    async def _settle(self, put: Mapping[str, str], message: str) -> int:
        gone = frozenset({f"{CHALLENGES}{self.wanted.name}"})
        while True:
            try:
                return await self._write(Transaction(AUTHOR, put, gone, message=message))
            except _AWAY as problem:
                # What was issued is not to be lost, and not to be ordered again.
                _log.warning("%s, and that cannot be kept yet: %s", message, problem)
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _present(self, answers: Mapping[str, tuple[str, str]]) -> None:
        """Have all nodes answer what proves the names.

        Raises: Failed, Lost; what the store raises.
        """
        applying, together = self.supervisor.applying, self.supervisor.together
        put = {f"{CHALLENGES}{self.wanted.name}": challenges_text(answers)}
        revision = await self._write(Transaction(AUTHOR, put, message=f"certificate {self.wanted.name} is proven"))
        try:
            async with asyncio.timeout(_SERVED_SECONDS):
                outcome = await applying.outcome_of(revision)
        except TimeoutError:
            raise Failed(f"what proves the names is not served within {_SERVED_SECONDS:g} s") from None
        if outcome.problems:
            raise Failed(f"what proves the names is not served: {outcome.problems[0]}")
        if applying.standing is not None and together is not None:
            spread = await together.membership.spread(revision, _SERVED_SECONDS)
            if late := [*spread.waiting, *spread.refused]:
                _log.warning("certificate %s: nodes %s do not prove it", self.wanted.name, ", ".join(late))

    async def _account(self, acme: Acme) -> str:
        """The key of the account, made at the first order there."""
        bound_to = acme.account.key_id if acme.account else ""
        whole = json.dumps([acme.directory, acme.email, bound_to]).encode()
        name = f"{ACCOUNTS}{blake2b(whole, digest_size=16).hexdigest()}"
        store = self.supervisor.applying.store
        for _ in range(2):
            found = (await store.range(name)).entries.get(name)
            if found is not None:
                return str(json.loads(found.value)["key"])
            value = json.dumps({"directory": acme.directory, "email": acme.email, "key": make_key("ec256")})
            try:
                await self._write(Transaction(AUTHOR, {name: value}, expected={name: 0}, message="account for ACME"))
            except Conflict:
                continue  # another order was quicker
        raise Failed("the key of the account cannot be kept")

    async def _write(self, transaction: Transaction) -> int:
        store = self.supervisor.applying.store
        return (await store.transaction(replace(transaction, while_held=self.held))).revision


def _check(certificate: str, key: str, acme: Acme) -> None:
    """Nothing, if what came is what was ordered.

    Raises: Failed.
    """
    found = native_catalogue().check_certificate(certificate, key)
    if found.problems or found.facts is None:
        raise Failed(f"what came is no certificate for its key: {found.problems[0].message}")
    if missing := [name for name in acme.names if name not in found.facts.names]:
        raise Failed(f"what came is not for {', '.join(missing)}")
