"""What only a store in a file does: it stays on its disk, its reader and its owner's side."""

import asyncio
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from penstock.store import Author, Damaged, Transaction, Unavailable
from penstock.store.sqlite import SqliteBackend, open_sqlite_store

ME = Author("me", "test")
WRITER = """
import asyncio, sys
from pathlib import Path
from penstock.store import Author
from penstock.store.sqlite import open_sqlite_store

async def write():
    store = await open_sqlite_store(Path(sys.argv[1]))
    number = (await store.range()).revision
    while True:
        number += 1
        await store.put("a", str(number), Author("me", "test"))
        print(number, flush=True)

asyncio.run(write())
"""


def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    async def story() -> None:
        store = await open_sqlite_store(tmp_path / "store.db")
        await store.put("a", "secret", ME)
        assert modes(tmp_path) == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}
        await store.close()

    asyncio.run(story())


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


def test_a_reader_sees_what_is_written_while_it_is_written(tmp_path: Path) -> None:
    async def story() -> None:
        store = await open_sqlite_store(tmp_path / "store.db")
        await store.put("a", "1", ME)
        reader = await open_sqlite_store(tmp_path / "store.db", only_reads=True)
        for number in range(2, 5):
            await store.put("a", str(number), ME)
            assert (await reader.range()).entries["a"].value == str(number)
        with pytest.raises(Unavailable, match="readonly"):
            await reader.put("a", "9", ME)
        await reader.close()
        await store.close()

    asyncio.run(story())


def test_r44_what_a_killed_writer_has_acknowledged_is_there(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    for _ in range(4):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            told = [writer.stdout.readline() for _ in range(25)]
            writer.kill()
            told += writer.stdout.readlines()
        acknowledged = max(int(line) for line in told if line.endswith("\n"))

        async def found() -> tuple[int, str]:
            store = await open_sqlite_store(path)
            snapshot = await store.range()
            await store.close()
            return snapshot.revision, snapshot.entries["a"].value

        revision, value = asyncio.run(found())
        assert acknowledged <= revision <= acknowledged + 1
        assert value == str(revision)


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["DROP TABLE roots"], "no such table"),
        (["DELETE FROM roots WHERE revision = 3"], "latest revision is 3"),
        (["UPDATE head SET revision = 9"], "latest revision is 9"),
        (["DELETE FROM blobs"], "missing"),
        (["UPDATE blobs SET blob = x'00'"], "does not hold what was written"),
        (
            ["UPDATE roots SET root = (SELECT root FROM roots WHERE revision = 1) WHERE revision = 3"],
            "what revision 1 is",
        ),
        (["PRAGMA application_id = 1"], "not a store"),
    ],
)
def test_r55_what_is_not_what_was_written_is_told(tmp_path: Path, statements: Sequence[str], said: str) -> None:
    path = tmp_path / "store.db"

    async def write() -> None:
        store = await open_sqlite_store(path)
        for number in range(3):
            await store.put("a", str(number), ME)
        await store.close()

    async def read() -> None:
        store = await open_sqlite_store(path)
        try:
            await store.range()
        finally:
            await store.close()

    asyncio.run(write())
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    with pytest.raises(Damaged, match=said):
        asyncio.run(read())


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    asyncio.run(_opened_and_closed(path))
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(Unavailable, match="another version"):
        asyncio.run(_opened_and_closed(path))


async def _opened_and_closed(path: Path) -> None:
    await (await open_sqlite_store(path)).close()


def test_r53_what_is_kept_elsewhere_happens_on_a_full_disk_and_is_written_when_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "store.db"

    async def story() -> None:
        store = await open_sqlite_store(path)
        await store.put("a", "1", ME)
        backend = store._backend
        assert isinstance(backend, SqliteBackend)
        (pages,) = backend._connection.execute("PRAGMA page_count").fetchone()
        # A file that may not grow answers as a full disk does.
        backend._connection.execute(f"PRAGMA max_page_count = {pages}")
        large = "x" * 100_000
        with pytest.raises(Unavailable, match="full"):
            await store.put("b", large, ME)
        for number in (2, 3):
            await store.transaction(Transaction(ME, {"a": str(number), "c": large}, is_kept_elsewhere=True))
        assert (await store.range()).entries["a"].value == "3"
        assert [change.revision for change in await store.history(9)] == [3, 2, 1]
        with pytest.raises(Unavailable):
            await store.put("b", "1", ME)
        backend._connection.execute("PRAGMA max_page_count = 100000")
        watching = store.watch(3)
        async with asyncio.TaskGroup() as group:
            # Who watches has it written, without any further change.
            watched = group.create_task(asyncio.wait_for(anext(watching), 20))
            async with asyncio.timeout(20):
                while backend._waiting:  # noqa: ASYNC110 - nobody is told of it
                    await asyncio.sleep(0.05)
            await store.put("b", "1", ME)
        assert watched.result().revision == 4
        await store.close()
        again = await open_sqlite_store(path)
        assert [change.revision for change in await again.history(9)] == [4, 3, 2, 1]
        assert (await again.range()).entries["c"].value == large
        await again.close()

    asyncio.run(story())
