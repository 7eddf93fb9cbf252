"""This node among those that share its store: it tells how it is by a lease, and hears how the others are."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from penstock.base.waiting import comes
from penstock.runtime.members.member import Member, read_member
from penstock.store import Conflict, Damaged, Held, Lease, Lost, Store, Unavailable

_log = logging.getLogger("penstock")
_PREFIX = "members/"
_LEASE_SECONDS = 6.0
"""Time after which a node that is heard of no more is no member; an election of etcd's leader takes less."""
_RENEW_SECONDS = 1.5
_AGAIN_SECONDS = 0.5
_NAMESAKE_SECONDS = 5.0
_AWAY = (Unavailable, Damaged)


async def members_of(store: Store) -> dict[str, Member]:
    """The nodes that share a store and are there.

    Raises: Unavailable, Damaged.
    """
    held = await store.held(_PREFIX)
    names = {key.removeprefix(_PREFIX): one.value for key, one in held.items()}
    return {name: read_member(name, text) for name, text in names.items()}


@dataclass(frozen=True, slots=True)
class Spread:
    """How far a revision has come: the nodes that run it, those that refuse it and why, those not heard of in time."""

    applied: tuple[str, ...]
    refused: Mapping[str, tuple[str, ...]]
    waiting: tuple[str, ...]

    @property
    def is_everywhere(self) -> bool:
        """Whether all live nodes run it."""
        return not self.refused and not self.waiting


@dataclass(slots=True)
class Membership:
    """Keeps this node a member. `own` says how it is; `heard` is called whenever the others are otherwise."""

    store: Store
    own: Callable[[], Member]
    heard: Callable[[], None] = lambda: None
    members: Mapping[str, Member] = field(default_factory=dict)
    """Those who are there, this node among them, as the store told last."""
    lease: Lease | None = None
    until: float = 0.0
    """The time of the monotonic clock up to which the lease is known to last."""
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def keep(self) -> None:
        """Be a member, and hear of the others, until this is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._stay())
            group.create_task(self._hear())

    def tell(self) -> None:
        """Tell the others soon how this node is."""
        self._news.set()

    @property
    def is_certain(self) -> bool:
        """Whether this node is a member for sure, by its own clock."""
        return self.lease is not None and time.monotonic() < self.until

    async def leave(self) -> None:
        """Be no member any more; where the store does not answer, the lease runs out."""
        lease, self.lease = self.lease, None
        if lease is not None:
            with contextlib.suppress(*_AWAY, Lost, TimeoutError):
                async with asyncio.timeout(1.0):
                    await self.store.revoke(lease)

    async def joined(self) -> Lease:
        """The lease of this node, as soon as it has one that lasts."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.is_certain)
        assert self.lease is not None  # noqa: S101 - what was waited for
        return self.lease

    async def ended(self, lease: Lease) -> None:
        """Return when a lease is another, or may have run out by this node's clock."""
        while self.lease == lease and self.is_certain:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(self.until - time.monotonic(), 0.01)), self._changed:
                    await self._changed.wait()

    async def look(self) -> Mapping[str, Member]:
        """Those who are there, as the store knows by now.

        Raises: Unavailable, Damaged.
        """
        # One after the other: what was read later is never replaced by what was read before.
        async with self._looking:
            self.members = found = await members_of(self.store)
        await self._notify()
        return found

    async def spread(self, revision: int, seconds: float) -> Spread:
        """How far a revision has come, once all live nodes have settled it or the time is over."""
        await self._wait_for(lambda: all(one.has_settled(revision) for one in self._all), seconds)
        refused = {one.name: one.problems for one in self._all if one.applied < revision <= one.refused}
        applied = tuple(one.name for one in self._all if one.applied >= revision)
        waiting = tuple(one.name for one in self._all if not one.has_settled(revision))
        return Spread(applied, refused, waiting)

    async def one_by_one(self, revision: int, seconds: float) -> Spread:
        """How far a revision has come that nodes apply in turn: a refusal ends the waiting."""

        def is_over() -> bool:
            is_refused = any(one.applied < revision <= one.refused for one in self._all)
            return is_refused or all(one.has_settled(revision) for one in self._all)

        await self._wait_for(is_over, seconds)
        return await self.spread(revision, 0)

    async def _wait_for(self, is_over: Callable[[], bool], seconds: float) -> None:
        """Return when something holds of the members, or the time is over; who has just come is one of them."""
        with contextlib.suppress(TimeoutError, *_AWAY):
            async with asyncio.timeout(seconds):
                await self.look()
                async with self._changed:
                    await self._changed.wait_for(is_over)

    @property
    def _all(self) -> list[Member]:
        """The members by name; of this one the latest."""
        mine = self.own()
        return [found for _, found in sorted({**self.members, mine.name: mine}.items())]

    async def _stay(self) -> None:
        while True:
            try:
                await self._be_member()
            except Conflict:
                text = "another node is called %s; until it is gone, or this one has another --node, this is no member"
                _log.error(text, self.own().name)
                await asyncio.sleep(_NAMESAKE_SECONDS)
            except (*_AWAY, Lost):
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _be_member(self) -> None:
        """Hold this node's key for as long as its lease lasts.

        Raises: Conflict if somebody else holds it; Lost, Unavailable.
        """
        asked = time.monotonic()
        lease = await self.store.grant(_LEASE_SECONDS)
        mine = self.own()
        text = mine.to_text()
        held = await self._take(mine, text, lease)
        while True:
            # From before it was asked for: whoever renews late may believe too little, never too much.
            self.lease, self.until = lease, asked + lease.seconds
            await self._notify()
            await comes(self._news, _RENEW_SECONDS)
            self._news.clear()
            asked = await self._renew(lease, asked)
            if (now := self.own().to_text()) != text:
                held = await self.store.hold(held.key, now, lease, held.fence)
                text = now

    async def _renew(self, lease: Lease, asked: float) -> float:
        now = time.monotonic()
        try:
            await self.store.keep_alive(lease)
        except _AWAY:
            # It lasts for a while, in which the store may come back.
            await asyncio.sleep(_AGAIN_SECONDS)
            return asked
        return now

    async def _take(self, mine: Member, text: str, lease: Lease) -> Held:
        key = f"{_PREFIX}{mine.name}"
        try:
            return await self.store.hold(key, text, lease, 0)
        except Conflict:
            found = (await self.store.held(key)).get(key)
            if found is not None and read_member(mine.name, found.value).id != mine.id:
                await self.store.revoke(lease)
                raise
            # An earlier life of this node, whose lease has not run out yet.
            return await self.store.hold(key, text, lease, found.fence if found else 0)

    async def _hear(self) -> None:
        while True:
            try:
                async for _ in self.store.watch_held(_PREFIX):
                    await self.look()
                    self.heard()
            except _AWAY:
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()
