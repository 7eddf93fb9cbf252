"""Looks at processes, for tests."""

from pathlib import Path


def is_process(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not yet asked for its exit code does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
