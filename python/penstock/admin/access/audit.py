"""The audit log: every administrative act, also those that were refused, in files of bounded size (I22).

What strangers try has files of its own: nobody can push out what was done by being refused often.
"""

import asyncio
import heapq
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock.admin.access.audit_file import KEPT, AuditFile

ACTS, REFUSALS = "acts", "refusals"
_LARGEST = {ACTS: 8 * 1024 * 1024, REFUSALS: 2 * 1024 * 1024}
_MOST_REFUSALS = 50
"""Refusals a second that are written; of the others the number is."""
_DELETE = "\x7f"


@dataclass(slots=True)
class Audit:
    """Writes entries into a folder, one a line, and reads them back."""

    folder: Path
    _second: int = 0
    _in_second: int = 0
    _skipped: int = 0
    _written: int = 0
    _on_disk: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _files: dict[str, AuditFile] = field(init=False)

    def __post_init__(self) -> None:
        self._files = {name: AuditFile(self.folder, name, largest) for name, largest in _LARGEST.items()}

    def write(self, entry: dict[str, Any], name: str = ACTS) -> None:
        """Append an entry.

        Raises: OSError.
        """
        if name == REFUSALS and not self._has_room():
            self._skipped += 1
            return
        if self._skipped and name == REFUSALS:
            entry, self._skipped = {**entry, "skipped_before": self._skipped}, 0
        # Escaped as JSON does it, all that is not plain ASCII: no entry can pretend to be two, or move a terminal.
        line = json.dumps(entry, ensure_ascii=True).replace(_DELETE, "\\u007f").encode() + b"\n"
        self._files[name].append(line)
        self._written += 1

    async def synced(self) -> None:
        """Return when every act that was written is on disk: those that wait at the same time wait for one look.

        Raises: OSError.
        """
        wanted = self._written
        async with self._turn:
            if self._on_disk >= wanted:
                return
            written = self._written
            await asyncio.to_thread(self._files[ACTS].sync)
            self._on_disk = written

    def read(self, most: int, before: float | None = None) -> list[dict[str, Any]]:
        """The latest entries, newest first."""
        found = [entry for file in self._files.values() for entry in _latest(file, most, before)]
        return sorted(found, key=_when, reverse=True)[:most]

    def every(self) -> Iterator[dict[str, Any]]:
        """All entries that are kept, oldest first."""
        return heapq.merge(*(file.every() for file in self._files.values()), key=_when)

    def _has_room(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._in_second = second, 0
        self._in_second += 1
        return self._in_second <= _MOST_REFUSALS


def _latest(file: AuditFile, most: int, before: float | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for number in range(KEPT + 1):
        entries = [one for one in file.entries(number) if before is None or _when(one) < before]
        found += reversed(entries)
        if len(found) >= most:
            break
    return found[:most]


def _when(entry: dict[str, Any]) -> float:
    return float(entry["time"])
