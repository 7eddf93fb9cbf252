"""Leases within one process, for stores that no other process writes to."""

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from penstock.base.waiting import comes
from penstock.store.entry import Conflict, Lost
from penstock.store.holding import Held, Lease


def _first_fence() -> int:
    # After a restart fences go on from beyond those of earlier lives.
    return time.time_ns() // 1000


@dataclass(slots=True)
class Leases:
    """What is held, and until when. Time is that of `clock`, in seconds, which nobody sets."""

    clock: Callable[[], float] = time.monotonic
    _ends: dict[int, float] = field(default_factory=dict)
    _held: dict[str, Held] = field(default_factory=dict)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _fences: "itertools.count[int]" = field(default_factory=lambda: itertools.count(_first_fence()))
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def grant(self, seconds: float) -> Lease:
        """A new lease."""
        lease = Lease(next(self._ids), seconds)
        self._ends[lease.id] = self.clock() + seconds
        self._tell()
        return lease

    def keep_alive(self, lease: Lease) -> None:
        """Renew a lease.

        Raises: Lost.
        """
        self._expire()
        if lease.id not in self._ends:
            raise Lost("the lease has run out")
        self._ends[lease.id] = self.clock() + lease.seconds

    def revoke(self, lease: Lease) -> None:
        """End a lease, with all that is held by it."""
        self._ends.pop(lease.id, None)
        self._expire()

    def hold(self, key: str, value: str, lease: Lease, fence: int | None) -> Held:
        """Hold a key, with a new fence.

        Raises: Conflict, Lost.
        """
        self._expire()
        if lease.id not in self._ends:
            raise Lost("the lease has run out")
        before = self._held.get(key)
        found = before.fence if before else 0
        if fence is not None and fence != found:
            raise Conflict(key, fence, found)
        self._held[key] = Held(key, value, lease.id, next(self._fences))
        self._tell()
        return self._held[key]

    def held(self, prefix: str) -> Mapping[str, Held]:
        """What is held under a prefix."""
        self._expire()
        return {key: held for key, held in sorted(self._held.items()) if key.startswith(prefix)}

    def check(self, held: Held | None) -> None:
        """Nothing, if it is still held.

        Raises: Lost.
        """
        self._expire()
        if held is not None and self._held.get(held.key) != held:
            raise Lost(f"{held.key} is no longer held")

    async def news(self, prefix: str, known: Mapping[str, Held]) -> Mapping[str, Held]:
        """What is held under a prefix, as soon as it differs from what is known."""
        while True:
            news = self._news
            found = self.held(prefix)
            if found != known:
                return found
            seconds = min(self._ends.values(), default=None)
            await comes(news, None if seconds is None else max(seconds - self.clock(), 0.001))

    def _expire(self) -> None:
        now = self.clock()
        self._ends = {lease: end for lease, end in self._ends.items() if end > now}
        gone = [key for key, held in self._held.items() if held.lease not in self._ends]
        for key in gone:
            del self._held[key]
        if gone:
            self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
