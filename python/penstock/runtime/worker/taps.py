"""Taps: requests as they come, from every worker there is, for those who look at them (G13)."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock.base.waiting import comes
from penstock.runtime.worker.control import Control

MOST_LISTENERS = 16
MOST_WAITING = 5_000
"""Requests that wait for one listener; beyond it they are dropped and counted."""
_LOOK_SECONDS = 0.2
_AGAIN_SECONDS = 1.0
_SILENT_SECONDS = 15.0
"""A worker says something every second, unless its loop stands still or it is gone."""
_log = logging.getLogger("penstock")


class TooMany(Exception):  # noqa: N818 - says what is the case
    """As many look at requests as may."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A request, as it is shown, and what tells who may see it: the name of its route, and what was spoken."""

    route: str
    protocol: str
    shown: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Taken:
    """What came in a while: requests, how many found no room, and how many workers tell of theirs."""

    requests: tuple[Seen, ...]
    dropped: int
    workers: int


@dataclass(slots=True, eq=False)
class Tap:
    """Requests of all workers for one listener; those that start later tell of theirs too.

    Shape: `places` gives process and control socket of each worker there is; `interest` is what the core makes of it
    (crates/penstock-proxy/src/telemetry/tap/choice.rs).
    """

    places: Callable[[], Iterable[tuple[int, Path]]]
    interest: Mapping[str, Any]
    _waiting: deque[Seen] = field(default_factory=deque)
    _dropped: int = 0
    _telling: set[int] = field(default_factory=set)
    _asked: set[int] = field(default_factory=set)
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    async def keep(self) -> None:
        """Listen to every worker until this is cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                for process, path in self.places():
                    if process not in self._asked:
                        self._asked.add(process)
                        group.create_task(self._listen(process, path))
                await asyncio.sleep(_LOOK_SECONDS)

    async def begun(self, seconds: float) -> None:
        """Return once every worker there is tells of its requests, or after a time."""
        try:
            async with asyncio.timeout(seconds):
                while not {process for process, _ in self.places()} <= self._telling:
                    await self._came.wait()
                    self._came.clear()
        except TimeoutError:
            return

    async def take(self, seconds: float) -> Taken:
        """What came since this was last asked; where that is nothing, what comes within a time."""
        await comes(self._came, seconds)
        self._came.clear()
        taken = Taken(tuple(self._waiting), self._dropped, len(self._telling))
        self._waiting.clear()
        self._dropped = 0
        return taken

    async def _listen(self, process: int, path: Path) -> None:
        try:
            control = await Control.connect(path)
            try:
                if (await control.hello()).get("pid") == process:
                    await self._follow(process, control)
            finally:
                control.close()
        except OSError as problem:
            _log.debug("requests of worker process %d are not told: %s", process, problem)
        # One that has ended is not among the places any more; another may have stood still.
        await asyncio.sleep(_AGAIN_SECONDS)
        self._asked.discard(process)

    async def _follow(self, process: int, control: Control) -> None:
        batches = control.tap(self.interest, _SILENT_SECONDS)
        try:
            async for batch in batches:
                if process not in self._telling:
                    self._telling.add(process)
                    self._came.set()
                self._add(batch)
        finally:
            self._telling.discard(process)
            self._came.set()

    def _add(self, batch: Mapping[str, Any]) -> None:
        requests, dropped = batch.get("requests", ()), int(batch.get("dropped", 0))
        room = MOST_WAITING - len(self._waiting)
        self._waiting.extend(Seen(route, protocol, shown) for route, protocol, shown in requests[:room])
        self._dropped += dropped + max(0, len(requests) - room)
        if requests or dropped:
            self._came.set()


@dataclass(slots=True)
class Taps:
    """All who look at requests as they come."""

    places: Callable[[], Iterable[tuple[int, Path]]]
    _count: int = 0

    @property
    def count(self) -> int:
        """How many there are."""
        return self._count

    @asynccontextmanager
    async def open(self, interest: Mapping[str, Any]) -> AsyncIterator[Tap]:
        """A tap for as long as it is looked at.

        Raises: TooMany.
        """
        if self._count >= MOST_LISTENERS:
            raise TooMany(f"{self._count} look at requests already; that is as many as may")
        self._count += 1
        tap = Tap(self.places, interest)
        keeping = asyncio.get_running_loop().create_task(tap.keep())
        try:
            yield tap
        finally:
            self._count -= 1
            keeping.cancel()
            await asyncio.wait({keeping})
