"""Takes over from the workers of a supervisor that is gone or gives way: table and sockets stay, requests finish."""

import asyncio
import contextlib
import logging
import os
import select
import signal
import socket
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from penstock._core import SharedTable
from penstock.runtime.listening import ListeningSocket
from penstock.runtime.measures.directory import Directory, Place
from penstock.runtime.measures.kinds import TOLD_KINDS
from penstock.runtime.state_folder import StateFolder, generation_of
from penstock.runtime.worker.columns import Columns
from penstock.runtime.worker.control import Control, GivenTable
from penstock.runtime.worker.process import readable

_log = logging.getLogger("penstock")
_CREDENTIALS = struct.Struct("3i")
_PROBE_SECONDS = 0.5
_AFTER_GRACE_SECONDS = 1.0
_AGAIN_SECONDS = 0.5
_GIVING_SECONDS = 1.0
"""Time for an earlier worker to give the table; the others have it too."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A worker that an earlier supervisor has left behind.

    `process` is a descriptor of the process itself: its number may belong to somebody else by the time it is used.
    """

    path: Path
    pid: int
    process: int


def find_earlier(folder: StateFolder) -> list[Earlier]:
    """The earlier workers that live; their sockets make room for the new ones', those of dead ones are removed."""
    found: list[Earlier] = []
    for path in folder.worker_sockets():
        pid = _listener_pid(path)
        if pid is None:
            path.unlink(missing_ok=True)
            continue
        with contextlib.suppress(ProcessLookupError):
            process = os.pidfd_open(pid)
            # Asked again: the number may have been given away between the answer and the descriptor.
            if _listener_pid(path) == pid:
                aside = path if folder.generation else _moved_aside(folder, path, pid, len(found))
                found.append(Earlier(aside, pid, process))
            else:
                os.close(process)
    return found


def left_by(folder: StateFolder, supervisor: int) -> list[Earlier]:
    """The workers that live of a successor that has ended before it owned the folder."""
    found: list[Earlier] = []
    for path in folder.worker_sockets():
        if not path.name.startswith(generation_of(supervisor)):
            continue
        pid = _listener_pid(path)
        if pid is None:
            path.unlink(missing_ok=True)
            continue
        with contextlib.suppress(ProcessLookupError):
            found.append(Earlier(path, pid, os.pidfd_open(pid)))
    return found


def table_for(workers: int, earlier: Sequence[Earlier]) -> tuple[Columns, Directory]:
    """The table of earlier workers, cleared of the dead; a new one where they have none that this build can use."""
    table, used = asyncio.run(_take_table(earlier)) if earlier else (None, {})
    if table is not None:
        living = {one.pid for one in earlier}
        for _, process in table.workers():
            if process not in living:
                table.settle(process)
        if len(table.workers()) + workers <= table.COLUMNS:
            directory = Directory(table)
            for process, places in used.items():
                directory.claim(process, places)
            return Columns(table), directory
        _log.warning("the shared table has no room beside %d earlier workers; a new one is made", len(earlier))
    columns = Columns()
    return columns, Directory(columns.table)


async def take_sockets(earlier: Iterable[Earlier]) -> list[ListeningSocket]:
    """Duplicates of every listening socket that earlier workers hold; each may come from several of them."""
    taken: list[ListeningSocket] = []
    for one in earlier:
        try:
            control = await Control.connect(one.path)
        except OSError as problem:
            _log.warning("earlier worker, process %d, does not answer: %s", one.pid, problem)
            continue
        try:
            await control.hello()
            taken += await control.take_sockets()
        except OSError as problem:
            _log.warning("earlier worker, process %d, gives no sockets: %s", one.pid, problem)
        finally:
            control.close()
    return taken


async def retire(one: Earlier, grace_seconds: float) -> None:
    """Let an earlier worker finish what it serves; it is killed if it has not ended after the grace time.

    Cancelled, it leaves the worker to whoever follows: that one is to find its socket.
    """
    try:
        async with asyncio.timeout(grace_seconds + _AFTER_GRACE_SECONDS):
            await _tell(one, grace_seconds)
            await readable(os.dup(one.process))
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(one.process, signal.SIGKILL)
        await readable(os.dup(one.process))
    finally:
        has_ended = bool(select.select([one.process], [], [], 0)[0])
        os.close(one.process)
        if has_ended:
            one.path.unlink(missing_ok=True)


async def _tell(one: Earlier, grace_seconds: float) -> None:
    """Tell a worker to finish, again and again if it does not hear: on a busy machine it may be late."""
    while not select.select([one.process], [], [], 0)[0]:
        try:
            control = await Control.connect(one.path)
            try:
                await control.hello()
                await control.retire(grace_seconds)
            finally:
                control.close()
        except OSError as problem:
            _log.warning(
                "earlier worker, process %d, cannot be told to finish: %s", one.pid, str(problem) or "no answer"
            )
            await asyncio.sleep(_AGAIN_SECONDS)
        else:
            return


async def _take_table(earlier: Sequence[Earlier]) -> tuple[SharedTable | None, dict[int, Mapping[str, Place]]]:
    """The table that earlier workers map, and by process the places that each of them uses."""
    answers = await asyncio.gather(*(_table_of(one) for one in earlier))
    table: SharedTable | None = None
    used: dict[int, Mapping[str, Place]] = {}
    for one, given in zip(earlier, answers, strict=True):
        if given is None:
            continue
        if given.kinds != TOLD_KINDS or (table is not None and given.boot_id != table.boot_id):
            _log.warning("earlier worker, process %d, counts in another table", one.pid)
            os.close(given.descriptor)
            continue
        try:
            opened = SharedTable.open(given.descriptor, given.boot_id)
        except OSError as problem:
            _log.warning("earlier worker, process %d, gives no table: %s", one.pid, problem)
            continue
        table = table or opened
        used[one.pid] = given.places
    return table, used


async def _table_of(one: Earlier) -> GivenTable | None:
    try:
        control = await Control.connect(one.path, _GIVING_SECONDS)
    except OSError as problem:
        _log.warning("earlier worker, process %d, does not answer: %s", one.pid, problem)
        return None
    control.answer_seconds = _GIVING_SECONDS
    try:
        return await control.take_table()
    except OSError as problem:
        _log.warning("earlier worker, process %d, gives no table: %s", one.pid, str(problem) or "no answer")
        return None
    finally:
        control.close()


def _moved_aside(folder: StateFolder, path: Path, pid: int, index: int) -> Path:
    aside = folder.earlier_socket(pid, index)
    path.rename(aside)
    return aside


def _listener_pid(path: Path) -> int | None:
    """The process that listens on a socket, if one does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_SECONDS)
        try:
            probe.connect(str(path))
            credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        except OSError:
            return None
    pid: int = _CREDENTIALS.unpack(credentials)[0]
    return pid
