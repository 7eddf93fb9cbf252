"""Looks at processes, for tests, and at the ports that they may have."""

import socket
from pathlib import Path


def resident_kib(pid: int) -> int:
    """The memory of a process that is in use, in KiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def main_thread_seconds(pid: int) -> float:
    """The processor time that the main thread of a process has used; a worker's serves all connections."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9


def is_process(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not yet asked for its exit code does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def parent_of(pid: int) -> int:
    """The process that another is a child of; 0 where that has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def free_ports(count: int) -> list[int]:
    """Ports that nobody listened on a moment ago."""
    held: list[socket.socket] = []
    try:
        held += [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()
