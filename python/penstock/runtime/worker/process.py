"""One worker process: how it is started, what it runs, how it ended."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock._core import Keeper
from penstock.runtime.change.delta import difference
from penstock.runtime.listening import Listening
from penstock.runtime.measures.directory import Placed
from penstock.runtime.measures.subjects import ALWAYS, subjects_of_part
from penstock.runtime.state_folder import StateFolder
from penstock.runtime.worker.columns import Columns
from penstock.runtime.worker.control import Control
from penstock.runtime.worker.frames import Broken

_START_SECONDS = 10.0
_START_STEP_SECONDS = 0.01
OUTSIDE_SIGNALS = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})
"""Signals that somebody sends; a worker that dies of another one died of itself."""


@dataclass(frozen=True, slots=True)
class Running:
    """The plan that a worker runs, and where it counts what; parts that are not in it were never sent to it."""

    revision: int
    parts: Mapping[str, Any]
    placed: Mapping[str, Placed]
    """What is counted where, by the keys of its subjects."""
    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)
    listeners: Mapping[str, str] = field(init=False)
    """The addresses of its listeners by their names."""
    listening: Sequence[Listening] = field(init=False)
    """All addresses with the names of their listeners, those of connections of TCP before those of QUIC."""
    _changes: dict[int, dict[str, Any]] = field(default_factory=dict, compare=False)

    def change_from(self, before: "Running") -> dict[str, Any]:
        """What leads here from an earlier plan; found once for all workers that run it."""
        if before.revision not in self._changes:
            self._changes[before.revision] = self._with_places(difference(before.parts, self.parts))
        return self._changes[before.revision]

    def whole(self) -> dict[str, Any]:
        """What leads here from no plan at all."""
        return self._with_places({"put": dict(self.parts), "drop": []})

    def _with_places(self, change: dict[str, Any]) -> dict[str, Any]:
        """A change, and where that is counted which its parts name; of parts that stay it is known."""
        put = (subject for key, part in change["put"].items() for subject in subjects_of_part(key, part["body"]))
        return {**change, "places": {one.key: self.placed[one.key].place for one in (*ALWAYS, *put)}}

    def __post_init__(self) -> None:
        bodies = [part["body"] for key, part in self.parts.items() if key.startswith("listener/")]
        quic = [(body["name"], f"quic:{body['address']}") for body in bodies if "h3" in body["protocols"]]
        object.__setattr__(self, "listeners", {body["name"]: body["address"] for body in bodies})
        object.__setattr__(self, "listening", (*self.listeners.items(), *quic))


@dataclass(slots=True, eq=False)
class WorkerProcess:
    """A worker process and the connection to it."""

    index: int
    process: subprocess.Popen[bytes]
    control: Control | None = None
    running: Running | None = None
    build: str = ""
    committed_at: float = 0.0
    is_ending: bool = False
    """Told to end, so that its death is no crash."""
    was_replaced: bool = False
    """Killed by the supervisor because it stood still or could not serve: a crash of its own making."""

    @property
    def pid(self) -> int:
        """The process's id."""
        return self.process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    @property
    def died_of_itself(self) -> bool:
        """Whether nobody outside is to blame for its death."""
        code = self.process.returncode
        if code is None or self.is_ending:
            return False
        return self.was_replaced or code >= 0 or -code not in OUTSIDE_SIGNALS

    async def connect(self, folder: StateFolder) -> None:
        """Connect to its control socket, which it makes while it starts.

        Raises: OSError if it died or did not start in time.
        """
        path = folder.worker_socket(self.index)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.control = await Control.connect(path)
                answer = await self.control.hello()
            except (FileNotFoundError, ConnectionRefusedError):
                if not self.is_alive or time.monotonic() > deadline:
                    raise Broken(f"worker {self.index} did not start") from None
                await asyncio.sleep(_START_STEP_SECONDS)
                continue
            if answer.get("pid") != self.pid:
                self.control.close()
                raise Broken(f"worker {self.index}: process {answer.get('pid')} answers in its place")
            self.build = str(answer.get("build", ""))
            return

    async def ended(self) -> None:
        """Return when the process has ended."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        await readable(descriptor)
        self.process.poll()

    async def ask(self, question: Callable[[Control], Awaitable[None]]) -> None:
        """Ask over the connection that there is.

        Raises: what the question raises; Broken without a connection.
        """
        if self.control is None or not self.control.is_open:
            raise Broken(f"worker {self.index} has no connection")
        await question(self.control)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; a process that is gone stays so."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def close(self) -> None:
        """Close the connection; the process goes on."""
        if self.control is not None:
            self.control.close()


async def readable(descriptor: int) -> None:
    """Return when a descriptor can be read, and close it; that of a process can when the process has ended."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, _settle, ready)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


@dataclass(slots=True)
class Starter:
    """Starts workers as fresh processes, which share nothing with this one but its output and the table."""

    folder: StateFolder
    columns: Columns
    keeper: Keeper
    memory_limit: str = "auto"
    boot: str = field(default_factory=lambda: f"{time.time_ns():x}-{os.getpid():x}")

    def start(self, index: int) -> WorkerProcess:
        """A worker process that begins to run.

        Raises: OSError if the system has no room for it.
        """
        path = self.folder.worker_socket(index)
        path.unlink(missing_ok=True)
        column, table = self.columns.free(), self.columns.table
        command = [
            # -P: a folder that happens to be the current one must not hold what a worker imports.
            *(sys.executable, "-P", "-m", "penstock", "_worker"),
            *("--index", str(index), "--supervisor", str(os.getpid()), "--column", str(column)),
            *("--table", str(table.descriptor), "--table-boot", str(table.boot_id)),
            *("--socket", str(path), "--boot", self.boot, "--state-dir", str(self.folder.path)),
            *("--memory-limit", self.memory_limit),
        ]
        # A session of its own: what a terminal sends is meant for the supervisor.
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            command, stdin=subprocess.DEVNULL, pass_fds=(table.descriptor,), start_new_session=True
        )
        worker = WorkerProcess(index, process)
        self.columns.give(column, worker.pid)
        try:
            self.keeper.watch(worker.pid, index)
        except OSError:
            process.kill()
            process.wait()
            self.bury(worker)
            raise
        return worker

    def bury(self, worker: WorkerProcess) -> None:
        """Clear away what a process that has ended leaves behind, and learn whether it was ended."""
        self.columns.settle(worker.pid)
        worker.was_replaced |= self.keeper.forget(worker.pid)
