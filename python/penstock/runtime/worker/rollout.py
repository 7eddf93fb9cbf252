"""Brings a plan to the workers: all build it, then all swap; one refusal refuses it everywhere."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from penstock.runtime.change.delta import Parts
from penstock.runtime.listening import Sockets
from penstock.runtime.measures.directory import Directory, Placed
from penstock.runtime.measures.subjects import PlanSubjects
from penstock.runtime.worker.control import NeedsAll, Refused
from penstock.runtime.worker.process import Running, WorkerProcess
from penstock.runtime.worker.tickets import Tickets

_log = logging.getLogger("penstock")


class NoWorker(Exception):  # noqa: N818 - says what is the case
    """A plan that no worker could be brought to build."""


@dataclass(slots=True)
class Rollout:
    """The plan that the workers run, and how they come to run another.

    One change at a time, and no worker joins in the middle of one.
    """

    sockets: Sockets
    directory: Directory
    on_placed: Callable[[Mapping[str, Placed]], None] = lambda _placed: None
    """Hears where a plan's subjects are counted, before anything is."""
    current: Running | None = None
    tickets: Tickets = field(default_factory=Tickets)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by whoever changes what runs."""
    _subjects: PlanSubjects = field(default_factory=PlanSubjects)

    async def roll_out(
        self,
        workers: Sequence[WorkerProcess],
        parts: Parts,
        secrets: Mapping[str, Any] = MappingProxyType({}),
        least: int = 1,
    ) -> Running:
        """Let all workers run a plan; a silent one is left out, and brought there when it speaks again.

        At least `least` must be ready: a plan that nobody has built may be one that nobody can.

        Raises: Refused, CannotListen, NoWorker; then nothing has changed.
        """
        async with self.turn:
            following = self._following(workers, parts, secrets)
            opened = self.sockets.open(following.listening)
            try:
                ready = await self._prepare_all(workers, following, least)
                self.sockets.fill()
            except BaseException:
                self.sockets.close(opened)
                raise
            self.current = following
            await asyncio.gather(*(self._commit(worker, following) for worker in ready))
            self.sockets.retain(following.listening)
            self.sockets.steer()
            return following

    def _following(self, workers: Iterable[WorkerProcess], parts: Parts, secrets: Mapping[str, Any]) -> Running:
        """The next plan, with a place for everything that it names."""
        earlier = [one.running.placed for one in workers if one.running is not None and one.running is not self.current]
        in_use = [*earlier, self.current.placed] if self.current else earlier
        placed = self.directory.admit(self._subjects.of(parts), in_use, time.monotonic())
        self.on_placed(placed)
        return Running(self.current.revision + 1 if self.current else 1, parts, placed, secrets)

    async def catch_up(self, worker: WorkerProcess) -> None:
        """Bring one worker to the plan that the others run.

        Raises: Refused, OSError.
        """
        async with self.turn:
            if self.current is not None and worker.running is not self.current:
                await self._prepare(worker, self.current)
                await self._commit(worker, self.current)

    async def _commit(self, worker: WorkerProcess, following: Running) -> None:
        known = set(worker.running.listening if worker.running else ())
        new = [one for one in following.listening if one not in known]
        try:
            if worker.control is None:
                return
            await worker.control.listen(self.sockets.of(new))
            await worker.control.commit(following.revision)
        except OSError as problem:
            # It runs the old plan or the new one; closed, it is asked again which.
            _log.warning("worker %d did not take a change: %s", worker.index, _said(problem))
            worker.close()
            return
        worker.running = following
        worker.committed_at = time.monotonic()

    async def _prepare_all(
        self, workers: Iterable[WorkerProcess], following: Running, least: int
    ) -> list[WorkerProcess]:
        asked = [worker for worker in workers if worker.control is not None]
        answers = await asyncio.gather(*(self._prepare(worker, following) for worker in asked), return_exceptions=True)
        ready: list[WorkerProcess] = []
        for worker, answer in zip(asked, answers, strict=True):
            if answer is None:
                ready.append(worker)
            elif isinstance(answer, OSError):
                _log.warning("worker %d is left out of a change: %s", worker.index, _said(answer))
            else:
                raise answer
        if len(ready) < least:
            raise NoWorker("no worker answers")
        return ready

    async def _prepare(self, worker: WorkerProcess, following: Running) -> None:
        """Let one worker build a plan, from the changes if it runs a known one.

        Raises: Refused, OSError.
        """
        if worker.control is None:
            raise ConnectionError("no connection")
        secrets = {**following.secrets, **self.tickets.secret()}
        if worker.running is not None:
            before = worker.running
            try:
                change = following.change_from(before)
                await worker.control.prepare(following.revision, before.revision, change, secrets)
            except NeedsAll:
                worker.running = None
            else:
                return
        try:
            await worker.control.prepare(following.revision, None, following.whole(), secrets)
        except NeedsAll:
            raise Refused([{"part": "", "message": "the worker asks for all of what is all"}]) from None


def _said(problem: OSError) -> str:
    return "it is silent" if isinstance(problem, TimeoutError) else str(problem)
