"""A worker that lost its supervisor before it was given a plan serves nothing, and ends by itself."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from penstock._core import SharedTable
from tests.servers.gateway_process import wait_until

WORKER = """
import os, sys
from penstock._core import run_worker
supervisor, moment = int(sys.argv[1]), sys.argv[5]
while moment == "early" and os.getppid() == supervisor:
    pass
table = (int(sys.argv[2]), int(sys.argv[3]), 0)
run_worker(0, supervisor, table, sys.argv[4] + "/w.sock", "b", sys.argv[4])
"""
SUPERVISOR = """
import os, subprocess, sys, time
command = [sys.executable, "-c", sys.argv[1], str(os.getpid()), *sys.argv[2:]]
print(subprocess.Popen(command, pass_fds=(int(sys.argv[2]),), stdout=subprocess.DEVNULL).pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("moment", ["early", "late"])
def test_r44_a_worker_whose_supervisor_dies_during_the_start_ends(tmp_path: Path, moment: str) -> None:
    table = SharedTable(1)
    words = [str(table.descriptor), "1", str(tmp_path), moment]
    command = [sys.executable, "-c", SUPERVISOR, WORKER, *words]
    with subprocess.Popen(command, pass_fds=(table.descriptor,), stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        worker = os.pidfd_open(int(supervisor.stdout.readline()))
        try:
            if moment == "late":
                wait_until((tmp_path / "w.sock").exists)
            supervisor.kill()
            wait_until(lambda: has_ended(worker))
        finally:
            if not has_ended(worker):
                signal.pidfd_send_signal(worker, signal.SIGKILL)
            os.close(worker)


def has_ended(process: int) -> bool:
    try:
        signal.pidfd_send_signal(process, 0)
    except ProcessLookupError:
        return True
    return False
