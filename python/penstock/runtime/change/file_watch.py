"""Notices that configuration files changed: the kernel says when to look, and now and then it is looked anyway."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from penstock.runtime.change.notices import Notices
from penstock.store.files import configuration_files

_TOLD_SECONDS = 1.0
"""Between two looks where the kernel tells of changes: it does not of all."""
_LEAST_SECONDS = 0.04
_MOST_SECONDS = 1.0
_SHARE = 100
"""Times longer than a look that the wait for the next one is where nobody tells: a percent of a core at most."""
_TOLD_SHARE = 20
"""The same after a notice: somebody may write beside the configuration all the time."""
_SETTLE_SECONDS = 0.01
_MOST_UNSETTLED_SECONDS = 1.0
"""Time after which files that keep changing, or are empty, are read as they are."""
_MOST_WRITTEN_SECONDS = 10.0
"""The same for a file that somebody is writing."""

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
        return self._look(self._files())

    async def changes(self, known: Fingerprint) -> AsyncIterator[Fingerprint]:
        """Every settled state that differs from the one before, beginning with the known one."""
        with Notices() as notices:
            while True:
                began = time.monotonic()
                files = self._files()
                # Before the look: what happens after it is told.
                is_told = notices.listen_to(self._folders(files))
                found = self._look(files)
                took = time.monotonic() - began
                if found != known:
                    known = await self._settled(found, notices)
                    notices.forget()
                    yield known
                elif is_told:
                    await asyncio.sleep(min(took * _TOLD_SHARE, _MOST_SECONDS))
                    await notices.wait(_TOLD_SECONDS)
                else:
                    await asyncio.sleep(min(max(took * _SHARE, _LEAST_SECONDS), _MOST_SECONDS))

    def _files(self) -> list[Path]:
        try:
            files = configuration_files(self.path)
        except OSError:
            files = []
        return [*files, *self.referred()]

    def _folders(self, files: Iterable[Path]) -> set[Path]:
        """Where a change of the files would show."""
        folders = {file.parent for file in files} | {file for file in files if file.is_dir()}
        folders |= {Path(os.path.realpath(file)).parent for file in files if file.is_symlink()}
        return folders | ({self.path} if self.path.is_dir() else {self.path.parent})

    @staticmethod
    def _look(files: Iterable[Path]) -> Fingerprint:
        seen: set[tuple[str, int, int, int]] = set()
        for file in files:
            with contextlib.suppress(OSError):
                status = os.stat(file)  # noqa: PTH116 - often, for every file
                seen.add((str(file), status.st_ino, status.st_size, status.st_mtime_ns))
        return frozenset(seen)

    async def _settled(self, found: Fingerprint, notices: Notices) -> Fingerprint:
        began = time.monotonic()
        while True:
            await asyncio.sleep(_SETTLE_SECONDS)
            files = self._files()
            again = self._look(files)
            waited = time.monotonic() - began
            # No file at all is what some editors leave while they replace one.
            is_whole = again == found and bool(again) and all(size for _, _, size, _ in again)
            if notices.is_being_written(files):
                if waited > _MOST_WRITTEN_SECONDS:
                    return again
            elif is_whole or waited > _MOST_UNSETTLED_SECONDS:
                return again
            found = again
