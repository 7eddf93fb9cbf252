"""Columns of the shared table: each process has its own, and what the dead leave is cleared."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from penstock._core import SharedTable
from penstock.runtime.worker.columns import Columns, NoColumn

WORKER = """
import os, sys
from penstock._core import run_worker
table = tuple(int(word) for word in sys.argv[1:4])
run_worker(0, os.getppid(), table, sys.argv[4] + "/w.sock", "b", sys.argv[4])
"""


@contextmanager
def worker(columns: Columns, folder: object, column: int | None = None) -> Iterator["subprocess.Popen[str]"]:
    """A process that enters a column, the next free one unless another is named."""
    table = columns.table
    chosen = columns.free() if column is None else column
    command = [sys.executable, "-c", WORKER, str(table.descriptor), str(table.boot_id), str(chosen), str(folder)]
    with subprocess.Popen(command, pass_fds=(table.descriptor,), stderr=subprocess.PIPE, text=True) as process:
        columns.give(chosen, process.pid)
        try:
            yield process
        finally:
            process.kill()


def entered(columns: Columns, process: "subprocess.Popen[str]") -> bool:
    while process.poll() is None:
        if any(pid == process.pid for _, pid in columns.table.workers()):
            return True
    return False


def test_a_process_keeps_its_column_until_it_has_ended_and_is_settled(tmp_path: object) -> None:
    columns = Columns()
    with worker(columns, tmp_path) as process:
        assert columns.free() == 1, "given, though the process may not have entered yet"
        assert entered(columns, process)
        assert columns.table.workers() == [(0, process.pid)]
    assert columns.free() == 1, "nobody has settled it yet"
    columns.settle(process.pid)
    assert columns.table.workers() == []
    assert columns.free() == 0


def test_two_processes_never_work_in_one_column(tmp_path: object) -> None:
    columns = Columns()
    with worker(columns, tmp_path) as first:
        assert entered(columns, first)
        with worker(columns, tmp_path, column=0) as second:
            assert second.wait(20) == 1
            assert second.stderr is not None
            assert "column 0 of the shared table is taken" in second.stderr.read()
        assert columns.table.workers() == [(0, first.pid)]


def test_a_process_that_never_entered_gives_its_column_back() -> None:
    columns = Columns()
    columns.give(0, 999_999_999)
    assert columns.free() == 1
    columns.settle(999_999_999)
    assert columns.free() == 0


def test_there_are_as_many_columns_as_the_table_says_and_no_more() -> None:
    columns = Columns()
    for process in range(columns.table.COLUMNS):
        columns.give(columns.free(), process + 1)
    with pytest.raises(NoColumn, match="all 64 columns"):
        columns.free()


def test_a_table_is_opened_again_by_its_descriptor_and_boot_id_alone() -> None:
    made = SharedTable(7)
    assert SharedTable.open(os.dup(made.descriptor), 7).boot_id == 7
    with pytest.raises(OSError, match="boot id is 7, this process needs 8"):
        SharedTable.open(os.dup(made.descriptor), 8)
    reading, writing = os.pipe()
    os.close(writing)
    with pytest.raises(OSError, match=r"seal|Invalid argument"):
        SharedTable.open(reading, 7)
