"""Sessions of a gateway that shares its store with nobody: in a file, which a start or an upgrade goes on with."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from penstock.admin.access.sessions.place import Place
from penstock.admin.access.sessions.session import Session, read_session
from penstock.runtime.change.checked_file import read_checked, write_checked

_log = logging.getLogger("penstock")


@dataclass(slots=True)
class FilePlace(Place):
    """Keeps sessions in a file; where it cannot be written, for as long as the process lasts."""

    path: Path
    _known: dict[str, Session] = field(default_factory=dict)
    _stamp: tuple[int, int] = (0, 0)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def find(self, key: str) -> Session | None:
        """One of them."""
        return (await self.every()).get(key)

    async def every(self) -> Mapping[str, Session]:
        """All of them, also those that another process has begun, as in an upgrade that did not come about."""
        async with self._turn:
            self._read()
            return self._known

    async def put(self, key: str, session: Session) -> None:
        """Keep a new one, or one that has changed."""
        async with self._turn:
            self._read()
            self._known = {**self._known, key: session}
            await self._write()

    async def drop(self, keys: Iterable[str]) -> None:
        """Keep some no longer."""
        gone = set(keys)
        async with self._turn:
            self._read()
            if gone.isdisjoint(self._known):
                return
            self._known = {key: one for key, one in self._known.items() if key not in gone}
            await self._write()

    def _read(self) -> None:
        stamp = self._found()
        if stamp in {self._stamp, (0, 0)}:
            return
        self._stamp, content = stamp, read_checked(self.path)
        read = {str(key): read_session(str(text)) for key, text in content.items()} if isinstance(content, dict) else {}
        self._known = {key: one for key, one in read.items() if one is not None}

    async def _write(self) -> None:
        content = {key: one.to_text() for key, one in self._known.items()}
        try:
            await asyncio.to_thread(write_checked, self.path, content)
        except OSError as problem:
            _log.error("sessions cannot be kept, and end with this process: %s", problem)
        else:
            self._stamp = self._found()

    def _found(self) -> tuple[int, int]:
        try:
            found = self.path.stat()
        except OSError:
            return 0, 0
        return found.st_ino, found.st_mtime_ns
