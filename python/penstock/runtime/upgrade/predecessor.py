"""The old side of an upgrade: starts its successor, gives way, and goes on as if nothing had been where that fails."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penstock.runtime.privileges import handed_on
from penstock.runtime.state_folder import sign
from penstock.runtime.upgrade.message import FAILED, READY, SERVING, YOURS, Broken, Channel
from penstock.runtime.worker.takeover import left_by, retire

if TYPE_CHECKING:
    from penstock.runtime.supervisor import Supervisor

_log = logging.getLogger("penstock")
_READY_SECONDS = 120.0
"""Time for a successor to load and to check the configuration; meanwhile nothing is different from before."""
_SERVING_SECONDS = 60.0
"""Time for a successor to serve, once it was given way; meanwhile nothing can be changed."""
_ENDING_SECONDS = 5.0
_WORKERS = "--workers"
_OF_THIS_PROCESS = ("WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
"""Variables by which systemd speaks to one process alone."""


class Stays(Exception):  # noqa: N818 - says what is the case
    """A gateway that goes on because its successor does not serve; the text says why."""


@dataclass(frozen=True, slots=True)
class Successor:
    """A successor that serves."""

    pid: int
    version: str


@dataclass(slots=True)
class Predecessor:
    """Gives way to one successor at a time."""

    supervisor: "Supervisor"
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _giving: "asyncio.Task[Any] | None" = None
    _asked: "asyncio.Task[None] | None" = None
    _last: Channel | None = None

    def ask(self) -> None:
        """Give way to what is installed now in the place of this version; what comes of it is in the log."""
        self._asked = asyncio.get_running_loop().create_task(self._give_way_and_say())

    async def abandon(self) -> None:
        """End a successor that does not serve yet: the gateway is told to end, and both are meant."""
        if self._giving is not None:
            self._giving.cancel()
            await asyncio.wait({self._giving})

    async def give_way(self, python: str | None = None, workers: int | None = None) -> Successor:
        """Start a successor and let it take over; this gateway leaves as soon as that serves.

        It runs in another interpreter if one is named, with another number of workers if that is.

        Raises: Stays; then nothing has changed.
        """
        if self._turn.locked():
            raise Stays("an upgrade is under way")
        async with self._turn:
            self._giving = asyncio.current_task()
            try:
                return await self._give_way(python or sys.executable, workers)
            except Stays as stays:
                _log.error("the gateway goes on as it is: %s", stays)
                raise
            finally:
                self._giving = None

    async def _give_way_and_say(self) -> None:
        with contextlib.suppress(Stays):
            await self.give_way()

    async def _give_way(self, python: str, workers: int | None) -> Successor:
        await self._check()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        channel = Channel(ours)
        try:
            process = self._start(python, workers, theirs)
        except OSError as problem:
            channel.close()
            raise Stays(f"{python} cannot be run: {(problem.strerror or '').lower()}") from None
        finally:
            theirs.close()
        _log.info("process %d is to take over", process.pid)
        try:
            successor = await self._accompany(process, channel)
        except asyncio.CancelledError:
            channel.close()
            process.kill()
            await asyncio.to_thread(process.wait)
            await self._retire_left(process.pid, _ENDING_SECONDS)
            raise
        except BaseException:
            channel.close()
            raise
        # Not closed: its end tells the successor that this process has ended, with all that it did.
        self._last = channel
        return successor

    async def _check(self) -> None:
        if os.getpid() == 1:
            raise Stays("process 1 of a container cannot be followed by another one: replace the container")
        if not self.supervisor.is_ready:
            raise Stays("the gateway does not serve, or is about to end")
        if await self.supervisor.applying.loses_by_leaving():
            raise Stays("resources of the admin API are in memory alone, as the store could not be opened")

    def _start(self, python: str, workers: int | None, theirs: socket.socket) -> "subprocess.Popen[bytes]":
        words = with_workers(self.supervisor.launch.settings.words, workers)
        command = [python, "-P", "-m", "penstock", "_succeed", "--channel", str(theirs.fileno()), *words]
        environment = {name: value for name, value in os.environ.items() if name not in _OF_THIS_PROCESS}
        with handed_on():
            return subprocess.Popen(  # noqa: S603 - what the gateway's owner has asked for
                command, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),), env=environment
            )

    async def _accompany(self, process: "subprocess.Popen[bytes]", channel: Channel) -> Successor:
        try:
            await _heard(channel, READY, _READY_SECONDS)
        except (OSError, Stays) as problem:
            raise await _ended(process, problem) from None
        await self._pause()
        try:
            await channel.say(YOURS, self._told(), self._lent())
            told = await _heard(channel, SERVING, _SERVING_SECONDS)
        except (OSError, Stays) as problem:
            stays = await _ended(process, problem)
            await self._resume(process.pid)
            raise stays from None
        self.supervisor.leave(process.pid)
        return Successor(process.pid, str(told.get("version", "")))

    async def _pause(self) -> None:
        """Change nothing from now on: nobody is started, no plan is rolled out, nobody asks for it."""
        self.supervisor.fleet.may_start.clear()
        await self.supervisor.fleet.rollout.turn.acquire()
        self.supervisor.lend()

    def _told(self) -> Mapping[str, Any]:
        tickets = self.supervisor.fleet.rollout.tickets.secret()
        nodes = self.supervisor.launch.starter.columns.table.nodes
        return {"tickets": tickets, "is_in_memory": self.supervisor.applying.is_in_memory, "nodes": nodes}

    def _lent(self) -> Mapping[str, int]:
        lent = {name: one.fileno() for name, one in self.supervisor.lent.items()}
        return {"lock": self.supervisor.launch.lock, **lent}

    async def _resume(self, successor: int) -> None:
        """Go on as before; workers that the successor has left behind finish what they have begun."""
        sign(self.supervisor.launch.lock)
        rollout = self.supervisor.fleet.rollout
        # A port whose datagrams cannot be steered is told of when the next plan is rolled out.
        with contextlib.suppress(OSError):
            rollout.sockets.steer()
        rollout.turn.release()
        self.supervisor.fleet.may_start.set()
        await self.supervisor.take_back()
        await self._retire_left(successor, self.supervisor.launch.settings.grace_seconds)

    async def _retire_left(self, successor: int, grace_seconds: float) -> None:
        left = left_by(self.supervisor.launch.folder, successor)
        await asyncio.gather(*(retire(one, grace_seconds) for one in left))


def with_workers(words: Sequence[str], workers: int | None) -> list[str]:
    """The words of a command with another number of workers."""
    if workers is None:
        return list(words)
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == _WORKERS:
            next(rest, None)
        elif not word.startswith(f"{_WORKERS}="):
            kept.append(word)
    return [*kept, _WORKERS, str(workers)]


async def _heard(channel: Channel, word: str, seconds: float) -> Mapping[str, Any]:
    message, descriptors = await channel.hear(seconds)
    for one in descriptors.values():
        os.close(one)
    if message.get("type") == FAILED:
        raise Stays("\n".join(map(str, message.get("problems", []))))
    if message.get("type") != word:
        raise Broken(f"it says {message.get('type')}")
    return message


async def _ended(process: "subprocess.Popen[bytes]", problem: Exception) -> Stays:
    """Why the gateway stays, once the process that was to follow has ended, or was ended."""
    is_late = isinstance(problem, TimeoutError)
    try:
        code = await asyncio.to_thread(process.wait, 0.0 if is_late else _ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        code = await asyncio.to_thread(process.wait)
    if isinstance(problem, Stays):
        return problem
    if is_late:
        return Stays("the new version did not come to serve in time, and was ended")
    if code < 0:
        return Stays(f"the new version was ended by {signal.Signals(-code).name} before it served")
    return Stays(f"the new version ended with exit code {code} before it served; what it wrote says more")
