"""Work that one node of all does at a time: whoever holds the duty, until its lease ends.

What is done in the name of a duty depends on the `Held` that it was given: a transaction by `while_held`, and the
shortening of history likewise. A node that stood still for longer than its lease, and believes that it still leads, is
refused.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from penstock.runtime.members.membership import Membership
from penstock.store import Conflict, Damaged, Held, Lease, Lost, Unavailable

_log = logging.getLogger("penstock")
PREFIX = "leaders/"
_AGAIN_SECONDS = 0.5
Work = Callable[[Held], Awaitable[None]]


@dataclass(slots=True)
class Election:
    """Lets this node stand for duties; `held` are those that it has."""

    membership: Membership

    async def lead(self, duty: str, work: Work) -> None:
        """Do a duty's work whenever this node is the one that holds it, until this is cancelled.

        The work is cancelled when the duty may be another's; once it ends by itself the duty is kept.
        """
        while True:
            lease = await self.membership.joined()
            try:
                held = await self._hold(duty, lease)
                if held is not None:
                    _log.info("this node has the duty %s", duty)
                    await self._do(work, held, lease)
                    _log.info("this node no longer has the duty %s", duty)
            except (Unavailable, Damaged, Lost):
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _hold(self, duty: str, lease: Lease) -> Held | None:
        """The duty; nothing if another has it, and then not before that may have changed."""
        key = f"{PREFIX}{duty}"
        store = self.membership.store
        try:
            return await store.hold(key, self.membership.own().name, lease, 0)
        except Conflict:
            async with contextlib.aclosing(store.watch_held(key)) as news:  # type: ignore[type-var]
                async for held in news:
                    if key not in held:
                        break
            return None

    async def _do(self, work: Work, held: Held, lease: Lease) -> None:
        async with asyncio.TaskGroup() as group:
            ended = group.create_task(self.membership.ended(lease))
            doing = group.create_task(self._guarded(work, held, ended))
            await asyncio.wait({ended})
            doing.cancel()

    @staticmethod
    async def _guarded(work: Work, held: Held, ended: "asyncio.Task[None]") -> None:
        try:
            await work(held)
        except Lost as problem:
            # Somebody else has it by now, and nothing was changed: it is stood for anew.
            _log.warning("%s: %s", held.key, problem)
            ended.cancel()
        except (Unavailable, Damaged) as problem:
            _log.warning("%s: %s", held.key, problem)
