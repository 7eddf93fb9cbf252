"""A store that is damaged is told, set aside, and what can be read of it is gone on with (R55)."""

import asyncio
import logging
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.runtime.change.last_good import LastGood
from penstock.runtime.change.opening import open_in_folder
from penstock.runtime.state_folder import StateFolder
from penstock.store import Author, Store, Transaction
from penstock.store.sqlite import open_sqlite_store

ME = Author("me", "test")
STATES = [
    {f"route/{number}": f"{'x' * 300}{number * (number <= revision)}" for number in range(30)} for revision in range(12)
]


@pytest.fixture
def written(tmp_path: Path) -> StateFolder:
    folder = StateFolder(tmp_path / "written")
    folder.create()

    async def write() -> None:
        store = await open_sqlite_store(folder.store)
        for state in STATES:
            await store.transaction(Transaction(ME, state))
        await store.close()

    asyncio.run(write())
    return folder


def opened(folder: StateFolder) -> dict[str, str]:
    """What a gateway goes on with; it can go on writing and open it again."""

    async def open_it() -> dict[str, str]:
        store = await open_in_folder(folder, 1_000)
        found = await values(store)
        await store.put("more", "1", ME)
        assert "more" in await values(store)
        await store.close()
        again = await open_in_folder(folder, 1_000)
        assert "more" in await values(again)
        await again.close()
        return found

    return asyncio.run(open_it())


async def values(store: Store) -> dict[str, str]:
    return {key: entry.value for key, entry in (await store.range()).entries.items()}


def damaged(whole: bytes) -> Iterator[tuple[str, bytes]]:
    for at in range(0, len(whole), 1_000):
        yield f"byte {at} is another", whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
    for at in range(0, len(whole), len(whole) // 9):
        yield f"it ends at {at}", whole[:at]
        yield f"it is zero from {at} on", whole[:at] + bytes(len(whole) - at)
        yield f"4 KiB from {at} on are zero", whole[:at] + bytes(4096) + whole[at + 4096 :]
    yield "it is something else", b"something else entirely\n" * 1000


def test_r55_a_damaged_store_is_gone_on_with_as_far_as_it_is_whole_or_told(
    written: StateFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = written.store.read_bytes()
    folder = StateFolder(tmp_path / "state")
    outcomes: dict[str, int] = {}
    for what, content in damaged(whole):
        shutil.rmtree(folder.path, ignore_errors=True)
        folder.create()
        folder.store.write_bytes(content)
        caplog.clear()
        found = opened(folder)
        is_told = "the store is damaged" in caplog.text
        if not is_told:
            # An empty file is as good as none, and there was never anything to lose.
            assert found == STATES[-1] or not content, what
        elif found:
            assert found in STATES, what
            assert list(folder.path.glob("store.db.damaged-1")), what
        outcome = "whole" if found == STATES[-1] else "earlier" if found else "told"
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert outcomes["whole"] > 10, outcomes
    assert outcomes["told"] > 3, outcomes


def test_r55_of_a_store_that_cannot_be_read_at_all_the_last_good_resources_are_taken_over(
    written: StateFolder, caplog: pytest.LogCaptureFixture
) -> None:
    LastGood("build", {}, STATES[5]).write(written.last_good)
    written.store.write_bytes(b"\0" * 50_000)
    assert opened(written) == STATES[5]
    assert "it goes on with the last good plan" in caplog.text
    assert (written.path / "store.db.damaged-1").read_bytes() == b"\0" * 50_000


def test_what_is_taken_over_keeps_its_age_and_its_revision_is_a_later_one(written: StateFolder) -> None:
    connection = sqlite3.connect(written.store)
    connection.execute("DELETE FROM roots WHERE revision = 12")
    connection.commit()
    connection.close()

    async def story() -> None:
        store = await open_in_folder(written, 1_000)
        snapshot = await store.range()
        entry = snapshot.entries["route/3"]
        assert (entry.created, entry.modified, snapshot.revision) == (1, 4, 12)
        assert [change.author.source for change in await store.history(5)] == []
        await store.close()

    asyncio.run(story())


def test_a_folder_that_cannot_be_written_to_costs_only_the_history(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = StateFolder(tmp_path / "state")
    folder.create()
    folder.store.mkdir()

    async def story() -> None:
        store = await open_in_folder(folder, 1_000)
        await store.put("a", "1", ME)
        assert await values(store) == {"a": "1"}
        await store.close()

    with caplog.at_level(logging.ERROR):
        asyncio.run(story())
    assert "history does not outlive this process" in caplog.text
