"""The watch over workers runs beside Python: whatever that does, a worker that stands still is ended (R42, R43)."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from penstock._core import Keeper, SharedTable
from tests.servers.gateway_process import wait_until

WORKER = """
import os, sys
from penstock._core import run_worker
table = tuple(int(word) for word in sys.argv[1:4])
run_worker(0, os.getppid(), table, sys.argv[4], "b", "/nonexistent")
"""
HOLD_MS = 20_000
# The interpreter is held for as long as the call takes: that is what sets `PyDLL` apart.
HOLDING = ctypes.PyDLL(None)


class Question(ctypes.Structure):
    _fields_ = (("descriptor", ctypes.c_int), ("events", ctypes.c_short), ("found", ctypes.c_short))


def ends_while_python_is_held(process: "subprocess.Popen[bytes]") -> bool:
    """Wait for a process to end, in a call that lets no other Python run meanwhile."""
    descriptor = os.pidfd_open(process.pid)
    question = Question(descriptor, 1, 0)
    has_ended = bool(HOLDING.poll(ctypes.byref(question), 1, HOLD_MS))
    os.close(descriptor)
    return has_ended


@contextmanager
def worker(table: SharedTable, keeper: Keeper, folder: Path, column: int = 0) -> Iterator["subprocess.Popen[bytes]"]:
    socket = folder / f"{column}.sock"
    words = [str(table.descriptor), str(table.boot_id), str(column), str(socket)]
    with subprocess.Popen([sys.executable, "-c", WORKER, *words], pass_fds=(table.descriptor,)) as process:
        try:
            keeper.watch(process.pid, column)
            wait_until(lambda: (column, process.pid) in table.workers())
            yield process
        finally:
            process.kill()


def test_r42_r43_a_worker_that_stands_still_is_ended_and_settled_while_python_is_held(tmp_path: Path) -> None:
    table = SharedTable(1)
    keeper = Keeper(table, 1_000)
    with worker(table, keeper, tmp_path) as process:
        process.send_signal(signal.SIGSTOP)
        assert ends_while_python_is_held(process)
        assert process.wait(5) == -signal.SIGKILL
        # The watch settles it by itself.
        wait_until(lambda: table.workers() == [])
        assert keeper.forget(process.pid)
    assert keeper.lags == 1


def test_one_that_beats_is_left_alone_and_one_that_dies_is_not_said_to_have_been_ended(tmp_path: Path) -> None:
    table = SharedTable(1)
    keeper = Keeper(table, 1_000)
    with worker(table, keeper, tmp_path, 0) as still, worker(table, keeper, tmp_path, 1) as lively:
        still.send_signal(signal.SIGSTOP)
        assert still.wait(20) == -signal.SIGKILL
        assert lively.poll() is None
        lively.kill()
        lively.wait()
        assert not keeper.forget(lively.pid)
        assert keeper.forget(still.pid)
        assert not keeper.forget(still.pid), "it is forgotten"
