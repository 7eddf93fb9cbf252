"""A gateway for tests: `penstock run` as a process, with a folder of its own; whatever it starts is ended."""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

from penstock.runtime.state_folder import StateFolder
from penstock.runtime.worker.takeover import find_earlier

START_SECONDS = 15.0


class GatewayProcess:
    """One gateway, its configuration file if it has one, and its state folder.

    Used in a `with`; `start` may be called again after the supervisor has ended.
    """

    def __init__(self, configuration: str | None, *flags: str, workers: int = 2) -> None:
        # Not pytest's folder: the paths of sockets in it would be too long.
        self.folder = Path(tempfile.mkdtemp(prefix="gateway-"))
        self.file = self.folder / "gateway.yaml"
        self.state = StateFolder(self.folder / "state")
        self.files: tuple[str, ...] = ()
        if configuration is not None:
            self.write(configuration)
            self.files = ("-c", str(self.file))
        self.flags = ("--admin", "off", "--workers", str(workers), "--state-dir", str(self.state.path), *flags)
        self.process: subprocess.Popen[bytes] | None = None
        self.python = sys.executable
        """The interpreter that the package is installed for."""
        self.before: tuple[str, ...] = ()
        """A command that runs the gateway's."""
        self.log = self.folder / "log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self._end_successor()
        for one in find_earlier(self.state):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(one.process, signal.SIGKILL)
            os.close(one.process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end_successor(self) -> None:
        """End a supervisor that has taken over from the one that was started here."""
        with contextlib.suppress(OSError, ValueError):
            owner = os.pidfd_open(self.owner())
            # Whoever has ended has let go of the lock, and its number may be somebody else's.
            if str(self.state.path).encode() in Path(f"/proc/{self.owner()}/cmdline").read_bytes().split(b"\0"):
                signal.pidfd_send_signal(owner, signal.SIGKILL)
                wait_until(lambda: is_ended(owner))
            os.close(owner)

    def owner(self) -> int:
        """The process that owns the state folder, or did so last."""
        return int((self.state.path / "lock").read_text())

    def write(self, configuration: str) -> None:
        """Replace the configuration in one step, as editors do."""
        beside = self.file.with_suffix(".new")
        beside.write_text(configuration)
        beside.replace(self.file)

    def start(self) -> None:
        """Start a supervisor and wait until it serves."""
        self.spawn()
        deadline = time.monotonic() + START_SECONDS
        while self.status().get("phase") != "serving":
            assert self.process is not None
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, f"the gateway does not start: {self.said}"
            time.sleep(0.02)

    def spawn(self, *more: str) -> subprocess.Popen[bytes]:
        """Start a supervisor and wait for nothing."""
        command = [*self.before, self.python, "-P", "-m", "penstock", "run", *self.files, *self.flags, *more]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        return self.process

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, seconds: float) -> int:
        """The supervisor's exit code, which it gives within a time."""
        assert self.process is not None
        return self.process.wait(seconds)

    def process_ends(self) -> None:
        """Let the gateway end in order."""
        self.signal(signal.SIGTERM)
        assert self.wait(START_SECONDS) == 0

    def reload(self) -> subprocess.CompletedProcess[str]:
        """`penstock reload`, ended."""
        return self.command("reload", "--state-dir", str(self.state.path))

    def command(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """A command, ended."""
        command = [sys.executable, "-m", "penstock", *arguments]
        around = {**os.environ, **variables}
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False, env=around)

    def ask(self, method: str, path: str) -> tuple[int, Any]:
        """Status and data of an answer on the admin socket; 0 if nobody answers."""
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(10)
            try:
                stream.connect(str(self.state.admin_socket))
                stream.sendall(f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
                head, _, body = b"".join(iter(lambda: stream.recv(65536), b"")).partition(b"\r\n\r\n")
            except OSError:
                return 0, {}
        status = int(head.split()[1]) if head else 0
        is_json = b"application/json" in head or b"application/problem+json" in head
        return status, json.loads(body) if is_json else body.decode()

    def status(self) -> dict[str, Any]:
        """What `penstock status -o json` prints; empty if nobody answers."""
        found: dict[str, Any] = self.ask("GET", "/-/status")[1] or {}
        return found

    def port(self, listener: str = "web") -> int:
        """The port that a listener was given."""
        bound = next(one["bound"] for one in self.status()["listeners"] if one["name"] == listener)
        return int(str(bound).rpartition(":")[2])

    def worker_pids(self) -> list[int]:
        """The processes of the workers."""
        return [int(worker["pid"]) for worker in self.status()["workers"]]

    @property
    def said(self) -> str:
        """What the processes wrote."""
        return self.log.read_text() if self.log.exists() else ""


def is_ended(process: int) -> bool:
    """Whether a process has ended, by a descriptor of it."""
    return bool(select.select([process], [], [], 0)[0])


def wait_until(holds: Any, seconds: float = 10.0, step: float = 0.02) -> None:
    """Return as soon as something holds; fail if it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold in time"
        time.sleep(step)
