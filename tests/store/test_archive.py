"""A store in one stream comes back as it was, in a store of any kind, and what is not whole is told."""

import asyncio
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.store import Author, Conflict, Damaged, MemoryStore, Result, Retention, Transaction, TreeStore
from penstock.store.archive import read_archive
from penstock.store.sqlite import open_sqlite_store

ME = Author("me", "test")


async def written(store: TreeStore) -> bytes:
    """An archive of twelve revisions, of which eight are kept."""
    for number in range(12):
        await store.transaction(
            Transaction(ME, {f"route/{number % 5}": str(number), "same": "1"}, message=f"change {number}")
        )
    await store.note(11, Result("one", 1.0, ("wrong",), 3))
    output = io.BytesIO()
    assert await store.backup(output) == 12
    return output.getvalue()


def archived() -> bytes:
    return asyncio.run(written(MemoryStore(kept_changes=8)))


def test_a_store_of_another_kind_tells_the_same_history(tmp_path: Path) -> None:
    async def story() -> None:
        first = MemoryStore(kept_changes=8)
        archive = read_archive(io.BytesIO(await written(first)))
        second = await open_sqlite_store(tmp_path / "store.db", Retention(8))
        assert await second.restore(archive) == 12
        assert await second.range() == await first.range()
        assert await second.history(100) == await first.history(100)
        assert await second.results(1, 12) == await first.results(1, 12)
        assert await second.at(6) == await first.at(6)
        assert (await second.put("more", "1", ME)).revision == 13
        with pytest.raises(Conflict):
            await second.restore(archive)
        await second.close()

    asyncio.run(story())


def test_an_empty_store_has_an_archive_too() -> None:
    async def story() -> None:
        output = io.BytesIO()
        assert await MemoryStore().backup(output) == 0
        other = MemoryStore()
        assert await other.restore(read_archive(io.BytesIO(output.getvalue()))) == 0
        assert (await other.put("a", "1", ME)).revision == 1

    asyncio.run(story())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda whole: whole[:0],
        lambda whole: whole.replace(b"archive", b"something else", 1),
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[: whole.rindex(b"\n", 0, -1) + 1],
        lambda whole: whole[:300] + bytes([whole[300] ^ 1]) + whole[301:],
        lambda whole: whole.replace(b'"form": 1', b'"form": 2', 1),
        lambda whole: whole + b"{}\n",
        lambda whole: whole.replace(b'{"blob"', b'["blob"', 1),
    ],
)
def test_r55_what_is_no_whole_archive_is_told(spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Damaged):
        read_archive(io.BytesIO(spoil(archived())))
