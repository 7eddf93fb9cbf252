"""The book of who may do what: what the store holds of it, looked up with every request."""

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from penstock.admin.access.holders import Token as Issued
from penstock.admin.access.holders import digest
from penstock.admin.access.last_used import LastUsed
from penstock.admin.access.policy import Policy, read_policy
from penstock.admin.access.principal import FIRST, Principal, Way
from penstock.admin.problem_answer import Bad
from penstock.admin.token import Token
from penstock.model.resource import Settings
from penstock.runtime.change.standing import Applied, Standing
from penstock.runtime.supervisor import Supervisor
from penstock.store import Author, Change, Damaged, Snapshot, Transaction, Unavailable

_PATIENCE_SECONDS = 2.0
"""Time for a shared store to answer, where something is known of it. Whether it is away is found out elsewhere."""


@dataclass(slots=True)
class AccessBook:
    """Who may do what at one gateway. `first` is the token that a first start tells."""

    supervisor: Supervisor
    first: Token | None = None
    used: LastUsed = field(init=False)
    _policy: Policy = field(default_factory=Policy)
    _seen: Snapshot | None = None
    _kept: tuple[Applied, Snapshot] | None = None

    def __post_init__(self) -> None:
        self.used = LastUsed(self.supervisor.launch.folder.tokens_used)

    async def policy(self) -> Policy:
        """What holds now; what held last where the store cannot be read at the moment."""
        standing = self.supervisor.applying.standing
        if standing is None:
            with contextlib.suppress(Unavailable, Damaged):
                self._see(await self.supervisor.applying.store.range())
            return self._policy
        found = None if standing.absence or standing.older else await self._found(standing)
        if found is not None:
            self._see(found)
        elif standing.applied is not None and self._is_behind(standing.applied):
            self._see(self._snapshot(standing.applied))
        return self._policy

    async def current(self) -> Policy:
        """What holds now, to let somebody in by.

        Raises: Bad where it is known from so long ago that somebody may have been put out since.
        """
        policy, standing = await self.policy(), self.supervisor.applying.standing
        most = self.supervisor.launch.settings.access_seconds
        if standing is not None and standing.age_seconds > most:
            detail = (
                f"who may do what was last heard of {standing.age_seconds:.0f} s ago, and counts for {most:g} s "
                "(--access-age); until the store is there again, ask on the machine itself, without --server"
            )
            raise Bad(HTTPStatus.SERVICE_UNAVAILABLE, detail)
        return policy

    async def _found(self, standing: Standing) -> Snapshot | None:
        """What a shared store holds, if it answers soon and holds no older data."""
        applying = self.supervisor.applying
        is_known = self._seen is not None or standing.applied is not None
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS if is_known else None):
                found = await applying.store.range()
                if found is self._seen or not await standing.found_older(applying.store, found):
                    return found
        except (Unavailable, Damaged, TimeoutError):
            pass
        applying.look_again()
        return None

    def _is_behind(self, applied: Applied) -> bool:
        return self._seen is None or self._seen.revision <= applied.rights

    def _snapshot(self, applied: Applied) -> Snapshot:
        if self._kept is None or self._kept[0] is not applied:
            self._kept = applied, Snapshot(applied.rights, applied.entries)
        return self._kept[1]

    def _see(self, snapshot: Snapshot) -> None:
        if snapshot is not self._seen:
            self._policy, self._seen = read_policy(snapshot), snapshot

    async def holder_of(self, text: str) -> Principal | None:
        """Whoever has a token, if it is good.

        Raises: Bad where that is known from too long ago.
        """
        if self.first is not None and self.first.matches(text):
            return FIRST
        known = digest(text)
        policy = await self.current()
        name = policy.by_digest.get(known)
        if name is None or has_expired(policy.tokens[name]):
            return None
        if self.used.note(known):
            await asyncio.to_thread(self.used.write)
        return policy.principal(name, policy.tokens[name], Way.TOKEN)

    async def put(self, author: Author, key: str, value: Settings, message: str, expected: Mapping[str, int]) -> Change:
        """Keep something, in a revision of its own, where what it rests on is as it was seen.

        Raises: Conflict; what the store raises.
        """
        text = json.dumps(value.model_dump(mode="json", exclude_defaults=True), sort_keys=True)
        return await self._write(Transaction(author, {key: text}, expected=expected, message=message))

    async def delete(self, author: Author, key: str, message: str, expected: Mapping[str, int]) -> Change:
        """Keep it no longer.

        Raises: Conflict; what the store raises.
        """
        return await self._write(Transaction(author, {}, frozenset({key}), expected=expected, message=message))

    async def _write(self, transaction: Transaction) -> Change:
        store, standing = self.supervisor.applying.store, self.supervisor.applying.standing
        if standing is not None:
            standing.check_writable()
        return await store.transaction(transaction)


def has_expired(token: Issued) -> bool:
    """Whether the time of a token is over."""
    return token.expires is not None and token.expires <= time.time()
