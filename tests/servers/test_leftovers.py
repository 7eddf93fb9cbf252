"""Processes that outlive their test are found, also without a parent, and end."""

import subprocess
import sys

from tests.servers.gateway_process import wait_until
from tests.servers.leftovers import end, left_over, processes
from tests.servers.processes import is_process, parent_of

ORPHAN = "import subprocess; print(subprocess.Popen(['sleep', '60'], start_new_session=True, stdout=-3, stderr=-3).pid)"


def test_an_orphan_is_found_and_ended() -> None:
    before = processes()
    told = subprocess.run([sys.executable, "-c", ORPHAN], capture_output=True, text=True, check=True).stdout
    found = left_over(before, 0)
    assert found == {int(told): "sleep 60"}
    end(found)
    wait_until(lambda: not is_process(int(told)))
    assert left_over(before) == {}


def test_what_ends_by_itself_in_time_is_not_left_over() -> None:
    before = processes()
    with subprocess.Popen(["sleep", "0.2"]):
        assert left_over(before, 0) != {}
        assert left_over(before) == {}


def test_processes_of_others_are_nobody_s_leftovers() -> None:
    with subprocess.Popen(["sleep", "60"], env={}) as other:
        assert left_over(processes() - {other.pid}, 0) == {}
        other.kill()


def test_what_a_shared_process_starts_is_its_own_until_that_has_ended() -> None:
    script = "import subprocess, sys; sys.stdin.read(1); subprocess.run(['sleep', '60'])"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE) as shared:
        before = processes()
        assert shared.stdin is not None
        shared.stdin.write(b"x")
        shared.stdin.flush()
        wait_until(lambda: any(parent_of(pid) == shared.pid for pid in processes()))
        assert left_over(before, 0) == {}
        shared.kill()
        shared.wait()
        found = left_over(before, 0)
        assert list(found.values()) == ["sleep 60"]
        end(found)
