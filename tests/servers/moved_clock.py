"""A clock that tests move, for processes that they start: libfaketime, fetched once and kept in the user's cache."""

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.servers.debian_package import unpacked

_NAME = "libfaketime.so.1"


def faketime_library() -> Path:
    """Where the library is; the test is skipped where it cannot be had."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "penstock" / "tools"
    found = cache / _NAME
    if found.exists():
        return found
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="faketime-", dir=cache) as apart:
        folder = Path(apart)
        if not unpacked("libfaketime", folder):
            pytest.skip("libfaketime cannot be had here: apt-get fetches it")
        next(folder.rglob(_NAME)).replace(found)
    return found


@dataclass
class MovedClock:
    """The wall clock of processes that run by `command`; what measures durations goes on as it is."""

    folder: Path
    library: Path = field(default_factory=faketime_library)

    def __post_init__(self) -> None:
        self.file = self.folder / "clock"
        self.move(0)

    @property
    def command(self) -> tuple[str, ...]:
        """A command that runs another one by this clock."""
        return (
            "env",
            f"LD_PRELOAD={self.library}",
            f"FAKETIME_TIMESTAMP_FILE={self.file}",
            "FAKETIME_CACHE_DURATION=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
            "FAKETIME_DONT_RESET=1",
            "NO_FAKE_STAT=1",
        )

    def move(self, seconds: float) -> None:
        """Let it be so many seconds later than it is; earlier where they are negative."""
        beside = self.file.with_suffix(".new")
        beside.write_text(f"{seconds:+.0f}\n")
        beside.replace(self.file)
