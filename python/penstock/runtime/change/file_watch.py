"""Notices that configuration files changed, by looking at them often."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from penstock.store.files import configuration_files

_LEAST_SECONDS = 0.04
_MOST_SECONDS = 1.0
_SHARE = 100
"""Times longer than a look that the wait for the next one is: a percent of a core at most."""
_SETTLE_SECONDS = 0.02
_MOST_UNSETTLED = 50
"""Looks at files that keep changing, or are empty, before they are read as they are."""

Fingerprint = frozenset[tuple[str, int, int, int]]


@dataclass(slots=True)
class FileWatch:
    """Watches the files of a configuration and those that they refer to.

    A change counts when two looks in a row have found the same and no file empty, which many editors leave for a
    moment, so that a file is not read half written.
    """

    path: Path
    referred: Callable[[], Iterable[Path]]

    def look(self) -> Fingerprint:
        """What tells the files' states apart: path, inode, size and time of change of each."""
        try:
            files = configuration_files(self.path)
        except OSError:
            files = []
        seen: set[tuple[str, int, int, int]] = set()
        for file in (*files, *self.referred()):
            with contextlib.suppress(OSError):
                status = os.stat(file)  # noqa: PTH116 - often, for every file
                seen.add((str(file), status.st_ino, status.st_size, status.st_mtime_ns))
        return frozenset(seen)

    async def changes(self, known: Fingerprint) -> AsyncIterator[Fingerprint]:
        """Every settled state that differs from the one before, beginning with the known one."""
        took = 0.0
        while True:
            await asyncio.sleep(min(max(took * _SHARE, _LEAST_SECONDS), _MOST_SECONDS))
            began = time.monotonic()
            found = self.look()
            took = time.monotonic() - began
            if found == known:
                continue
            known = await self._settled(found)
            yield known

    async def _settled(self, found: Fingerprint) -> Fingerprint:
        for _ in range(_MOST_UNSETTLED):
            await asyncio.sleep(_SETTLE_SECONDS)
            again = self.look()
            # No file at all is what some editors leave while they replace one.
            if again == found and again and all(size for _, _, size, _ in again):
                break
            found = again
        return found
