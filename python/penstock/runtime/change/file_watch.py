"""Notices that configuration files changed, by looking at them four times a second."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from penstock.store.files import configuration_files

_LOOK_SECONDS = 0.25
_SETTLE_SECONDS = 0.05
_MOST_UNSETTLED = 20
"""Looks at files that keep changing before they are read as they are."""

Fingerprint = frozenset[tuple[str, int, int, int]]


@dataclass(slots=True)
class FileWatch:
    """Watches the files of a configuration and those that they refer to.

    A change counts when two looks in a row have found the same, so that a file is not read half written.
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
                status = os.stat(file)  # noqa: PTH116 - four times a second for every file
                seen.add((str(file), status.st_ino, status.st_size, status.st_mtime_ns))
        return frozenset(seen)

    async def changes(self, known: Fingerprint) -> AsyncIterator[Fingerprint]:
        """Every settled state that differs from the one before, beginning with the known one."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            found = self.look()
            if found == known:
                continue
            known = await self._settled(found)
            yield known

    async def _settled(self, found: Fingerprint) -> Fingerprint:
        for _ in range(_MOST_UNSETTLED):
            await asyncio.sleep(_SETTLE_SECONDS)
            again = self.look()
            # No file at all is what an editor leaves for a moment while it replaces one.
            if again == found and again:
                break
            found = again
        return found
