"""Opens the store of a gateway, and finds what to go on with where it is damaged (R55)."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.filters.plugin_shelf import FOLDER, Shelf
from penstock.runtime.change.archives import taken_along
from penstock.runtime.change.entries import ARCHIVES
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

if TYPE_CHECKING:
    from penstock.store.etcd import Access
    from penstock.store.etcd.client import Client

_log = logging.getLogger("penstock")
Opening = Callable[[], Awaitable[Store]]
_Whole = tuple[Snapshot | None, Mapping[str, bytes]]
"""What a store held, with what was attached to it."""
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


async def open_shared(access: "Access", history: int, key: Path | None = None, client: "Client | None" = None) -> Store:
    """The store in etcd, whether that can be reached or not. Who shortens its history is agreed on by its nodes.

    Raises: ValueError if the keys cannot be read, or etcd's endpoints are none.
    """
    from penstock.store.etcd import open_etcd_store  # noqa: PLC0415 - an extra that others do without

    if not access.is_secure and not all(map(_is_here, access.targets)):
        _log.warning("etcd is asked in clear text: what resources hold, private keys too, can be read on the way")
    store = await open_etcd_store(access, Retention(history), read_values(key), client)
    store.tidies_itself = False
    return store


def _is_here(target: str) -> bool:
    return target.startswith(("127.", "localhost:", "[::1]"))


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
    (found, attached), whence = await _taken_over(aside, folder, values)
    store = await _opened(folder.store, retention, values)
    if found is None:
        _log.error("nothing of it could be read, and history begins anew; it is kept as %s", aside)
        return store
    await store.plant(found, RECOVERY, f"taken over from {whence}", attached)
    _log.error("it goes on with %s, and history begins anew; the damaged one is kept as %s", whence, aside)
    return store


async def _taken_over(aside: Path, folder: StateFolder, values: Values | None) -> tuple[_Whole, str]:
    """What to go on with: the latest revision, else what the last good plan was made from, else an earlier revision."""
    try:
        damaged = await open_sqlite_store(aside, values=values, only_reads=True)
    except (Damaged, Unavailable):
        damaged = MemoryStore()
    try:
        found, is_latest = await damaged.salvage()
        good = None if is_latest else await asyncio.to_thread(read_last_good, folder.last_good)
        if good is not None:
            revision = found.revision if found else 0
            entries = {key: Entry(key, value, 1, 1) for key, value in good.resources.items()}
            return await _whole(Snapshot(revision, entries), damaged, folder), "the last good plan"
        return await _whole(found, damaged, folder), f"its revision {found.revision}" if found else ""
    finally:
        await damaged.close()


async def _whole(found: Snapshot | None, damaged: Store, folder: StateFolder) -> _Whole:
    """What was found with the archives of plugins that are in it; without those that nobody has any more."""
    if found is None:
        return None, {}
    _, attached = await taken_along(Shelf(folder.path / FOLDER), damaged, {}, found.entries)
    entries = {key: one for key, one in found.entries.items() if not key.startswith(ARCHIVES) or key in attached}
    return Snapshot(found.revision, entries), attached


def set_aside(path: Path, why: str = "damaged") -> Path:
    """Give a file and what belongs to it another name, which it returns."""
    names = (path.with_name(f"{path.name}.{why}-{number}") for number in itertools.count(1))
    aside = next(name for name in names if not name.exists())
    for end in _BESIDE:
        if Path(f"{path}{end}").exists():
            Path(f"{path}{end}").replace(f"{aside}{end}")
    return aside
