"""What a store held before: changes, and the whole at earlier revisions."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from penstock.store.backend import Backend
from penstock.store.entry import Change, Damaged, Forgotten, Snapshot
from penstock.store.library import Library
from penstock.store.revisions.bucket import bucket_of
from penstock.store.revisions.root import NOTHING, Head
from penstock.store.revisions.tree import Tree

_BATCH = 64
"""Revisions that are looked through at once for those of one key."""


@dataclass(frozen=True, slots=True)
class Past:
    """Reads kept revisions; one that another writer lets go meanwhile is forgotten, and not damaged."""

    _backend: Backend
    _library: Library

    async def history(self, most: int, newest: int | None = None) -> list[Change]:
        """The latest changes, newest first."""
        head = await self._backend.head()
        steps = steps_between(await self._backend.roots(head.revision if newest is None else newest, most + 1))[:most]
        found: list[Change] = []
        for step in steps:
            try:
                async with self._reading(*step):
                    found.append(await self._library.change(*step))
            except Forgotten:
                break  # by another writer, meanwhile
        return found

    async def change(self, revision: int) -> Change:
        """The change that made a revision."""
        known = self._library.known(revision)
        if known is not None:
            return known
        steps = steps_between(await self._backend.roots(revision, 2))
        if not steps or steps[0][1].revision != revision:
            raise Forgotten(f"revision {revision} is no longer kept, or never was")
        async with self._reading(*steps[0]):
            return await self._library.change(*steps[0])

    async def changes_of(self, key: str, most: int) -> list[Change]:
        """The latest changes of one key, newest first."""
        found: list[Change] = []
        newest = (await self._backend.head()).revision
        while newest > 0 and len(found) < most:
            heads = await self._backend.roots(newest, _BATCH + 1)
            async with self._reading(*heads[-1:]):
                for before, after in await self._library.differing(steps_between(heads), bucket_of(key)):
                    change = await self._library.change(before, after)
                    if key in change.put or key in change.deleted:
                        found.append(change)
            newest = heads[-1].revision if len(heads) > _BATCH else 0
        return found[:most]

    async def at(self, revision: int, prefix: str = "") -> Snapshot:
        """The entries under a prefix as they were at a revision."""
        if revision == 0:
            return Snapshot(0, {})
        heads = await self._backend.roots(revision, 1)
        if not heads or heads[0].revision != revision:
            raise Forgotten(f"revision {revision} is no longer kept, or never was")
        async with self._reading(heads[0]):
            tree = await self._library.tree(heads[0], Tree())
            return under(prefix, Snapshot(revision, await self._library.entries(tree.references())))

    @asynccontextmanager
    async def _reading(self, *heads: Head) -> AsyncIterator[None]:
        """Reads what is kept; what another writer lets go meanwhile is forgotten, and not damaged.

        Raises: Forgotten, Damaged.
        """
        try:
            yield
        except Damaged:
            for head in heads:
                if head != NOTHING and await self._backend.roots(head.revision, 1) != [head]:
                    raise Forgotten(f"revision {head.revision} is no longer kept") from None
            raise


def steps_between(heads: Sequence[Head]) -> list[tuple[Head, Head]]:
    """Revisions with those that they followed, newest first; one whose predecessor is gone is left out."""
    before = [*heads[1:], *([NOTHING] if heads and heads[-1].revision == 1 else [])]
    return list(zip(before, heads, strict=False))


def under(prefix: str, snapshot: Snapshot) -> Snapshot:
    """The entries of a snapshot whose keys begin with a prefix."""
    if not prefix:
        return snapshot
    found = {key: entry for key, entry in snapshot.entries.items() if key.startswith(prefix)}
    return Snapshot(snapshot.revision, found)
