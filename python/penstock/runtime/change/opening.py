"""Opens the store of a gateway, and finds what to go on with where it is damaged (R55)."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from penstock.runtime.change.last_good import read_last_good
from penstock.runtime.change.sealing import read_values
from penstock.runtime.state_folder import StateFolder
from penstock.store import (
    Author,
    Damaged,
    Entry,
    MemoryStore,
    Retention,
    Sealed,
    Snapshot,
    Store,
    TreeStore,
    Unavailable,
)
from penstock.store.revisions.values import Values
from penstock.store.sqlite import open_sqlite_store

_log = logging.getLogger("penstock")
Opening = Callable[[], Awaitable[Store]]
RECOVERY = Author("penstock", "recovery")
RESEALING = Author("penstock", "sealing")
_BESIDE = ("", "-wal", "-shm")
"""What belongs to a file of SQLite."""


async def open_in_memory() -> Store:
    """A store for what need not outlive the process."""
    return MemoryStore()


async def open_in_folder(folder: StateFolder, history: int, key: Path | None = None) -> Store:
    """The store in a state folder. One that is damaged is set aside, and what can be read of it taken over.

    With a file of keys, values are sealed by the first of them, also those that were not so far. Where the store cannot
    be opened, on a full disk for one, everything is served and history lasts as long as the process.

    Raises: ValueError if the keys cannot be read; Sealed if they are not those of the store.
    """
    retention = Retention(history)
    values = read_values(key)
    try:
        return await _opened(folder.store, retention, values)
    except Sealed:
        raise
    except Unavailable as problem:
        _log.error("history does not outlive this process: %s", problem)
        return MemoryStore(history)
    except Damaged as problem:
        _log.error("the store is damaged: %s", problem)
    try:
        return await _anew(folder, retention, values)
    except (Unavailable, OSError) as problem:
        _log.error("history does not outlive this process: %s", problem)
        return MemoryStore(history)


async def _opened(path: Path, retention: Retention, values: Values | None) -> TreeStore:
    store = await open_sqlite_store(path, retention, values)
    try:
        # Reads all that is there now, and checks it.
        await store.range()
        if values is not None:
            await store.reseal(RESEALING, "sealed with another key")
    except BaseException:
        await store.close()
        raise
    return store


async def _anew(folder: StateFolder, retention: Retention, values: Values | None) -> Store:
    aside = await asyncio.to_thread(set_aside, folder.store)
    found, whence = await _taken_over(aside, folder, values)
    store = await _opened(folder.store, retention, values)
    if found is None:
        _log.error("nothing of it could be read, and history begins anew; it is kept as %s", aside)
        return store
    await store.plant(found, RECOVERY, f"taken over from {whence}")
    _log.error("it goes on with %s, and history begins anew; the damaged one is kept as %s", whence, aside)
    return store


async def _taken_over(aside: Path, folder: StateFolder, values: Values | None) -> tuple[Snapshot | None, str]:
    """What to go on with: the latest revision, else what the last good plan was made from, else an earlier revision."""
    found, is_latest = await _salvaged(aside, values)
    good = None if is_latest else await asyncio.to_thread(read_last_good, folder.last_good)
    if good is not None:
        revision = found.revision if found else 0
        entries = {key: Entry(key, value, 1, 1) for key, value in good.resources.items()}
        return Snapshot(revision, entries), "the last good plan"
    return found, f"its revision {found.revision}" if found else ""


async def _salvaged(aside: Path, values: Values | None) -> tuple[Snapshot | None, bool]:
    try:
        damaged = await open_sqlite_store(aside, values=values, only_reads=True)
    except (Damaged, Unavailable):
        return None, False
    try:
        return await damaged.salvage()
    finally:
        await damaged.close()


def set_aside(path: Path, why: str = "damaged") -> Path:
    """Give a file and what belongs to it another name, which it returns."""
    names = (path.with_name(f"{path.name}.{why}-{number}") for number in itertools.count(1))
    aside = next(name for name in names if not name.exists())
    for end in _BESIDE:
        if Path(f"{path}{end}").exists():
            Path(f"{path}{end}").replace(f"{aside}{end}")
    return aside
