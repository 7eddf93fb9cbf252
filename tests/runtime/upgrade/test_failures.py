"""Successors that do not come to serve: the gateway goes on as it was, and says why (R7)."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.load import Load
from tests.servers.origin import Origin

SPEAKING = """
import asyncio, os, signal, socket, sys
from penstock.runtime.upgrade.message import Channel

words = sys.argv[1:]
channel = Channel(socket.socket(fileno=int(words[words.index("--channel") + 1])))

async def converse():
    await channel.say("ready", {"version": "broken"})
    await channel.hear(None)

asyncio.run(converse())
"""
"""A successor up to the moment at which it is given way."""
ENDS = {
    "exit code 3": "sys.exit(3)",
    "SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
    "SIGSEGV": "os.kill(os.getpid(), signal.SIGSEGV)",
}


@contextmanager
def serving() -> Iterator[GatewayProcess]:
    """A gateway that is not to notice anything, and can still be changed and followed in the end."""
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway, Load(gateway.port()) as load:
        owner, workers = gateway.owner(), gateway.worker_pids()
        yield gateway
        assert (gateway.owner(), gateway.worker_pids()) == (owner, workers)
        gateway.write(forwarding(origin.url, mark="later"))
        assert gateway.reload().returncode == 0
        wait_until(lambda: gateway.status()["revision"] == 2)
        before = load.losses.answered
        wait_until(lambda: load.losses.answered > before + 50, 30)
        assert (load.losses.lost, load.losses.closed, load.losses.dropped) == ([], 0, 0)
        os.kill(workers[0], signal.SIGKILL)
        wait_until(
            lambda: gateway.status()["restarts"] == 1 and all(one["revision"] for one in gateway.status()["workers"])
        )
        assert gateway.command("upgrade", "--state-dir", str(gateway.state.path)).returncode == 0
        wait_until(lambda: gateway.owner() != owner)


def program(folder: Path, text: str) -> Path:
    """A program in the place of an interpreter."""
    path = folder / "python"
    path.write_text(f"#!{sys.executable}\n{textwrap.dedent(text)}")
    path.chmod(0o755)
    return path


def asking(gateway: GatewayProcess, python: Path | None = None) -> list[str]:
    """The command that lets a gateway give way, as if it ran in another interpreter."""
    text = "import sys; sys.executable = sys.argv.pop(1); from penstock.cli.main import main; sys.exit(main())"
    words = [sys.executable, "-c", text, str(python or sys.executable)]
    return [*words, "upgrade", "--state-dir", str(gateway.state.path)]


def refused(gateway: GatewayProcess, python: Path | None = None) -> str:
    """What the command says that fails."""
    ended = subprocess.run(asking(gateway, python), capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1, ended.stdout
    said, _, last = ended.stderr.rstrip("\n").rpartition("\n")
    assert last == "nothing has changed: the gateway goes on as it was"
    return said


def test_r7_a_configuration_with_problems_is_refused_before_anything_happens() -> None:
    with serving() as gateway:
        good = gateway.file.read_text()
        gateway.write("kind: Listener\nname: web\naddres: x\n")
        wait_until(lambda: "not applied" in gateway.said)
        assert "gateway.yaml:3:" in refused(gateway)
        gateway.write(good)


def test_r7_a_program_that_is_not_there(tmp_path: Path) -> None:
    with serving() as gateway:
        said = refused(gateway, tmp_path / "none")
        assert said == f"{tmp_path}/none cannot be run: no such file or directory"
        assert f"ERROR the gateway goes on as it is: {said}\n" in gateway.said


@pytest.mark.parametrize("end", ENDS)
def test_r7_a_version_that_ends_at_its_start(tmp_path: Path, end: str) -> None:
    with serving() as gateway:
        said = refused(gateway, program(tmp_path, f"import os, signal, sys\n{ENDS[end]}"))
        assert end in said


@pytest.mark.parametrize("end", ENDS)
def test_r7_a_version_that_ends_once_it_was_given_way(tmp_path: Path, end: str) -> None:
    with serving() as gateway:
        assert end in refused(gateway, program(tmp_path, SPEAKING + ENDS[end]))


LATE = """
import sys
import penstock.runtime.upgrade.successor as successor

async def never_complete(self):
    sys.exit(5)

successor.Succession.complete = never_complete
sys.argv = [word for word in sys.argv if word not in ("-P", "-m", "penstock")]
from penstock.cli.main import main
sys.exit(main())
"""
"""A version that ends when its workers serve already, and before it has said so."""


def test_r7_workers_that_a_failed_successor_leaves_behind_finish_and_end(tmp_path: Path) -> None:
    with serving() as gateway:
        assert "before it served" in refused(gateway, program(tmp_path, LATE))
        wait_until(lambda: [path.name for path in gateway.state.worker_sockets()] == ["0.sock", "1.sock"])


def test_r7_a_second_upgrade_waits_for_nobody(tmp_path: Path) -> None:
    with serving() as gateway:
        silent = program(tmp_path, "import time\ntime.sleep(600)")
        first = subprocess.Popen(asking(gateway, silent), stderr=subprocess.PIPE)
        wait_until(lambda: "is to take over" in gateway.said)
        assert refused(gateway) == "an upgrade is under way"
        pid = int(gateway.said.partition(" is to take over")[0].rpartition(" ")[2])
        os.kill(pid, signal.SIGTERM)
        assert b"SIGTERM" in first.communicate(timeout=30)[1]


def test_r7_a_gateway_that_ends_takes_its_unfinished_successor_along(tmp_path: Path) -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        silent = program(tmp_path, "import time\ntime.sleep(600)")
        with subprocess.Popen(asking(gateway, silent), stderr=subprocess.PIPE) as first:
            wait_until(lambda: "is to take over" in gateway.said)
            pid = int(gateway.said.partition(" is to take over")[0].rpartition(" ")[2])
            gateway.signal(signal.SIGTERM)
            assert gateway.wait(15) == 0
            wait_until(lambda: not Path(f"/proc/{pid}").exists())
            first.communicate(timeout=15)
