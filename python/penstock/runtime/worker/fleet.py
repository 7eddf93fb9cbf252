"""All workers of a gateway: started, heard, and started again when they die."""

import asyncio
import logging
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from penstock.runtime.worker.control import Refused
from penstock.runtime.worker.entry import BUILD
from penstock.runtime.worker.frames import Broken
from penstock.runtime.worker.process import Starter, WorkerProcess
from penstock.runtime.worker.respawn import Backoff
from penstock.runtime.worker.rollout import Rollout

_log = logging.getLogger("penstock")
_BEAT_SECONDS = 1.0
_AFTER_GRACE_SECONDS = 1.0
_HURRIED_SECONDS = 1.0
_FIRST = asyncio.FIRST_COMPLETED


@dataclass(slots=True)
class Fleet:
    """The workers by index; `on_crash` hears of each that died of itself, and how long it had served."""

    starter: Starter
    rollout: Rollout
    on_crash: Callable[[WorkerProcess, float], None] = lambda _worker, _seconds: None
    workers: dict[int, WorkerProcess] = field(default_factory=dict)
    restarts: int = 0
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: who drains has a second left."""
    may_start: asyncio.Event = field(default_factory=asyncio.Event)
    """Not set: dead workers are not replaced for now."""
    _is_ending: bool = False

    def __post_init__(self) -> None:
        self.may_start.set()

    @property
    def lags(self) -> int:
        """How often a worker has come late by 200 ms or more."""
        return self.starter.keeper.lags

    async def connect(self) -> None:
        """Connect to every worker that was started.

        Raises: OSError if one did not start.
        """
        await asyncio.gather(*(self._connect(worker) for worker in self.workers.values()))

    async def keep(self) -> None:
        """Keep every worker alive until the fleet is told to end, and heard until this is cancelled."""
        async with asyncio.TaskGroup() as group:
            for index in self.workers:
                group.create_task(self._keep(index))
            group.create_task(self._beat())

    async def drain(self, grace_seconds: float) -> None:
        """Let all workers finish what they serve; who has not ended after the grace time is killed."""
        self._is_ending = True
        workers = list(self.workers.values())
        for worker in workers:
            worker.is_ending = True
        await asyncio.gather(*(self._tell(worker, grace_seconds) for worker in workers))
        self.rollout.sockets.refuse()
        await asyncio.gather(*(self._wait_for(worker, grace_seconds) for worker in workers))

    def leave(self) -> None:
        """Keep the workers no longer: they are somebody else's now."""
        self._is_ending = True
        for worker in self.workers.values():
            worker.is_ending = True
            worker.close()

    def kill(self) -> None:
        """End all workers now."""
        self._is_ending = True
        for worker in self.workers.values():
            worker.is_ending = True
            worker.signal(signal.SIGKILL)
            worker.process.wait()
            self._forget(worker)

    async def _keep(self, index: int) -> None:
        backoff = Backoff()
        while True:
            worker = self.workers[index]
            await worker.ended()
            if self._is_ending:
                return
            served = time.monotonic() - worker.committed_at if worker.committed_at else 0.0
            self._bury(worker, served)
            await asyncio.sleep(backoff.after(served, of_itself=worker.died_of_itself))
            await self._replace(index)

    def _bury(self, worker: WorkerProcess, served: float) -> None:
        worker.close()
        self.starter.bury(worker)
        self.restarts += 1
        _log.error("worker %d, process %d, ended: %s", worker.index, worker.pid, _ending(worker))
        if worker.died_of_itself:
            self.on_crash(worker, served)

    async def _replace(self, index: int) -> None:
        """Start a worker in the place of a dead one; one that fails is found dead by whoever called."""
        await self.may_start.wait()
        if self._is_ending:
            return
        try:
            worker = self.starter.start(index)
        except OSError as problem:
            _log.error("worker %d cannot be started: %s", index, problem)
            self.workers[index].is_ending = True  # its death has been counted
            return
        self.workers[index] = worker
        try:
            await self._connect(worker)
            await self.rollout.catch_up(worker)
        except (OSError, Refused) as problem:
            _log.error("worker %d cannot be brought to serve: %s", index, problem)
            worker.was_replaced = True
            worker.signal(signal.SIGKILL)
            return
        if worker.running is not None:
            _log.info("worker %d serves again, process %d", index, worker.pid)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            await asyncio.gather(*(self.hear(worker) for worker in self.workers.values()))

    async def hear(self, worker: WorkerProcess) -> None:
        """Ask a worker how it is; one that lost its connection, or missed a change, gets it now."""
        if not worker.is_alive or worker.control is None:
            return
        try:
            if not worker.control.is_open:
                await self._reconnect(worker)
            await worker.control.status()
            if not worker.is_ending:
                await self.rollout.catch_up(worker)
        except (OSError, Refused) as problem:
            if not worker.is_ending:
                _log.warning("worker %d: %s", worker.index, str(problem) or "no answer")

    async def reopen_logs(self) -> list[str]:
        """Let every worker open its log files again; what is wrong with those that did not."""
        workers = [worker for worker in self.workers.values() if worker.is_alive]
        found = await asyncio.gather(*(self._reopen_logs(worker) for worker in workers))
        return [problem for problem in found if problem]

    async def _reopen_logs(self, worker: WorkerProcess) -> str:
        try:
            await worker.ask(lambda control: control.reopen_logs())
        except OSError as problem:
            return f"worker {worker.index}: {str(problem) or 'no answer'}"
        return ""

    async def _connect(self, worker: WorkerProcess) -> None:
        await worker.connect(self.starter.folder)
        if worker.build != BUILD:
            worker.close()
            raise Broken(f"worker {worker.index} is of build {worker.build}, not {BUILD}")

    async def _reconnect(self, worker: WorkerProcess) -> None:
        await self._connect(worker)
        answer = await worker.control.hello() if worker.control else {}
        if worker.running is not None and answer.get("revision") != worker.running.revision:
            worker.running = None

    async def _wait_for(self, worker: WorkerProcess, grace_seconds: float) -> None:
        deadline = time.monotonic() + grace_seconds + _AFTER_GRACE_SECONDS
        async with asyncio.TaskGroup() as group:
            ended = group.create_task(worker.ended())
            hurried = group.create_task(self.hurry.wait())
            await asyncio.wait({ended, hurried}, timeout=grace_seconds + _AFTER_GRACE_SECONDS, return_when=_FIRST)
            if hurried.done() and not ended.done():
                await self._tell(worker, min(grace_seconds, _HURRIED_SECONDS))
                left = min(_HURRIED_SECONDS + _AFTER_GRACE_SECONDS, deadline - time.monotonic())
                await asyncio.wait({ended}, timeout=max(0.0, left))
            hurried.cancel()
            ended.cancel()
        worker.signal(signal.SIGKILL)
        await asyncio.to_thread(worker.process.wait)
        self._forget(worker)

    def _forget(self, worker: WorkerProcess) -> None:
        worker.close()
        self.starter.bury(worker)
        self.starter.folder.worker_socket(worker.index).unlink(missing_ok=True)

    async def _tell(self, worker: WorkerProcess, grace_seconds: float) -> None:
        try:
            await worker.ask(lambda control: control.drain(grace_seconds))
        except OSError as problem:
            _log.warning("worker %d cannot be told to end: %s", worker.index, problem)
            worker.signal(signal.SIGTERM)


def _ending(worker: WorkerProcess) -> str:
    code = worker.process.returncode
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
