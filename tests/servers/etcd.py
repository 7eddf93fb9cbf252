"""etcd, of any version that is supported: members as processes, each with a folder and ports of its own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

from tests.servers.debian_package import unpacked
from tests.servers.network import Machine
from tests.servers.processes import free_ports

MODULES = {"3.5": "go.etcd.io/etcd/server/v3@v3.5.21", "3.6": "go.etcd.io/etcd/server/v3@v3.6.16"}
"""Versions that are built with Go, which takes half a minute; 3.4 is Debian's."""
LINES = ("3.4", *MODULES)
START_SECONDS = 30.0


def etcd_program(line: str, *, may_build: bool = False) -> Path:
    """Where etcd of a version is, kept in the user's cache; the test is skipped where it cannot be had."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "penstock" / "tools"
    found = cache / f"etcd-{line}"
    if found.exists():
        return found
    if line in MODULES and not (may_build and shutil.which("go")):
        pytest.skip(f"etcd {line} is built with Go, by the long tests")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="etcd-", dir=cache) as apart:
        folder = Path(apart)
        made = _built(folder, MODULES[line]) if line in MODULES else _unpacked(folder)
        if made is None:
            pytest.skip(f"etcd {line} cannot be had here")
        made.replace(found)
    return found


def _built(folder: Path, module: str) -> Path | None:
    # Its modules replace one another, which `go install` does not take.
    (folder / "go.mod").write_text("module penstock.tests/etcd\n")
    build = ("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", "etcd", module.partition("@")[0])
    return folder / "etcd" if _done(folder, ("go", "get", module)) and _done(folder, build) else None


def _unpacked(folder: Path) -> Path | None:
    return folder / "usr/bin/etcd" if unpacked("etcd-server", folder) else None


def _done(folder: Path, command: Sequence[str]) -> bool:
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=500, check=False).returncode == 0


@dataclass
class Member:
    """One member: its ports, and its process while it runs."""

    name: str
    folder: Path
    port: int
    peer_port: int
    process: subprocess.Popen[bytes] | None = None
    machine: Machine | None = None

    @property
    def host(self) -> str:
        """Where it listens."""
        return self.machine.address if self.machine else "127.0.0.1"

    @property
    def inside(self) -> tuple[str, ...]:
        """A command that runs its program where it is."""
        return self.machine.inside if self.machine else ()

    def accepts(self) -> bool:
        """Whether it accepts connections."""
        try:
            if self.machine:
                self.machine.connect(self.host, self.port).close()
            else:
                socket.create_connection((self.host, self.port), 2).close()
        except OSError:
            return False
        return True


@dataclass
class Etcd:
    """A cluster of members, each on a machine of its own if there are `machines`; used in a `with`."""

    line: str
    count: int = 1
    flags: Sequence[str] = ()
    scheme: str = "http"
    may_build: bool = False
    members: list[Member] = field(default_factory=list)
    machines: Sequence[Machine] = ()

    def __post_init__(self) -> None:
        self.program = etcd_program(self.line, may_build=self.may_build)
        self.folder = Path(tempfile.mkdtemp(prefix="etcd-"))
        ports = iter(free_ports(2 * self.count))
        self.members = [
            Member(f"m{number}", self.folder / f"m{number}", next(ports), next(ports)) for number in range(self.count)
        ]
        for member, machine in zip(self.members, self.machines, strict=False):
            member.machine = machine

    def __enter__(self) -> Self:
        for member in self.members:
            self.start(member)
        for member in self.members:
            self.wait(member)
        return self

    def __exit__(self, *_: object) -> None:
        for member in self.members:
            self.kill(member)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The URLs of all members."""
        return tuple(f"{self.scheme}://{member.host}:{member.port}" for member in self.members)

    def start(self, member: Member) -> None:
        """Start a member, which finds what it has written before."""
        client, peer = f"{self.scheme}://{member.host}:{member.port}", f"http://{member.host}:{member.peer_port}"
        together = ",".join(f"{one.name}=http://{one.host}:{one.peer_port}" for one in self.members)
        command = [
            *(member.machine.inside if member.machine else ()),
            str(self.program),
            "--name",
            member.name,
            "--data-dir",
            str(member.folder),
        ]
        command += ["--listen-client-urls", client, "--advertise-client-urls", client]
        command += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
        command += ["--initial-cluster", together, "--initial-cluster-state", "new"]
        command += ["--logger", "zap", "--log-level", "error", *self.flags]
        with (self.folder / f"{member.name}.log").open("ab") as log:
            member.process = subprocess.Popen(command, stdout=log, stderr=log)

    def wait(self, member: Member) -> None:
        """Return once a member accepts connections, which it does when it has joined the others."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            if member.accepts():
                return
            assert member.process is not None
            said = (self.folder / f"{member.name}.log").read_text()
            assert member.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)

    def stop(self, member: Member) -> None:
        """Let a member stand still until `go_on`."""
        assert member.process is not None
        member.process.send_signal(signal.SIGSTOP)

    def go_on(self, member: Member) -> None:
        """Let a member that stands still go on."""
        assert member.process is not None
        member.process.send_signal(signal.SIGCONT)

    def kill(self, member: Member) -> None:
        """End a member at once."""
        if member.process is not None:
            member.process.send_signal(signal.SIGCONT)
            member.process.kill()
            member.process.wait()
            member.process = None
