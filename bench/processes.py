"""Processes under measurement: started on one core, watched through `/proc`, stopped with all their children."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# /proc counts processor time in these.
TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """A measurement that cannot be made; the message is shown as it is."""


@dataclass(frozen=True)
class Usage:
    """Processor time that a process and its descendants have used so far."""

    user_us: float
    system_us: float

    def __sub__(self, earlier: "Usage") -> "Usage":
        return Usage(self.user_us - earlier.user_us, self.system_us - earlier.system_us)

    @property
    def total_us(self) -> float:
        """User and system time."""
        return self.user_us + self.system_us


def stat_fields(pid: int) -> list[str]:
    """The fields of `/proc/PID/stat` after the program's name; empty when the process is gone.

    Source: proc(5); the first field returned is the third of the page, the state.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def family(pid: int) -> list[int]:
    """The process and all its living descendants, parents first."""
    children = defaultdict[int, list[int]](list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := stat_fields(int(entry.name))):
            children[int(fields[1])].append(int(entry.name))
    found = [pid]
    for member in found:
        found += children[member]
    return found


def usage(pid: int) -> Usage:
    """Processor time used by the whole family."""
    stats = [fields for member in family(pid) if (fields := stat_fields(member))]
    user, system = (sum(int(fields[column]) for fields in stats) * TICK_US for column in (11, 12))
    return Usage(user, system)


def memory_kib(pid: int) -> int:
    """Memory of the whole family in KiB, shared pages divided among those who share them."""
    total = 0
    for member in family(pid):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


def wait_for_port(port: int, process: subprocess.Popen[bytes], limit_s: float = 15) -> None:
    """Wait until the process accepts connections.

    Raises: BenchError if it ends first, or takes too long.
    """
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise BenchError(f"ended with status {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise BenchError(f"does not listen on port {port} after {limit_s:g} s")


@contextlib.contextmanager
def running(command: Sequence[str], *, core: int, port: int, log: Path) -> Iterator[int]:
    """Run a server on one core while the block runs; gives its process id.

    Raises: BenchError if it does not come up, with the end of what it printed.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["taskset", "--cpu-list", str(core), *command], stdout=output, stderr=output, start_new_session=True
        )
    try:
        wait_for_port(port, process)
        yield process.pid
    except BenchError as error:
        said = log.read_text(errors="replace").strip().splitlines()[-3:]
        raise BenchError(f"{error} ({' / '.join(said)})" if said else str(error)) from error
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process kindly, and after three seconds whatever is left of its family."""
    members = family(process.pid)
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(3)
    # A worker may outlive its supervisor, so the family is remembered from before.
    for member in members:
        if stat_fields(member)[:1] not in ([], ["Z"]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
    process.wait()
