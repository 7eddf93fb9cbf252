"""Access logs in files, read on through rotations."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_MOST_LINE_BYTES = 1 << 20


class LogFile:
    """A log that is read on from where it was left, through rotations."""

    def __init__(self, path: Path, *, at_end: bool) -> None:
        self._path = path
        self._stream = path.open("rb")
        self._stream.seek(0, 2 if at_end else 0)
        self._rest = b""

    def close(self) -> None:
        """Read no more."""
        self._stream.close()

    def requests(self) -> Iterator[dict[str, Any]]:
        """The requests of whole lines that have come; a line without an end waits for it."""
        yield from self._lines()
        if self._is_another():
            # What came into the old file before it was left has just been read.
            self._stream.close()
            self._stream, self._rest = self._path.open("rb"), b""
            yield from self._lines()

    def _lines(self) -> Iterator[dict[str, Any]]:
        while line := self._stream.readline(_MOST_LINE_BYTES):
            self._rest += line
            if not line.endswith(b"\n") and len(self._rest) < _MOST_LINE_BYTES:
                return
            whole, self._rest = self._rest, b""
            try:
                told = json.loads(whole)
            except ValueError:
                continue
            if isinstance(told, dict) and "status" in told:
                yield told

    def _is_another(self) -> bool:
        try:
            found = self._path.stat()
        except OSError:
            return False
        return found.st_ino != os.fstat(self._stream.fileno()).st_ino or found.st_size < self._stream.tell()
