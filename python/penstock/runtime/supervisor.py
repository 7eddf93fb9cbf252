"""The supervisor: starts a gateway, keeps it running, and ends it."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from penstock.runtime.change.applying import Applying
from penstock.runtime.change.editing import Editing
from penstock.runtime.change.opening import Opening, open_in_memory
from penstock.runtime.change.resources import Resources
from penstock.runtime.change.source import AUTHOR, Source
from penstock.runtime.launch import Launch
from penstock.runtime.listening import Sockets
from penstock.runtime.measures.directory import Placed
from penstock.runtime.measures.filters import FilterState, filter_states
from penstock.runtime.measures.readings import Metric, metrics, total
from penstock.runtime.signals import ENDING
from penstock.runtime.worker.fleet import Fleet
from penstock.runtime.worker.process import WorkerProcess
from penstock.runtime.worker.takeover import Earlier, retire, take_sockets
from penstock.store import Damaged, Unavailable

_log = logging.getLogger("penstock")
_SHOWN_CHANGES = 10
_TOTALS = {
    "requests": "penstock_gateway_requests_total",
    "connections": "penstock_open_connections",
    "log_lines_dropped": "penstock_log_lines_dropped_total",
}
"""What the status tells of what was counted."""


class Phase(StrEnum):
    """Where in its life a gateway is."""

    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"


class CannotStart(Exception):  # noqa: N818 - says what is the case
    """A gateway that cannot start; the text is what its user is told."""


class Face(Protocol):
    """Something that shows the gateway to the outside, such as the admin port."""

    async def open(self) -> None:
        """Begin to answer.

        Raises: CannotStart.
        """

    def announce(self) -> None:
        """Say where it is; called once requests are served."""

    async def close(self) -> None:
        """Answer no more."""


@dataclass(slots=True)
class Supervisor:
    """A running gateway. `changes` yields whenever its source may have changed."""

    launch: Launch
    source: Source
    applying: Applying
    changes: Callable[[], AsyncIterator[object]] | None = None
    faces: Sequence[Face] = ()
    phase: Phase = Phase.STARTING
    began: float = field(default_factory=time.monotonic)
    opening: Opening = open_in_memory
    problems: list[str] = field(default_factory=list)
    is_refused: bool = False
    """Whether what the source holds is not what the workers run."""
    _ending: asyncio.Event = field(default_factory=asyncio.Event)
    _forced: asyncio.Event = field(default_factory=asyncio.Event)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    _resources: Resources | None = None

    @property
    def fleet(self) -> Fleet:
        """The workers."""
        return self.applying.fleet

    @property
    def sockets(self) -> Sockets:
        """The listening sockets."""
        return self.fleet.rollout.sockets

    @property
    def revision(self) -> int | None:
        """Revision of the plan that the workers run."""
        current = self.fleet.rollout.current
        return current.revision if current else None

    @property
    def resources(self) -> Resources:
        """The resources, for whoever looks at them or changes them."""
        store = self.applying.store
        if self._resources is None or self._resources.editing.store is not store:
            editing = Editing(store, self.applying.compilation, self.applying.entries)
            self._resources = Resources(self.applying, editing)
        return self._resources

    @property
    def is_ready(self) -> bool:
        """Whether requests are served and will be for a while."""
        return self.phase is Phase.SERVING and any(worker.running for worker in self.fleet.workers.values())

    async def run(self) -> None:
        """Start, serve until told to end, end in order.

        Raises: CannotStart; then nothing is left behind.
        """
        self.launch.signals.deliver(self._take)
        try:
            gc.disable()
            async with asyncio.TaskGroup() as group:
                serving = group.create_task(self._serve())
                ending = group.create_task(self._ending.wait())
                await asyncio.wait({serving, ending}, return_when=asyncio.FIRST_COMPLETED)
                if self.phase is Phase.STARTING and not serving.done():
                    # A start that goes on while its workers end would fail, and say so.
                    serving.cancel()
                    await asyncio.wait({serving})
                if not serving.done() or serving.cancelled():
                    await self._end()
                serving.cancel()
                ending.cancel()
        except* CannotStart as problems:
            self.fleet.kill()
            # Whoever is told to end while starting has not failed, whatever it was about to do.
            if not self._ending.is_set():
                raise CannotStart(str(problems.exceptions[0])) from None
        finally:
            for face in self.faces:
                await face.close()
            await self.applying.store.close()
        self.sockets.close()

    async def reload(self) -> list[str]:
        """Read the source again and apply it; what is wrong, if anything, and then nothing has changed."""
        async with self._reading:
            reading = await asyncio.to_thread(self.source.read)
            strangers = await reading.strangers(self.applying.store)
            before, self.problems = self.problems, [str(problem) for problem in (*reading.problems, *strangers)]
            self.is_refused = bool(strangers) or not reading.is_usable
            if self.is_refused:
                self.applying.refuse(AUTHOR, self.problems)
                return self.problems
            for problem in self.problems:
                if problem not in before:
                    _log.warning("%s", problem)
            try:
                change = await reading.write(self.applying.store, self.applying.entries)
            except (Unavailable, Damaged) as problem:
                self.problems, self.is_refused = [str(problem)], True
                return self.problems
            outcome = await self.applying.outcome_of(change.revision)
            self.is_refused = bool(outcome.problems)
            return list(outcome.problems)

    def metrics(self) -> list[Metric]:
        """What all workers have counted, up to now; none of them is asked."""
        return metrics(self.launch.starter.columns.table, self._placed)

    def total(self, metric: str, worker: WorkerProcess | None = None) -> int:
        """The sum of a counter or gauge over all subjects, or what is counted of it in a worker's column."""
        columns = self.launch.starter.columns
        column = columns.of(worker.pid) if worker else None
        return 0 if worker and column is None else total(columns.table, self._placed, metric, column)

    def longest_stall_seconds(self, worker: WorkerProcess) -> float:
        """The longest time for which a worker's loop is known to have served nobody; 0 once it has ended."""
        columns = self.launch.starter.columns
        column = columns.of(worker.pid)
        return 0.0 if column is None else columns.table.longest_stall_us(column) / 1_000_000

    @property
    def filters(self) -> list[FilterState]:
        """How the Python filters of the running plan are."""
        return filter_states(self.launch.starter.columns.table, self._placed)

    @property
    def _placed(self) -> Collection[Placed]:
        current = self.fleet.rollout.current
        return current.placed.values() if current else ()

    def status(self) -> dict[str, Any]:
        """The gateway as it is, for people and programs."""
        current = self.fleet.rollout.current
        listeners = current.listeners if current else {}
        return {
            "phase": self.phase.value,
            "pid": os.getpid(),
            "uptime_seconds": round(time.monotonic() - self.began, 1),
            "configuration": self.source.place,
            "revision": self.revision,
            "store_revision": self.applying.outcome.store_revision,
            "is_refused": self.is_refused or bool(self.applying.outcome.problems),
            "problems": self.problems or list(self.applying.outcome.problems),
            "left_out": list(self.applying.outcome.left_out),
            "changes": self.applying.history.latest(_SHOWN_CHANGES),
            "restarts": self.fleet.restarts,
            "lags": self.fleet.lags,
            **{name: self.total(metric) for name, metric in _TOTALS.items()},
            "listeners": [
                {"name": name, "address": address, "bound": self.sockets.bound(name, address)}
                for name, address in sorted(listeners.items())
            ],
            "filters": [asdict(one) for one in self.filters if one.overruns or one.is_suspended],
            "workers": [
                {
                    "index": worker.index,
                    "pid": worker.pid,
                    "is_alive": worker.is_alive,
                    "revision": worker.running.revision if worker.running else None,
                    "longest_stall_seconds": self.longest_stall_seconds(worker),
                    **{name: self.total(metric, worker) for name, metric in _TOTALS.items()},
                }
                for worker in self.fleet.workers.values()
            ],
        }

    def _take(self, number: signal.Signals) -> None:
        if number == signal.SIGHUP:
            self._forced.set()
        elif number == signal.SIGQUIT:
            self._ending.set()
            self.fleet.kill()
        elif number in ENDING and self._ending.is_set():
            self.fleet.hurry.set()
        else:
            self._ending.set()

    async def _serve(self) -> None:
        try:
            await self.applying.go_on_with(await self.opening())
        except (ValueError, Unavailable) as problem:
            raise CannotStart(str(problem)) from None
        for face in self.faces:
            await face.open()
        await self._start()
        # What the first configuration left in memory stays: looking through it again and again for garbage would
        # hold up later changes for most of a second where there are thousands of routes.
        gc.freeze()
        gc.enable()
        self.phase = Phase.SERVING
        for listener in self.status()["listeners"]:
            _log.info("listener %s serves %s", listener["name"], listener["bound"])
        for face in self.faces:
            face.announce()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.applying.keep())
            group.create_task(self.fleet.keep())
            group.create_task(self._follow_force())
            if self.changes is not None:
                group.create_task(self._follow(self.changes))
            for one in self.launch.earlier:
                group.create_task(self._retire(one))

    async def _start(self) -> None:
        reading = await asyncio.to_thread(self.source.read)
        self.problems = [str(problem) for problem in reading.problems]
        if not reading.is_usable:
            raise CannotStart("\n".join(self.problems))
        for problem in self.problems:
            _log.warning("%s", problem)
        if self.launch.earlier:
            self.sockets.adopt(await take_sockets(self.launch.earlier))
        try:
            await self.fleet.connect()
        except OSError as problem:
            raise CannotStart(str(problem)) from None
        try:
            strangers = await reading.strangers(self.applying.store)
            if not strangers:
                await reading.write(self.applying.store, self.applying.entries)
        except (Unavailable, Damaged) as problem:
            raise CannotStart(f"the store: {problem}") from None
        if strangers:
            raise CannotStart("\n".join(str(problem) for problem in strangers))
        outcome = await self.applying.apply()
        if self.fleet.rollout.current is None:
            raise CannotStart("\n".join(outcome.problems))

    async def _follow(self, changes: Callable[[], AsyncIterator[object]]) -> None:
        async for _ in changes():
            await self._reload_and_say(is_asked=False)

    async def _follow_force(self) -> None:
        while True:
            await self._forced.wait()
            self._forced.clear()
            await self._reload_and_say(is_asked=True)

    async def _reload_and_say(self, *, is_asked: bool) -> None:
        before, revision, was_refused = self.applying.outcome, self.revision, self.is_refused
        problems = await self.reload()
        # What the workers refused was said when they did.
        if problems and self.applying.outcome is before:
            _log.error("the configuration is not applied:\n%s", "\n".join(problems))
        elif not problems and revision == self.revision and (is_asked or was_refused):
            # Whoever asked, or mended a mistake, waits for a word.
            _log.info("the configuration was read again; revision %s stays as it is", revision)

    async def _retire(self, one: Earlier) -> None:
        await retire(one, self.launch.settings.grace_seconds)
        self.launch.starter.columns.settle(one.pid)
        self.launch.directory.forget(one.pid)

    async def _end(self) -> None:
        """Finish what is served: readiness goes first, then the listeners, then the workers."""
        settings = self.launch.settings
        if self.phase is Phase.SERVING:
            delay = f"in {settings.shutdown_delay_seconds:g} s" if settings.shutdown_delay_seconds else "now"
            text = "ending %s: requests in flight have %g s; a second signal leaves them one"
            _log.info(text, delay, settings.grace_seconds)
        self.phase = Phase.DRAINING
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.fleet.hurry.wait(), settings.shutdown_delay_seconds or 0.001)
        await self.fleet.drain(settings.grace_seconds)
        _log.info("ended")
