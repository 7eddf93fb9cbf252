"""Reads the history of a gateway from its state folder, whether it runs or not."""

import argparse
import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from penstock.cli.etcd_options import etcd_access
from penstock.cli.gateway_client import NoGateway, place_of, store_key
from penstock.runtime.state_folder import StateFolder
from penstock.store import Change, Damaged, Forgotten, Store, Unavailable

if TYPE_CHECKING:
    from penstock.store.etcd import Access

_Answer = TypeVar("_Answer")
_REVISION = re.compile(r"r?([1-9][0-9]{0,15})")


def read_store(options: argparse.Namespace, read: Callable[[Store], Awaitable[_Answer]]) -> _Answer:
    """What `read` finds in the store of the gateway that is meant.

    Raises: NoGateway if there is no history to read, or none of what is asked for; the text says why.
    """
    from penstock.runtime.change.sealing import read_values
    from penstock.store.sqlite import open_sqlite_store

    async def found(path: Path) -> _Answer:
        store = await open_sqlite_store(path, values=read_values(store_key(options)), only_reads=True)
        try:
            return await read(store)
        finally:
            await store.close()

    try:
        access = etcd_access(options)
        if access is not None:
            return asyncio.run(_found_in(access, store_key(options), read))
        path = StateFolder(place_of(options)).store
        if not path.exists():
            raise NoGateway(f"no history is kept in {path.parent}")
        return asyncio.run(found(path))
    except (Damaged, Unavailable, Forgotten, ValueError) as problem:
        raise NoGateway(str(problem)) from None


async def _found_in(access: "Access", key: Path | None, read: Callable[[Store], Awaitable[_Answer]]) -> _Answer:
    from penstock.runtime.change.opening import open_shared

    store = await open_shared(access, 1, key)
    try:
        return await read(store)
    finally:
        await store.close()


def revision(text: str) -> int:
    """The number of a revision, written as `41` or `r41`."""
    found = _REVISION.fullmatch(text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r}: write a revision as 41 or r41")
    return int(found[1])


def is_shown(key: str) -> bool:
    """Whether an entry is a resource, and not what the gateway keeps beside them."""
    from penstock.runtime.change.entries import is_resource

    return is_resource(key)


def touched(change: Change) -> Iterator[tuple[str, str]]:
    """The resources of a change, each behind what became of it."""
    for key in sorted({*change.put, *change.deleted}):
        if is_shown(key):
            yield ("deleted" if key in change.deleted else "changed" if key in change.before else "created"), key


def when(seconds: float) -> str:
    """A moment, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
