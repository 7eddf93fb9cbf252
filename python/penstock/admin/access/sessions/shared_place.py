"""Sessions of nodes that share a store: keys that are held there, each by a lease that ends with it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from penstock.admin.access.sessions.place import Place
from penstock.admin.access.sessions.session import WHOLE_SECONDS, Session, read_session
from penstock.runtime.change.applying import Applying
from penstock.runtime.change.standing import Standing
from penstock.store import Conflict, Damaged, Held, Lease, Lost, Unavailable

_PREFIX = "sessions/"
_PATIENCE_SECONDS = 2.0
_MOST_KNOWN = 1_000
_Result = TypeVar("_Result")


@dataclass(slots=True)
class SharedPlace(Place):
    """Keeps sessions where all nodes find them; while the store is away, those go on that this node knows.

    One that is ended is ended by its lease: a node that renews it at the same moment cannot bring it back.
    """

    applying: Applying
    standing: Standing
    _known: dict[str, Session] = field(default_factory=dict)
    _held: dict[str, Held] = field(default_factory=dict)
    _begun_here: set[str] = field(default_factory=set)
    """Those that began here while the store was away, and that it does not hold yet."""
    _ended: dict[str, None] = field(default_factory=dict)
    """Those that ended here while the store was away, and that it may still hold."""

    async def find(self, key: str) -> Session | None:
        """One of them, as the store knows it now."""
        try:
            found = await self._asked(lambda: self.applying.store.held(f"{_PREFIX}{key}"))
        except Unavailable:
            return None if key in self._ended else self._known.get(key)
        if self._ended:
            was_ended = key in self._ended
            await self._settle()
            if was_ended:
                return None
        held = found.get(f"{_PREFIX}{key}")
        if held is None and key in self._begun_here and key in self._known:
            await self.put(key, self._known[key])
            return self._known.get(key)
        self._learn(key, held)
        return self._known.get(key)

    async def every(self) -> Mapping[str, Session]:
        """All of them; while the store is away, those that this node knows."""
        try:
            found = await self._asked(lambda: self.applying.store.held(_PREFIX))
        except Unavailable:
            return self._known
        for key in {*self._known, *(full.removeprefix(_PREFIX) for full in found)}:
            self._learn(key, found.get(f"{_PREFIX}{key}"))
        return self._known

    async def put(self, key: str, session: Session) -> None:
        """Keep one; while the store is away, at this node alone."""
        before, is_away = self._held.get(key), self._is_away
        try:
            held = await self._asked(lambda: self._hold(key, session.to_text(), before))
        except (Lost, Conflict):
            return  # ended, or seen elsewhere at the same moment
        except Unavailable:
            self._known[key] = session
            if is_away and before is None:
                # Where the store was asked, it may hold it, and somebody may have ended it since.
                self._begun_here.add(key)
            return
        self._learn(key, held)

    async def drop(self, keys: Iterable[str]) -> None:
        """End some, everywhere.

        Raises: Unavailable where the store is away: then they have ended at this node alone.
        """
        gone = {key: self._held.pop(key, None) for key in keys}
        for key in gone:
            self._known.pop(key, None)
            self._begun_here.discard(key)
            self._ended[key] = None
        while len(self._ended) > _MOST_KNOWN:
            del self._ended[next(iter(self._ended))]
        for key, held in gone.items():
            if held is not None:
                await self._asked(partial(self.applying.store.revoke, _lease(held)))
            self._ended.pop(key, None)

    async def _settle(self) -> None:
        """End everywhere what has ended here while the store was away."""
        with contextlib.suppress(Unavailable):
            for key in list(self._ended):
                full = f"{_PREFIX}{key}"
                found = await self._asked(partial(self.applying.store.held, full))
                self._learn(key, found.get(full))
                await self.drop([key])

    async def _hold(self, key: str, text: str, before: Held | None) -> Held:
        store = self.applying.store
        lease = await store.grant(WHOLE_SECONDS) if before is None else _lease(before)
        return await store.hold(f"{_PREFIX}{key}", text, lease, before.fence if before else 0)

    async def _asked(self, ask: Callable[[], Awaitable[_Result]]) -> _Result:
        """What the store answers, soon.

        Raises: Unavailable; what the store raises else.
        """
        if self._is_away:
            raise Unavailable(self.standing.absence or self.standing.older)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await ask()
        except (Unavailable, Damaged, TimeoutError) as problem:
            self.applying.look_again()
            raise Unavailable(str(problem) or "the store does not answer in time") from None

    @property
    def _is_away(self) -> bool:
        return bool(self.standing.absence or self.standing.older)

    def _learn(self, key: str, held: Held | None) -> None:
        session = read_session(held.value) if held is not None else None
        self._known.pop(key, None)
        self._held.pop(key, None)
        self._begun_here.discard(key)
        if held is not None and session is not None:
            self._known[key], self._held[key] = session, held
        while len(self._known) > _MOST_KNOWN:
            oldest = next(iter(self._known))
            del self._known[oldest]
            self._held.pop(oldest, None)


def _lease(held: Held) -> Lease:
    return Lease(held.lease, WHOLE_SECONDS)
