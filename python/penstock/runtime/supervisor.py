"""The supervisor: starts a gateway, keeps it running, and ends it."""

import asyncio
import gc
import logging
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from penstock.base.waiting import comes
from penstock.runtime.change.applying import Applying
from penstock.runtime.change.archives import bring
from penstock.runtime.change.desired import Outcome
from penstock.runtime.change.editing import Editing
from penstock.runtime.change.entries import ARCHIVES
from penstock.runtime.change.opening import Opening, open_in_memory
from penstock.runtime.change.resources import Resources
from penstock.runtime.change.source import AUTHOR, Reading, Source
from penstock.runtime.change.standing import Standing
from penstock.runtime.change.watching import Watching
from penstock.runtime.launch import Launch
from penstock.runtime.listening import Sockets
from penstock.runtime.measures.directory import Placed
from penstock.runtime.measures.filters import FilterState, filter_states
from penstock.runtime.measures.memory import Memory, memory
from penstock.runtime.measures.processes import process_figures
from penstock.runtime.measures.readings import Metric, metrics, total
from penstock.runtime.measures.statistics import Statistics, Window
from penstock.runtime.members.together import Together, count_nodes
from penstock.runtime.signals import ENDING
from penstock.runtime.systemd import Systemd
from penstock.runtime.upgrade.predecessor import Predecessor
from penstock.runtime.worker.entry import BUILD
from penstock.runtime.worker.fleet import Fleet
from penstock.runtime.worker.process import WorkerProcess
from penstock.runtime.worker.takeover import Earlier, retire, take_sockets
from penstock.runtime.worker.taps import Taps
from penstock.store import Damaged, Unavailable

if TYPE_CHECKING:
    from penstock.runtime.acme.ordering import Ordering
    from penstock.runtime.cluster.clustered import Clustered

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

    def lend(self) -> Mapping[str, socket.socket]:
        """Answer no more, and give the listening sockets by name; whoever opens such a face next goes on with them."""

    async def close(self) -> None:
        """Answer no more."""


@dataclass(slots=True)
class Supervisor:
    """A running gateway. `changes` yields whenever its source may have changed."""

    launch: Launch
    source: Source
    applying: Applying
    statistics: Statistics
    changes: Callable[[], AsyncIterator[object]] | None = None
    faces: Sequence[Face] = ()
    duties: Sequence[Callable[[], Coroutine[Any, Any, None]]] = ()
    """What else is done while requests are served; each goes on until it is cancelled."""
    pushes: dict[str, int] = field(default_factory=lambda: {"delivered": 0, "failed": 0})
    """What became of metrics that were sent away."""
    phase: Phase = Phase.STARTING
    began: float = field(default_factory=time.monotonic)
    opening: Opening = open_in_memory
    problems: list[str] = field(default_factory=list)
    is_refused: bool = False
    """Whether what the source holds is not what the workers run."""
    systemd: Systemd = field(default_factory=lambda: Systemd.of(os.environ))
    predecessor: Predecessor | None = None
    """Who gives way to another version, where that can be asked for."""
    lent: Mapping[str, socket.socket] = field(default_factory=dict)
    """The sockets of faces, while somebody else may answer there."""
    _successor: int | None = None
    _ending: asyncio.Event = field(default_factory=asyncio.Event)
    _forced: asyncio.Event = field(default_factory=asyncio.Event)
    _reopening: asyncio.Event = field(default_factory=asyncio.Event)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    cluster: "Clustered | None" = None
    """What brings etcd along, where that is a part of this gateway."""
    together: Together | None = None
    """This gateway among those that share its store; none before it serves."""
    ordering: "Ordering | None" = None
    """What orders certificates, where some are to be ordered."""
    _resources: Resources | None = None
    watching: Watching = field(init=False)
    """The changes that are watched after they were made."""
    taps: Taps = field(init=False)
    """Those who look at requests as they come."""

    def __post_init__(self) -> None:
        self.taps = Taps(self._workers_telling)
        self.watching = Watching(self.metrics, lambda: self.resources.editing)

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
            applying = self.applying
            editing = Editing(store, applying.compilation, applying.entries, applying.check_writable)
            self._resources = Resources(self.applying, editing)
        return self._resources

    @property
    def is_ready(self) -> bool:
        """Whether requests are served and will be for a while."""
        is_serving = self.phase is Phase.SERVING and not self.applying.is_drained
        return is_serving and any(worker.running for worker in self.fleet.workers.values())

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
            # A successor is the same member, and takes that over; a gap would look like a death to the others.
            if self.together is not None and self._successor is None:
                await self.together.membership.leave()
            await self.applying.store.close()
            if self.cluster is not None:
                await self.cluster.close()
        if self._successor is None:
            self.sockets.close()

    def inherited(self, name: str) -> socket.socket | None:
        """A listening socket that a face is to go on with: one that was lent, or a predecessor's."""
        if name in self.lent:
            return self.lent[name].dup()
        return self.launch.succession.take(name) if self.launch.succession else None

    def lend(self) -> None:
        """Let somebody else answer where the faces did."""
        self.lent = {name: one for face in self.faces for name, one in face.lend().items()}

    async def take_back(self) -> None:
        """Answer again, as nobody else has done so."""
        for face in self.faces:
            await face.open()
        for one in self.lent.values():
            one.close()
        self.lent = {}

    def leave(self, successor: int) -> None:
        """End at once: a successor serves, and the workers are its to retire."""
        self._successor = successor
        self.systemd.followed_by(successor)
        self._ending.set()

    async def reload(self) -> list[str]:
        """Read the source again and apply it; what is wrong, if anything, and then nothing has changed."""
        async with self._reading:
            reading = await self._read()
            try:
                self.applying.check_writable()
                strangers = reading.strangers(await self.applying.store.range())
            except (Unavailable, Damaged) as absence:
                self.problems, self.is_refused = [str(absence)], True
                return self.problems
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
            except (Unavailable, Damaged) as absence:
                self.problems, self.is_refused = [str(absence)], True
                return self.problems
            outcome = await self.applying.outcome_of(change.revision)
            self.is_refused = bool(outcome.problems)
            return list(outcome.problems)

    async def _read(self) -> Reading:
        """What the source holds, with the archives of plugins here that it names and the store has."""
        reading = await asyncio.to_thread(self.source.read)
        shelf, store = self.applying.compilation.shelf, self.applying.store
        lacking = {digest for digest in reading.archives if not await asyncio.to_thread(shelf.has, digest)}
        try:
            if not lacking or await bring(shelf, store, lacking, (await store.range(ARCHIVES)).entries):
                return reading
        except (Unavailable, Damaged):
            return reading
        return await asyncio.to_thread(self.source.read)

    def metrics(self) -> list[Metric]:
        """What all workers have counted, up to now; none of them is asked."""
        return metrics(self.launch.starter.columns.table, self._placed)

    def counted(self, seconds: float, kinds: Collection[str]) -> Window:
        """What was counted in the last seconds of the subjects of some kinds."""
        return self.statistics.window(seconds, (one for one in self._placed if one.subject.kind in kinds))

    def total(self, metric: str, worker: WorkerProcess | None = None) -> int:
        """The sum of a counter or gauge over all subjects, or what is counted of it in a worker's column."""
        columns = self.launch.starter.columns
        column = columns.of(worker.pid) if worker else None
        return 0 if worker and column is None else total(columns.table, self._placed, metric, column)

    @property
    def memory(self) -> Memory:
        """How short memory is."""
        columns = self.launch.starter.columns
        return memory(columns.table, [columns.of(worker.pid) for worker in self.fleet.workers.values()])

    def longest_stall_seconds(self, worker: WorkerProcess) -> float:
        """The longest time for which a worker's loop is known to have served nobody; 0 once it has ended."""
        columns = self.launch.starter.columns
        column = columns.of(worker.pid)
        return 0.0 if column is None else columns.table.longest_stall_us(column) / 1_000_000

    def _workers_telling(self) -> list[tuple[int, Path]]:
        """Process and control socket of every worker that serves, those that an earlier supervisor left among them."""
        folder = self.launch.folder
        own = [(one.pid, folder.worker_socket(one.index)) for one in self.fleet.workers.values() if one.running]
        return own + [(one.pid, one.path) for one in self.launch.earlier if one.path.exists()]

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
            "build": BUILD,
            "uptime_seconds": round(time.monotonic() - self.began, 1),
            "configuration": self.source.place,
            "revision": self.revision,
            "store_revision": self.applying.outcome.store_revision,
            "is_drained": self.applying.is_drained,
            "is_held_up": self.applying.is_held_up,
            "is_refused": self.is_refused or bool(self.applying.outcome.problems),
            "problems": self.problems or list(self.applying.outcome.problems),
            "store": self.applying.standing.told() if self.applying.standing else {"is_shared": False},
            "left_out": list(self.applying.outcome.left_out),
            "certificates": self.ordering.told() if self.ordering else [],
            "changes": self.applying.history.latest(_SHOWN_CHANGES),
            "memory": asdict(self.memory),
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
                    **asdict(process_figures(worker.pid)),
                    **{name: self.total(metric, worker) for name, metric in _TOTALS.items()},
                }
                for worker in self.fleet.workers.values()
            ],
        }

    def _take(self, number: signal.Signals) -> None:
        if number == signal.SIGHUP:
            self._forced.set()
        elif number == signal.SIGUSR1:
            self._reopening.set()
        elif number == signal.SIGUSR2:
            if self.predecessor is not None:
                self.predecessor.ask()
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
        succession = self.launch.succession
        if succession is not None and self.applying.is_in_memory and not succession.is_in_memory:
            raise CannotStart("the store cannot be opened; the log says why")
        for face in self.faces:
            await face.open()
        await count_nodes(self)
        await self._start()
        # What the first configuration left in memory stays: looking through it again and again for garbage would
        # hold up later changes for most of a second where there are thousands of routes.
        gc.freeze()
        gc.enable()
        self.phase = Phase.SERVING
        self.together = Together(self)
        for listener in self.status()["listeners"]:
            _log.info("listener %s serves %s", listener["name"], listener["bound"])
        for face in self.faces:
            face.announce()
        self.systemd.ready(self._summary)
        self.sockets.opened.close()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.applying.keep())
            group.create_task(self.fleet.keep())
            group.create_task(self._follow_force())
            group.create_task(self._follow_reopening())
            group.create_task(self.systemd.keep_alive())
            group.create_task(self.watching.keep())
            group.create_task(self.together.keep())
            if self.cluster is not None:
                group.create_task(self.cluster.keep())
            for duty in self.duties:
                group.create_task(duty())
            if self.applying.standing is not None:
                group.create_task(self._follow_return(self.applying.standing))
            if self.changes is not None:
                group.create_task(self._follow(self.changes))
            group.create_task(self._retire_earlier())

    async def _start(self) -> None:
        reading = await self._read()
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
        if self.launch.succession is not None and self.launch.succession.tickets:
            self.fleet.rollout.tickets.go_on_with(self.launch.succession.tickets)
        outcome = await self._apply_first(reading)
        if self.fleet.rollout.current is None:
            raise CannotStart("\n".join(outcome.problems))

    async def _apply_first(self, reading: Reading) -> Outcome:
        """Write what was read and apply it; where the store cannot be gone on with, what ran in an earlier life."""
        applying, standing = self.applying, self.applying.standing
        try:
            applying.check_writable()
            snapshot = await applying.store.range()
            if strangers := reading.strangers(snapshot):
                raise CannotStart("\n".join(str(problem) for problem in strangers))
            if standing is None or not await standing.judge(applying.store, snapshot):
                await reading.write(applying.store, applying.entries)
            first = await applying.apply()
        except (Unavailable, Damaged) as problem:
            if standing is None:
                raise CannotStart(f"the store: {problem}") from None
            standing.is_away(problem)
            first = Outcome(-1, [str(problem)])
        if standing is None or self.fleet.rollout.current is not None:
            return first
        known = await applying.apply_known()
        return Outcome(known.store_revision, [*first.problems, *known.problems])

    @property
    def _summary(self) -> str:
        return f"{self.phase.value}, revision {self.revision}"

    async def _follow(self, changes: Callable[[], AsyncIterator[object]]) -> None:
        async for _ in changes():
            await self._reload_and_say(is_asked=False)

    async def _follow_return(self, standing: Standing) -> None:
        """What the files hold is written as soon as the store can be written to again."""
        while True:
            await standing.returned.wait()
            standing.returned.clear()
            await self._reload_and_say(is_asked=False)

    async def _follow_force(self) -> None:
        while True:
            await self._forced.wait()
            self._forced.clear()
            self.systemd.reloading()
            await self._reload_and_say(is_asked=True)
            self.systemd.ready(self._summary)

    async def _follow_reopening(self) -> None:
        while True:
            await self._reopening.wait()
            self._reopening.clear()
            for problem in await self.fleet.reopen_logs():
                _log.warning("log files are not opened again: %s", problem)

    async def _reload_and_say(self, *, is_asked: bool) -> None:
        before, revision, was_refused = self.applying.outcome, self.revision, self.is_refused
        problems = await self.reload()
        # What the workers refused was said when they did.
        if problems and self.applying.outcome is before:
            _log.error("the configuration is not applied:\n%s", "\n".join(problems))
        elif not problems and revision == self.revision and (is_asked or was_refused):
            # Whoever asked, or mended a mistake, waits for a word.
            _log.info("the configuration was read again; revision %s stays as it is", revision)

    async def _retire_earlier(self) -> None:
        if self.launch.succession is not None:
            await self.launch.succession.complete()
            # The predecessor may have written to the store up to its end.
            self.applying.look_again()
        async with asyncio.TaskGroup() as group:
            for one in self.launch.earlier:
                group.create_task(self._retire(one))

    async def _retire(self, one: Earlier) -> None:
        await retire(one, self.launch.settings.grace_seconds)
        self.launch.starter.columns.settle(one.pid)
        self.launch.directory.forget(one.pid)

    async def _end(self) -> None:
        """Finish what is served: readiness goes first, then the listeners, then the workers."""
        if self._successor is not None:
            self.fleet.leave()
            self.sockets.let_go()
            _log.info("process %d has taken over", self._successor)
            return
        self.systemd.stopping()
        if self.predecessor is not None:
            await self.predecessor.abandon()
        settings = self.launch.settings
        if self.phase is Phase.SERVING:
            delay = f"in {settings.shutdown_delay_seconds:g} s" if settings.shutdown_delay_seconds else "now"
            text = "ending %s: requests in flight have %g s; a second signal leaves them one"
            _log.info(text, delay, settings.grace_seconds)
        self.phase = Phase.DRAINING
        if self.together is not None:
            self.together.membership.tell()
        await comes(self.fleet.hurry, settings.shutdown_delay_seconds)
        await self.fleet.drain(settings.grace_seconds)
        _log.info("ended")
