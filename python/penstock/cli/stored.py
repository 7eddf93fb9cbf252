"""Reads the history of a gateway from its state folder, whether it runs or not."""

import argparse
import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from penstock.cli.gateway_client import NoGateway, place_of, store_key
from penstock.runtime.state_folder import StateFolder
from penstock.store import Change, Damaged, Entry, Forgotten, Result, Store, Unavailable

_Answer = TypeVar("_Answer")
_HIDDEN = ("order/", "plugin-files/")
"""What entries begin with that no user has written."""
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

    path = StateFolder(place_of(options)).store
    if not path.exists():
        raise NoGateway(f"no history is kept in {path.parent}")
    try:
        return asyncio.run(found(path))
    except (Damaged, Unavailable, Forgotten, ValueError) as problem:
        raise NoGateway(str(problem)) from None


def revision(text: str) -> int:
    """The number of a revision, written as `41` or `r41`."""
    found = _REVISION.fullmatch(text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r}: write a revision as 41 or r41")
    return int(found[1])


def is_shown(key: str) -> bool:
    """Whether an entry is a resource, and not what the gateway keeps beside them."""
    return not key.startswith(_HIDDEN)


def touched(change: Change) -> Iterator[tuple[str, str]]:
    """The resources of a change, each with what became of it: `+` new, `-` gone, `~` changed."""
    for key in sorted({*change.put, *change.deleted}):
        if is_shown(key):
            yield ("-" if key in change.deleted else "~" if key in change.before else "+"), key


def when(change: Change) -> str:
    """When a change was made, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(change.time))


def became(results: Mapping[int, list[Result]] | Mapping[int, object], change: Change) -> str:
    """What became of a change, where that is known."""
    known = results.get(change.revision)
    if not isinstance(known, list) or not known:
        return "-"
    refused = [result for result in known if result.problems]
    return "refused" if refused else "applied"


def difference(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> Iterator[str]:
    """What tells two states of resources apart, line by line, without secrets."""
    from penstock.filters.native import native_catalogue
    from penstock.runtime.change import shown

    showing = shown.Showing(native_catalogue().kinds)
    for key in sorted(before.keys() | after.keys()):
        old, new = (found.value if (found := side.get(key)) else None for side in (before, after))
        if is_shown(key) and old != new:
            yield from shown.difference(key, old, new, showing)
