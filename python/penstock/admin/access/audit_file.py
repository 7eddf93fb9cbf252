"""Files of lines, of bounded size, that are on disk when that is said."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.base.durable_files import sync_folder

KEPT = 4
"""Full files that are kept beside the one that is written."""
_NONE = -1


@dataclass(slots=True)
class AuditFile:
    """The file that is written, and full ones before it: `acts.jsonl`, `acts.1.jsonl` and so on."""

    folder: Path
    name: str
    largest: int
    _descriptor: int = _NONE
    _is_named: bool = False

    def append(self, line: bytes) -> None:
        """Write a line, which whoever reads sees, and a death of this process does not undo.

        Raises: OSError.
        """
        size = self._opened()
        if size and size + len(line) > self.largest:
            self._begin_anew()
        os.write(self._descriptor, line)

    def sync(self) -> None:
        """Return when all that was written is on disk. May be called beside whoever writes.

        Raises: OSError.
        """
        descriptor = os.open(self.path(), os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if not self._is_named:
            self._is_named = True
            sync_folder(self.folder)

    def path(self, number: int = 0) -> Path:
        """The file that is written, or a full one."""
        return self.folder / (f"{self.name}.{number}.jsonl" if number else f"{self.name}.jsonl")

    def entries(self, number: int = 0) -> Iterator[dict[str, Any]]:
        """The entries of one file, oldest first."""
        try:
            lines = self.path(number).open("rb")
        except OSError:
            return
        with lines:
            for line in lines:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue  # what a crash of the machine has left of a line
                if isinstance(entry, dict) and isinstance(entry.get("time"), int | float):
                    yield entry

    def every(self) -> Iterator[dict[str, Any]]:
        """The entries of all files, oldest first."""
        for number in range(KEPT, -1, -1):
            yield from self.entries(number)

    def _opened(self) -> int:
        """The size of the file that is written, which is open then: this one, or another process's that served here."""
        if self._descriptor != _NONE:
            held = os.fstat(self._descriptor)
            with contextlib.suppress(FileNotFoundError):
                if self.path().stat().st_ino == held.st_ino:
                    return held.st_size
            os.close(self._descriptor)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._descriptor, self._is_named = os.open(self.path(), flags, 0o600), False
        size = os.lseek(self._descriptor, 0, os.SEEK_END)
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            # The half of a line that a crash of the machine has left is not to spoil the next one.
            size += os.write(self._descriptor, b"\n")
        return size

    def _begin_anew(self) -> None:
        os.fsync(self._descriptor)
        for number in range(KEPT, 0, -1):
            earlier = self.path(number - 1)
            if earlier.exists():
                earlier.replace(self.path(number))
        self._opened()
