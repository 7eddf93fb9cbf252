"""One request at several endpoints: the next is asked too whenever those before are silent or have failed.

The first answer counts. A request that is asked for twice has to be one that can be done twice, or only once.
"""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from penstock.store.entry import Lost, Unavailable, Unknown

_WAIT_SECONDS = 0.05
_LONGEST_WAIT_SECONDS = 0.25

Answer = dict[str, Any]
Attempt = Callable[[int, float], Awaitable[Answer]]


class Passing(Unavailable):
    """A request about which nothing was done, and that may be made again."""


@dataclass(slots=True)
class Attempts:
    """The attempts of one request: `ask` makes one at an endpoint, in so many seconds at most.

    Shape: endpoints are numbers below `count`; the first one is asked at `at`, where the answer came from afterwards.
    `distrust` is told of each that failed or was silent. With `may_repeat` false it is asked once: what may have been
    done is not asked for again.
    """

    ask: Attempt
    distrust: Callable[[int], None]
    count: int
    at: int
    silence_seconds: float
    deadline: float
    may_repeat: bool = True
    _pending: dict["asyncio.Task[Answer | Exception]", int] = field(default_factory=dict)
    _due: float = 0.0
    """When the next endpoint is asked, by the monotonic clock."""
    _failures: int = 0
    _is_open: bool = False
    """Whether some attempt that failed may have been done all the same."""
    _said: str = "etcd does not answer in time"

    async def answer(self) -> Answer:
        """The first answer.

        Raises: Unknown if the time is over and it may have been done; Unavailable if it is over and was not;
            whatever says that further attempts are of no use.
        """
        async with asyncio.TaskGroup() as group:
            found = await self._found(group)
            for one in self._pending:
                one.cancel()
        if isinstance(found, Exception):
            raise found
        return found

    async def _found(self, group: asyncio.TaskGroup) -> Answer | Exception:
        while True:
            self._begin(group)
            for done in await self._some():
                endpoint = self._pending.pop(done)
                found = done.result()
                if not isinstance(found, Exception):
                    self.at = endpoint
                    return found
                if (last := self._judged(endpoint, found)) is not None:
                    return last
            if time.monotonic() >= self.deadline:
                return Unknown(self._said) if self._is_open or self._pending else Unavailable(self._said)

    def _begin(self, group: asyncio.TaskGroup) -> None:
        """Ask at the next endpoint, if it is time."""
        now = time.monotonic()
        if now < self._due:
            return
        asked = set(self._pending.values())
        for endpoint in asked:
            self.distrust(endpoint)
        free = [one % self.count for one in range(self.at, self.at + self.count) if one % self.count not in asked]
        if free:
            self.at = free[0]
            self._pending[group.create_task(self._attempt(self.at, self.deadline - now))] = self.at
        self._due = now + self.silence_seconds if self.may_repeat and len(free) > 1 else math.inf

    async def _attempt(self, endpoint: int, seconds: float) -> Answer | Exception:
        try:
            return await self.ask(endpoint, seconds)
        except (Unavailable, Lost) as problem:
            return problem

    async def _some(self) -> set["asyncio.Task[Answer | Exception]"]:
        """Attempts that have ended, or none when it is time for another or for none at all."""
        seconds = max(min(self._due, self.deadline) - time.monotonic(), 0)
        if not self._pending:
            await asyncio.sleep(seconds)
            return set()
        return (await asyncio.wait(self._pending, timeout=seconds, return_when=asyncio.FIRST_COMPLETED))[0]

    def _judged(self, endpoint: int, problem: Exception) -> Exception | None:
        """What is to be told, if another attempt is of no use; else go on: at once, or later when all have failed."""
        is_open = isinstance(problem, Unknown)
        if not isinstance(problem, Passing) and not (is_open and self.may_repeat):
            is_open = isinstance(problem, Unavailable) and (self._is_open or bool(self._pending))
            return Unknown(str(problem)) if is_open else problem
        self.distrust(endpoint)
        self._is_open, self._said = self._is_open or is_open, str(problem)
        self.at = (endpoint + 1) % self.count
        rounds, rest = divmod(self._failures, self.count)
        self._failures += 1
        wait = min(_WAIT_SECONDS * 2**rounds, _LONGEST_WAIT_SECONDS) if rest == self.count - 1 else 0
        self._due = time.monotonic() + wait * random.uniform(0.5, 1)  # noqa: S311 - spreads attempts
        return None
