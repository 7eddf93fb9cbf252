"""Machines of a small network of their own: namespaces around a router that can lose what one sends to another.

Nothing of it is left behind: a namespace lives as long as the process that was started in it.
"""

import ctypes
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self, TypeVar

import pytest

_NEW_NETWORK = 0x40000000
"""`CLONE_NEWNET`."""
_Found = TypeVar("_Found")


@dataclass
class Machine:
    """One machine: a namespace with one address."""

    number: int
    process: "subprocess.Popen[bytes]"

    @property
    def address(self) -> str:
        """Its address."""
        return f"10.77.{self.number}.2"

    @property
    def inside(self) -> tuple[str, ...]:
        """A command that runs another one there."""
        return ("nsenter", f"--net=/proc/{self.process.pid}/ns/net")

    def run(self, *command: str) -> None:
        """Run a command there, to its end."""
        subprocess.run([*self.inside, *command], check=True, capture_output=True, timeout=20)

    def do(self, work: Callable[[], _Found]) -> _Found:
        """What a function finds that opens its sockets there."""
        found: list[_Found] = []
        failed: list[BaseException] = []

        def work_there() -> None:
            try:
                self._enter()
                found.append(work())
            except BaseException as problem:  # noqa: BLE001 - raised again by whoever asked
                failed.append(problem)

        thread = threading.Thread(target=work_there)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        return found[0]

    def _enter(self) -> None:
        """Let this thread, and no other, be there."""
        descriptor = os.open(f"/proc/{self.process.pid}/ns/net", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(descriptor, _NEW_NETWORK):
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(descriptor)

    def connect(self, address: str, port: int, seconds: float = 2.0) -> socket.socket:
        """A connection from there."""
        return self.do(lambda: socket.create_connection((address, port), seconds))


@dataclass
class Network:
    """Machines that reach each other through a router; used in a `with`."""

    count: int
    machines: list[Machine] = field(default_factory=list)
    _lost: list[tuple[str, str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("nsenter"):
            pytest.skip("namespaces are made by root, with iproute2 and util-linux")
        try:
            self._router = _namespace(0)
            self._router.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
            for number in range(1, self.count + 1):
                self._add(number)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for machine in [*self.machines, self._router]:
            machine.process.kill()
            machine.process.wait()

    def lose(self, sender: Machine, receiver: Machine) -> None:
        """Lose from now on what one sends to another; the way back stays."""
        pair = (sender.address, receiver.address)
        if pair not in self._lost:
            self._lost.append(pair)
            self._router.run("ip", "rule", "add", "from", pair[0], "to", pair[1], "blackhole")

    def part(self, one: Machine, others: Sequence[Machine]) -> None:
        """Lose what passes between one and others, both ways."""
        for other in others:
            self.lose(one, other)
            self.lose(other, one)

    def mend(self) -> None:
        """Lose nothing any more."""
        for sender, receiver in self._lost:
            self._router.run("ip", "rule", "del", "from", sender, "to", receiver, "blackhole")
        self._lost.clear()

    def _add(self, number: int) -> None:
        machine = _namespace(number)
        self.machines.append(machine)
        router = str(self._router.process.pid)
        near = ("type", "veth", "peer", "name", "eth0", "netns", str(machine.process.pid))
        subprocess.run(["ip", "link", "add", f"v{number}", "netns", router, *near], check=True, capture_output=True)
        self._router.run("ip", "addr", "add", f"10.77.{number}.1/24", "dev", f"v{number}")
        self._router.run("ip", "link", "set", f"v{number}", "up")
        for command in (
            "link set lo up",
            f"addr add {machine.address}/24 dev eth0",
            "link set eth0 up",
            f"route add default via 10.77.{number}.1",
        ):
            machine.run("ip", *command.split())


def _namespace(number: int) -> Machine:
    process = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo there; exec sleep 3600"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as said:
        there = said.readline()
    if not there:
        process.wait()
        pytest.skip("namespaces cannot be made here")
    return Machine(number, process)
