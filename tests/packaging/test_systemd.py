"""The units of systemd, and what is said to it and taken from it, by its own tools where they are there."""

import argparse
import os
import select
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from penstock.cli.commands import load_command
from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.origin import Origin
from tools.repository import text

UNITS = Path("packaging/systemd")
MOST_EXPOSED_TENTHS = 20
ANALYZE = shutil.which("systemd-analyze") or ""
ACTIVATE = shutil.which("systemd-socket-activate") or ""
CREDENTIALS = struct.Struct("3i")
needs_analyze = pytest.mark.skipif(not ANALYZE, reason="systemd-analyze is not there")
needs_activate = pytest.mark.skipif(not ACTIVATE, reason="systemd-socket-activate is not there")


def command_of(unit: str) -> list[str]:
    """The words that a unit starts."""
    (line,) = [line for line in text(UNITS / unit).splitlines() if line.startswith("ExecStart=")]
    return shlex.split(line.removeprefix("ExecStart="))


@needs_analyze
def test_the_service_is_exposed_no_more_than_promised() -> None:
    asked = [ANALYZE, "security", "--offline=yes", f"--threshold={MOST_EXPOSED_TENTHS}", "--no-pager"]
    ended = subprocess.run(
        [*asked, str(UNITS / "penstock.service")], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@needs_analyze
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    service = text(UNITS / "penstock.service").replace(command_of("penstock.service")[0], sys.executable)
    (tmp_path / "penstock.service").write_text(service)
    shutil.copy(UNITS / "penstock.socket", tmp_path)
    asked = [ANALYZE, "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))]
    ended = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
    assert [line for line in ended.stderr.splitlines() if "penstock" in line] == []


def test_the_service_starts_a_command_that_there_is() -> None:
    _, word, *arguments = command_of("penstock.service")
    parser = argparse.ArgumentParser()
    command = load_command(word)
    command.add_options(parser)
    assert parser.parse_args(arguments).configuration == Path("/etc/penstock")


class Manager:
    """Hears what a service says, as systemd does: with the process that says it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.heard: list[tuple[int, list[str]]] = []

    def hears(self, word: str, process: int | None = None) -> bool:
        """Whether something was said since it was last asked, by a process or by any."""
        while select.select([self._socket], [], [], 0)[0]:
            said, control, _, _ = self._socket.recvmsg(4096, socket.CMSG_SPACE(CREDENTIALS.size))
            pid = CREDENTIALS.unpack(control[0][2])[0]
            self.heard.append((pid, said.decode().splitlines()))
        found = [place for place, (pid, lines) in enumerate(self.heard) if word in lines and process in {None, pid}]
        if found:
            del self.heard[: found[0] + 1]
        return bool(found)

    def close(self) -> None:
        self._socket.close()


@contextmanager
def service(tmp_path: Path, **variables: str) -> Iterator[tuple[GatewayProcess, Manager]]:
    """A gateway that is started as a service which may be silent for a second."""
    manager = Manager(tmp_path)
    told = {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "1000000", **variables}
    with Origin() as origin:
        gateway = GatewayProcess(forwarding(origin.url))
        gateway.before = ("env", *(f"{name}={value}" for name, value in told.items()))
        with gateway:
            yield gateway, manager
    manager.close()


def test_systemd_is_told_when_requests_are_served_that_it_lives_reloads_and_ends(tmp_path: Path) -> None:
    with service(tmp_path) as (gateway, manager):
        pid = gateway.owner()
        wait_until(lambda: manager.hears("READY=1", pid))
        for _ in range(3):
            wait_until(lambda: manager.hears("WATCHDOG=1", pid))
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: manager.hears("RELOADING=1", pid))
        wait_until(lambda: manager.hears("READY=1", pid))
        gateway.signal(signal.SIGTERM)
        assert gateway.wait(15) == 0
        assert manager.hears("STOPPING=1", pid)


def test_systemd_is_told_who_follows_before_the_first_process_ends(tmp_path: Path) -> None:
    with service(tmp_path) as (gateway, manager):
        first = gateway.owner()
        gateway.signal(signal.SIGUSR2)
        assert gateway.wait(30) == 0
        wait_until(lambda: gateway.owner() != first)
        wait_until(lambda: manager.hears(f"MAINPID={gateway.owner()}", first))
        # Also of what is said by who was not yet known to systemd, enough is said again.
        wait_until(lambda: manager.hears("WATCHDOG=1", gateway.owner()))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def body(port: int, path: str = "/load") -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
        return bytes(answer.read())


@needs_activate
def test_the_first_client_starts_the_gateway_and_is_answered_by_it() -> None:
    port = free_port()
    with Origin() as origin:
        gateway = GatewayProcess(forwarding(origin.url, address=f"127.0.0.1:{port}"))
        gateway.before = (ACTIVATE, "--listen", f"127.0.0.1:{port}", "--fdname", "web")
        try:
            gateway.spawn()
            wait_until(lambda: "Listening on" in gateway.said)
            assert body(port) == b"/load"
            assert {worker["is_alive"] for worker in gateway.status()["workers"]} == {True}
            # The socket is the successor's too, and that of a listener which has changed otherwise.
            gateway.write(forwarding(origin.url, mark="later", address=f"127.0.0.1:{port}"))
            assert gateway.reload().returncode == 0
            assert gateway.command("upgrade", "--state-dir", str(gateway.state.path)).returncode == 0
            assert body(port, "/after") == b"/after"
        finally:
            gateway.__exit__()


ACTIVATED = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Begins a command as systemd does that has opened a socket for it."""


@pytest.mark.parametrize("names", ["web", "other"])
def test_a_socket_that_is_not_what_the_configuration_says_is_refused_or_left(names: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        gateway = GatewayProcess(forwarding("http://127.0.0.1:1", address=f"127.0.0.1:{free_port()}"))
        place = opened.fileno()
        begun = [sys.executable, "-c", ACTIVATED, str(place)]
        command = [*begun, sys.executable, "-m", "penstock", "run", "-c", str(gateway.file), *gateway.flags]
        variables = {**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": names}
        try:
            with gateway.log.open("ab") as log:
                gateway.process = subprocess.Popen(command, stdout=log, stderr=log, env=variables, pass_fds=(place,))
            if names == "web":
                assert gateway.wait(15) == 1
                assert gateway.said.startswith(
                    "penstock: listener web: the socket that was opened for it is not that of"
                )
            else:
                wait_until(lambda: "no listener is called other: the sockets" in gateway.said)
                assert gateway.status()["phase"] == "serving"
        finally:
            gateway.__exit__()
