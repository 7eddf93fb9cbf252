"""A control group for tests, of either version: the kernel limits the memory of whoever is put into it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

ROOT = Path("/sys/fs/cgroup")


class MemoryGroup:
    """A group with a limit."""

    def __init__(self, folder: Path, names: tuple[str, str]) -> None:
        self.folder = folder
        self.limit, self.kills = names

    @property
    def command(self) -> tuple[str, ...]:
        """A command that runs another one within the group."""
        return "sh", "-c", f'echo $$ > {self.folder}/cgroup.procs && exec "$0" "$@"'

    @property
    def killed(self) -> int:
        """How many processes the kernel has killed for want of memory."""
        fields = dict(line.split() for line in (self.folder / self.kills).read_text().splitlines())
        return int(fields["oom_kill"])


@contextmanager
def memory_group(limit_bytes: int) -> Iterator[MemoryGroup]:
    """A group that may have so much; the test is skipped where none can be made."""
    parent, *names = _parent()
    folder = parent / f"penstock-{os.getpid()}"
    group = MemoryGroup(folder, (names[0], names[1]))
    try:
        folder.mkdir()
        (folder / group.limit).write_text(str(limit_bytes))
    except OSError as problem:
        with suppress(OSError):
            folder.rmdir()
        pytest.skip(f"no control group with a limit of memory can be made here: {problem}")
    try:
        yield group
    finally:
        # Who has just ended may be there for a moment.
        for _ in range(100):
            with suppress(OSError):
                folder.rmdir()
                break
            os.sched_yield()


def _parent() -> tuple[Path, str, str]:
    """Where this process's groups can be made, and what the files of the limit and of kills are called."""
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    for _, controllers, path in lines:
        if "memory" in controllers.split(","):
            return _there(ROOT / "memory", path), "memory.limit_in_bytes", "memory.oom_control"
    return _there(ROOT, lines[0][2]), "memory.max", "memory.events"


def _there(root: Path, path: str) -> Path:
    inside = root / path.lstrip("/")
    return inside if inside.is_dir() else root
