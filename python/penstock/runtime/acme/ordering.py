"""Keeps certificates good: one node of all orders those that are due, and all nodes get them by the store.

The loop looks at what is kept and at the clock, and starts what is due; an order itself is `_Try`. What is tried is
written down before anything is asked: whoever goes on after a crash, here or at another node, knows of it.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penstock.base.waiting import comes
from penstock.filters.native import native_catalogue
from penstock.runtime.acme.schedule import Validity, allowed_at
from penstock.runtime.acme.transport import Failed
from penstock.runtime.acme.trying import AUTHOR, Trying
from penstock.runtime.acme.wanted import View, Wanted, view_of
from penstock.runtime.change.ordered import Issued
from penstock.store import Conflict, Damaged, Held, Lost, Transaction, Unavailable

if TYPE_CHECKING:
    from penstock.runtime.supervisor import Supervisor

_log = logging.getLogger("penstock")
DUTY = "certificates"
_LOOK_SECONDS = 5.0
"""Between two looks at the clock, which somebody may set."""
_LEAST_SECONDS = 0.1
_MOST_AT_ONCE = 4
_AGAIN_SECONDS = 1.0
_AWAY_SECONDS = 15.0
"""Between two attempts to write down that something is tried, where the store takes nothing."""
_AWAY = (Unavailable, Damaged)


@dataclass(slots=True)
class Ordering:
    """Orders the certificates of one gateway, or of all that share its store."""

    supervisor: "Supervisor"
    clock: Callable[[], float] = time.time
    counts: dict[str, int] = field(default_factory=lambda: {"issued": 0, "failed": 0})
    """What became of the orders of this node."""
    view: View = field(default_factory=lambda: View({}, {}))
    _running: set[str] = field(default_factory=set)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def keep(self) -> None:
        """Order whatever is due, whenever this node is the one to do so, until this is cancelled."""
        applying, together = self.supervisor.applying, self.supervisor.together
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow())
            if applying.is_in_memory or together is None:
                _log.error("no certificates are ordered: the store is gone with this process, and they would be too")
            else:
                group.create_task(together.election.lead(DUTY, self._work))

    def told(self) -> list[dict[str, Any]]:
        """How the certificates are that are ordered, in the order of their names."""
        now, tries = self.clock(), self.view.tries
        found = sorted(self.view.wanted.items())
        return [one.told(now, tries, is_running=name in self._running) for name, one in found]

    async def _follow(self) -> None:
        while True:
            revision = self.supervisor.applying.outcome.store_revision
            try:
                await self._refresh()
            except _AWAY:
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            self._news.set()
            await self.supervisor.applying.outcome_of(revision + 1)

    async def _refresh(self) -> None:
        self.view = view_of(await self.supervisor.applying.seen(), validity)

    async def _work(self, held: Held) -> None:
        """Order what is due, for as long as the duty is held.

        Raises: Lost.
        """
        lost: list[BaseException] = []
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._news.clear()
                    await self._sweep(held)
                    pause = self._start(held, group)
                    await comes(self._news, min(max(pause, _LEAST_SECONDS), _LOOK_SECONDS))
        except* Lost as found:
            lost = list(found.exceptions)
        if lost:
            raise lost[0]

    def _start(self, held: Held, group: asyncio.TaskGroup) -> float:
        """Start what is due; the time until something else is."""
        now, tries = self.clock(), self.view.tries
        pause = _LOOK_SECONDS
        for name, wanted in self.view.wanted.items():
            if name in self._running or len(self._running) >= _MOST_AT_ONCE:
                continue
            due = max(wanted.due(now), allowed_at(now, wanted.acme.names, tries))
            if due > now:
                pause = min(pause, due - now)
                continue
            self._running.add(name)
            trying = Trying(self.supervisor, wanted, held, self.clock)
            tries.append(trying.attempt)
            group.create_task(self._try(trying))
        return pause

    async def _try(self, trying: Trying) -> None:
        wanted = trying.wanted
        try:
            if await trying.begin():
                await self._end(trying, wanted)
        except (*_AWAY, Conflict) as problem:
            # Nothing was asked yet; it is looked at again.
            _log.warning("certificate %s is not ordered now: %s", wanted.name, problem)
            await asyncio.sleep(_AWAY_SECONDS)
        finally:
            with contextlib.suppress(*_AWAY):
                await self._refresh()
            self._running.discard(wanted.name)
            self._news.set()

    async def _end(self, trying: Trying, wanted: Wanted) -> None:
        try:
            issued = await trying.order()
        except Failed as problem:
            self.counts["failed"] += 1
            attempts = await trying.failed(problem)
            again = max(0.0, attempts.next - self.clock())
            _log.error("certificate %s is not issued: %s; next try in %.0f s or more", wanted.name, problem, again)
            return
        self.counts["issued"] += 1
        await trying.issued(issued)
        found = validity(issued)
        days = (found.ends - self.clock()) / 86_400 if found else 0
        _log.info(
            "certificate %s is issued for %s, good for %.1f days", wanted.name, ", ".join(wanted.acme.names), days
        )

    async def _sweep(self, held: Held) -> None:
        """Take away what is of no use any more."""
        gone = frozenset(self.view.leftovers(self.clock(), self._running, validity))
        if not gone:
            return
        store = self.supervisor.applying.store
        message = "what was kept of certificates that are not ordered"
        with contextlib.suppress(*_AWAY):
            await store.transaction(Transaction(AUTHOR, delete=gone, message=message, while_held=held))
            await self._refresh()


def validity(issued: Issued) -> Validity | None:
    """From when until when a certificate is good; nothing of one that cannot be read."""
    facts = native_catalogue().check_certificate(issued.certificate, issued.key).facts
    return Validity(facts.not_before, facts.not_after) if facts else None
