"""What outlives the test that made it: processes of a run of the tests, and sockets of its own."""

import contextlib
import os
import signal
import time
from pathlib import Path

from tests.servers.processes import parent_of

MARK = "PENSTOCK_TEST_RUN"
"""An environment variable that every process of a run inherits, also one that has lost its parent."""
ENDING_SECONDS = 5.0
"""Time in which what was told to end is gone, on a busy machine."""


def mark_run() -> None:
    """Let everything that this process starts from now on be known by its environment."""
    os.environ[MARK] = str(os.getpid())


def processes() -> set[int]:
    """Every process of this machine."""
    return {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}


def left_over(before: set[int], seconds: float = ENDING_SECONDS) -> dict[int, str]:
    """Commands of processes of this run that were not there before and do not end in time.

    What a process that was there before has started is its own, as is the worker that a shared gateway starts again.
    """
    deadline = time.monotonic() + seconds
    while (found := _new(before)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def end(found: dict[int, str]) -> None:
    """End what is left, so that the run leaves nothing behind though one of its tests does."""
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def sockets() -> set[str]:
    """The sockets that this process holds, by their inodes."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(str(entry.readlink()))
    return {one for one in found if one.startswith("socket:")}


def _new(before: set[int]) -> dict[int, str]:
    mark = f"{MARK}={os.environ[MARK]}".encode()
    owners = before - {os.getpid()}
    commands = {pid: _command(pid, mark) for pid in processes() - before}
    return {pid: command for pid, command in commands.items() if command and not _is_owned(pid, owners, mark)}


def _is_owned(pid: int, owners: set[int], mark: bytes) -> bool:
    """Whether one of some processes of this run has started it."""
    parent = parent_of(pid)
    return parent in owners and bool(_command(parent, mark))


def _command(pid: int, mark: bytes) -> str:
    """The command of a process that runs and has the mark; empty for any other."""
    try:
        if mark not in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            return ""
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""
