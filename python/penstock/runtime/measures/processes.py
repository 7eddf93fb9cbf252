"""What processes take of the machine, as the kernel tells.

Source: proc(5), `/proc/PID/stat` and `/proc/PID/fd`.
"""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_USER, _SYSTEM, _STARTED, _RESIDENT = 11, 12, 19, 21
"""Positions behind the name, which may itself hold blanks and parentheses."""


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    """A process: the processor time it has used, the memory it has, its open descriptors; zeros once it has ended."""

    processor_seconds: float = 0.0
    resident_bytes: int = 0
    descriptors: int = 0


def process_figures(pid: int) -> ProcessFigures:
    """What a process takes."""
    try:
        fields = _stat(pid)
        descriptors = _descriptors(Path(f"/proc/{pid}/fd"))
    except OSError:
        return ProcessFigures()
    seconds = (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS
    return ProcessFigures(seconds, int(fields[_RESIDENT]) * _PAGE_BYTES, descriptors)


def started_at(pid: int) -> float:
    """When a process began, in seconds since the epoch; 0 once it has ended."""
    try:
        ticks = int(_stat(pid)[_STARTED])
        lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    booted = next((int(line.split()[1]) for line in lines if line.startswith("btime ")), 0)
    return booted + ticks / _TICKS


def _descriptors(folder: Path) -> int:
    """How many there are: newer kernels say so as the folder's size, and counting a hundred thousand takes long."""
    return folder.stat().st_size or sum(1 for _ in folder.iterdir())


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
