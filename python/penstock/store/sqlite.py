"""A store in a file (SQLite): for one gateway, whose history outlives it. What is acknowledged is on disk."""

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from penstock.base.waiting import comes
from penstock.store.alone import LoneBackend
from penstock.store.backend import Commit, Reach
from penstock.store.entry import Damaged, Result, Unavailable
from penstock.store.holding import Held
from penstock.store.leases import Leases
from penstock.store.results import read_result, write_result
from penstock.store.revisions.root import NOTHING, Head
from penstock.store.revisions.values import Values
from penstock.store.sqlite_file import open_file, open_to_read, translated, writing
from penstock.store.tree_store import Retention, TreeStore

_LATEST = "SELECT revision, root, written FROM roots ORDER BY revision DESC LIMIT 1"
_Answer = TypeVar("_Answer")
_AT_ONCE = 500
"""Names in one statement; some builds of SQLite take 999 at most."""
_RETRY_SECONDS = 2.0
"""Between two attempts to write what could not be written, while nothing else is to be."""


async def open_sqlite_store(
    path: Path, retention: Retention | None = None, values: Values | None = None, *, only_reads: bool = False
) -> TreeStore:
    """The store in a file, which is made if there is none.

    Raises: Damaged, Unavailable.
    """
    thread = ThreadPoolExecutor(1, "store")
    try:
        opened = await asyncio.get_running_loop().run_in_executor(
            thread, open_to_read if only_reads else open_file, path
        )
    except BaseException:
        thread.shutdown()
        raise
    return TreeStore(SqliteBackend(path, opened, thread), retention, values)


@dataclass(slots=True)
class SqliteBackend(LoneBackend):
    """Keeps blobs in a table. All of SQLite runs on one thread: a slow disk holds nothing else up.

    A commit that is kept elsewhere and cannot be written is kept here in memory, and written with the next or as soon
    as there is room. Leases are this process's: no other writes to the file.
    """

    path: Path
    _connection: sqlite3.Connection
    _thread: ThreadPoolExecutor
    _waiting: list[Commit] = field(default_factory=list)
    _leases: Leases = field(default_factory=Leases)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def head(self) -> Head:
        """The latest revision, written or waiting."""
        return self._waiting[-1].after if self._waiting else await self._run(self._head)

    async def roots(self, newest: int, most: int) -> list[Head]:
        """The kept revisions up to one, newest first."""
        waiting = [commit.after for commit in reversed(self._waiting) if commit.after.revision <= newest][:most]
        query = "SELECT revision, root, written FROM roots WHERE revision <= ? ORDER BY revision DESC LIMIT ?"
        rows = await self._run(lambda: self._connection.execute(query, (newest, most - len(waiting))).fetchall())
        return [*waiting, *(Head(*row) for row in rows)]

    async def read(self, names: Collection[str]) -> Mapping[str, bytes]:
        """Blobs by name."""
        waiting = {name: blob for commit in self._waiting for name, blob in commit.blobs.items() if name in names}
        return await self._run(lambda: self._read([name for name in names if name not in waiting])) | waiting

    async def commit(self, commit: Commit) -> bool:
        """Write the blobs and the head in one transaction, with what has waited."""
        self._leases.check(commit.while_held)
        if await self.head() != commit.before:
            return False
        together = [*self._waiting, commit]
        try:
            await self._run(lambda: self._write(together))
            self._waiting = []
        except Unavailable:
            if not commit.is_kept_elsewhere:
                raise
            self._waiting = together
        self._news.set()
        self._news = asyncio.Event()
        return True

    async def news(self, known: Head) -> None:
        """Return when the head is another; what waits is written meanwhile, once there is room."""
        while await self.head() == known:
            if not await comes(self._news, _RETRY_SECONDS if self._waiting else None):
                await self.flush()

    async def flush(self) -> bool:
        """Try to write what waits; whether nothing waits any more."""
        waiting = list(self._waiting)
        try:
            await self._run(lambda: self._write(waiting))
        except Unavailable:
            return False
        self._waiting = self._waiting[len(waiting) :]
        return not self._waiting

    async def forget(self, oldest: int, while_held: Held | None = None) -> None:
        """Keep no revision before one."""
        self._leases.check(while_held)

        def forget() -> None:
            with writing(self._connection):
                self._connection.execute("DELETE FROM roots WHERE revision < ?", (oldest,))
                self._connection.execute("DELETE FROM results WHERE revision < ?", (oldest,))

        await self._run(forget)

    async def collect(self, reach: Reach) -> int:
        """Remove all blobs that no kept revision leads to. Nothing is written meanwhile but by this."""
        reached = await reach(await self.roots(2**62, 2**62))

        def collect() -> int:
            names = [name for (name,) in self._connection.execute("SELECT name FROM blobs") if name not in reached]
            with writing(self._connection):
                self._connection.executemany("DELETE FROM blobs WHERE name = ?", ((name,) for name in names))
            return len(names)

        return await self._run(collect)

    async def note(self, revision: int, result: Result) -> None:
        """Keep what became of a revision. It is on disk with the next revision: nobody was promised more."""
        row = (revision, result.node, write_result(result))

        def note() -> None:
            self._connection.execute("PRAGMA synchronous = NORMAL")
            try:
                self._connection.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?)", row)
            finally:
                self._connection.execute("PRAGMA synchronous = FULL")

        await self._run(note)

    async def results(self, oldest: int, newest: int) -> Mapping[int, Sequence[Result]]:
        """What became of revisions."""
        query = "SELECT revision, result FROM results WHERE revision BETWEEN ? AND ? ORDER BY revision, node"
        found: dict[int, list[Result]] = {}
        for revision, text in await self._run(lambda: self._connection.execute(query, (oldest, newest)).fetchall()):
            found.setdefault(revision, []).append(read_result(text))
        return found

    async def close(self) -> None:
        """Write what waits, if that can be, and close the file."""
        if self._waiting:
            await self.flush()
        await self._run(self._connection.close)
        self._thread.shutdown()

    async def _run(self, work: Callable[[], _Answer]) -> _Answer:
        def done() -> _Answer:
            with translated(self.path):
                return work()

        # Shielded: what has begun on the thread ends there, and its outcome is not lost on who waits.
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, done))

    def _head(self) -> Head:
        row = self._connection.execute(_LATEST).fetchone()
        found = Head(*row) if row else NOTHING
        (told,) = self._connection.execute("SELECT revision FROM head").fetchone() or (None,)
        if found.revision != told or not isinstance(found.root, str):
            raise Damaged(f"{self.path}: the latest revision is {told}, and what is found is {found.revision}")
        return found

    def _read(self, names: Sequence[str]) -> dict[str, bytes]:
        found: dict[str, object] = {}
        for begin in range(0, len(names), _AT_ONCE):
            some = names[begin : begin + _AT_ONCE]
            marks = ",".join("?" * len(some))
            found.update(self._connection.execute(f"SELECT name, blob FROM blobs WHERE name IN ({marks})", some))  # noqa: S608 - question marks
        # Of a file that was changed behind its back SQLite tells what kind a value is by now.
        whole = {name: blob for name, blob in found.items() if isinstance(blob, bytes)}
        if len(whole) < len(found):
            raise Damaged(f"{self.path}: {len(found) - len(whole)} blobs are none")
        return whole

    def _write(self, commits: Sequence[Commit]) -> None:
        with writing(self._connection):
            written = self._head().revision
            for commit in commits:
                if commit.after.revision > written:  # else by an earlier attempt, whose outcome was not told
                    self._write_one(commit)

    def _write_one(self, commit: Commit) -> None:
        self._connection.executemany("INSERT OR REPLACE INTO blobs VALUES (?, ?)", sorted(commit.blobs.items()))
        self._connection.execute("INSERT INTO roots VALUES (?, ?, ?)", commit.after)
        self._connection.execute("UPDATE head SET revision = ?", (commit.after.revision,))
