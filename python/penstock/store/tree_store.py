"""A store of revisions that form a tree, upon any backend."""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import BinaryIO

from penstock.store.archive import Archive, restore_archive, write_archive
from penstock.store.backend import Backend, Commit
from penstock.store.entry import (
    Author,
    Change,
    Conflict,
    Damaged,
    Entry,
    Forgotten,
    Result,
    Sealed,
    Snapshot,
    Transaction,
    Unavailable,
)
from penstock.store.holding import Held, Lease
from penstock.store.library import Library
from penstock.store.past import Past, under
from penstock.store.revisions.bucket import Reference
from penstock.store.revisions.root import NOTHING, Head
from penstock.store.revisions.tree import Tree, Words, differences, grow, plant
from penstock.store.revisions.values import PlainValues, Values, closed_values
from penstock.store.store import Store
from penstock.store.tally import Tally

_log = logging.getLogger("penstock")
_ATTEMPTS = 100
"""Times a transaction is tried again because another writer was quicker."""
_SHARE, _LARGE_SHARE = 16, 4
"""What is to be forgotten is looked for when this share of what may be kept has been written anew: the smaller one when
nothing else happens, the larger one at once."""
_QUIET_SECONDS = 2.0
"""Time without changes after which who watches looks for what is to be forgotten."""
_NOBODY = Author("", "")


@dataclass(frozen=True, slots=True)
class Retention:
    """How much history is kept: the bounds for changes and for the bytes that came with them; the latest always is."""

    changes: int = 1_000
    written: int = 256 * 1024 * 1024


class TreeStore(Store):
    """Keeps revisions as immutable blobs, and one head. Several may share a backend."""

    def __init__(self, backend: Backend, retention: Retention | None = None, values: Values | None = None) -> None:
        self.tally = Tally()
        self._backend = backend
        self._retention = retention or Retention()
        self._values = values or PlainValues()
        self._library = Library(backend, self._values)
        self._past = Past(backend, self._library)
        self._tree = Tree()
        self._entries: dict[str, Entry] = {}
        self._all: Snapshot | None = None
        self._busy = asyncio.Lock()
        self.tidies_itself = True
        """Whether what is to be forgotten is looked for without being asked; false where one of many is told to."""
        # The first quiet moment after a start is one to look for what an earlier life has left.
        self._unlooked = Retention(self._retention.changes // _SHARE + 1, 0)

    async def range(self, prefix: str = "") -> Snapshot:
        """The entries whose keys begin with a prefix, all of one revision."""
        async with self._busy:
            with self.tally.of("read"):
                tree = await self._catch_up()
            if self._all is None:
                self._all = Snapshot(tree.head.revision, {key: self._entries[key] for key in sorted(self._entries)})
        return under(prefix, self._all)

    async def transaction(self, transaction: Transaction) -> Change:
        """Make a change, whole or not at all."""
        both = transaction.delete & transaction.put.keys()
        if both:
            raise ValueError(f"one transaction puts and deletes {min(both)}")
        async with self._busy:
            before = self._tree.head
            with self.tally.of("write"):
                change = await self._change(transaction)
            if self._tree.head != before:
                written = self._unlooked.written + self._tree.head.written
                self._unlooked = Retention(self._unlooked.changes + 1, written)
        if self._is_due(_LARGE_SHARE):
            await self._tidy()
        return change

    async def watch(self, since: int, prefix: str = "") -> AsyncIterator[Change]:
        """Every change after a revision that touches a prefix, in order, and further ones as they happen."""
        while True:
            head = await self._backend.head()
            if since > head.revision:
                raise Forgotten(f"revision {since} is of another life of this store")
            while since < head.revision:
                change = await self.change(since + 1)
                since = change.revision
                if any(key.startswith(prefix) for key in (*change.put, *change.deleted)):
                    yield change
            try:
                async with asyncio.timeout(_QUIET_SECONDS if self._is_due(_SHARE) else None):
                    await self._backend.news(head)
            except TimeoutError:
                await self._tidy()

    async def history(self, most: int, newest: int | None = None) -> list[Change]:
        """The latest changes, newest first."""
        return await self._past.history(most, newest)

    async def change(self, revision: int) -> Change:
        """The change that made a revision."""
        return await self._past.change(revision)

    async def changes_of(self, key: str, most: int) -> list[Change]:
        """The latest changes of one key, newest first."""
        return await self._past.changes_of(key, most)

    async def at(self, revision: int, prefix: str = "") -> Snapshot:
        """The entries under a prefix as they were at a revision."""
        return await self._past.at(revision, prefix)

    async def attachment(self, entry: Entry) -> bytes:
        """What is attached to an entry."""
        return await self._library.attachment(entry)

    async def note(self, revision: int, result: Result) -> None:
        """Keep what became of a revision at a node."""
        await self._backend.note(revision, result)

    async def results(self, oldest: int, newest: int) -> Mapping[int, Sequence[Result]]:
        """What became of revisions, at which node."""
        return await self._backend.results(oldest, newest)

    async def mark(self, revision: int) -> str | None:
        """What tells a revision from one of the same number in another history: the name of its root."""
        if revision == 0:
            return NOTHING.root
        heads = await self._backend.roots(revision, 1)
        return heads[0].root if heads and heads[0].revision == revision else None

    async def collect(self, while_held: Held | None = None) -> int:
        """Forget what is not to be kept any longer; how many blobs went."""
        self._unlooked = Retention(0, 0)
        # One more root than changes: a change is what tells two roots apart.
        heads = await self._backend.roots((await self._backend.head()).revision, 2**62)
        kept, written = 0, 0
        for kept, head in enumerate(heads):
            written += head.written
            if kept > self._retention.changes or (kept > 1 and written > self._retention.written):
                break
        else:
            return 0
        oldest = heads[kept - 1].revision
        await self._backend.forget(oldest, while_held)
        self._library.forget(oldest)
        return await self._backend.collect(self._library.reach)

    async def plant(
        self, snapshot: Snapshot, author: Author, message: str, attached: Mapping[str, bytes] = MappingProxyType({})
    ) -> None:
        """Begin with the entries of another store, which keep their age; the revision is the next after theirs.

        Raises: Conflict if there is anything already.
        """
        values = {key: entry.value for key, entry in snapshot.entries.items()}
        names, closed = closed_values(self._values, values, attached)
        references = {
            key: Reference(names[key].digest, entry.created, entry.modified, names[key].attached)
            for key, entry in snapshot.entries.items()
        }
        words = Words(author, message, time.time(), secrets.token_hex(8))
        tree, blobs = plant(references, snapshot.revision + 1, words)
        if not await self._backend.commit(Commit(NOTHING, tree.head, closed | blobs)):
            raise Conflict("the store", 0, (await self._backend.head()).revision)

    async def reseal(self, author: Author, message: str) -> int:
        """Write anew what is there now under other names than it would have now, in one revision; how many entries."""
        async with self._busy:
            for _ in range(_ATTEMPTS):
                tree = await self._catch_up()
                put = {key: one.value for key, one in self._entries.items() if not self._is_named_so(tree, one)}
                if not put:
                    return 0
                attached = {
                    key: await self.attachment(one) for key, one in self._entries.items() if one.attached and key in put
                }
                again = Transaction(author, message=message, attached=attached)
                if await self._commit(again, put, frozenset()):
                    return len(put)
        raise Unavailable("others change the store all the time")

    async def backup(self, output: BinaryIO) -> int:
        """Write every kept revision into an archive; the latest in it.

        Raises: Damaged, Unavailable, OSError.
        """
        return (await write_archive(self._backend, self._values, output)).revision

    async def restore(self, archive: Archive) -> int:
        """Begin with all that an archive holds; the latest revision. It has been read once then, if its key is at hand.

        Raises: Conflict if there is anything already; Damaged, Unavailable.
        """
        head = await restore_archive(archive, self._backend)
        with contextlib.suppress(Sealed):
            await self.range()
        return head.revision

    async def salvage(self) -> tuple[Snapshot | None, bool]:
        """The newest revision of a damaged store that is whole, if any is, and whether it is the latest."""
        with contextlib.suppress(Damaged, Unavailable):
            heads = await self._backend.roots(2**62, 2**62)
            for head in heads:
                with contextlib.suppress(Damaged, Forgotten):
                    return await self.at(head.revision), head == heads[0]
        return None, False

    async def grant(self, seconds: float) -> Lease:
        """A lease that runs out unless it is kept alive."""
        return await self._backend.grant(seconds)

    async def keep_alive(self, lease: Lease) -> None:
        """Renew a lease, for as long again."""
        await self._backend.keep_alive(lease)

    async def revoke(self, lease: Lease) -> None:
        """End a lease; what is held by it goes."""
        await self._backend.revoke(lease)

    async def hold(self, key: str, value: str, lease: Lease, fence: int | None = None) -> Held:
        """Hold a key for as long as a lease lasts, or give it another value."""
        return await self._backend.hold(key, value, lease, fence)

    async def held(self, prefix: str = "") -> Mapping[str, Held]:
        """What is held under a prefix, by key."""
        return await self._backend.held(prefix)

    async def watch_held(self, prefix: str = "") -> AsyncIterator[Mapping[str, Held]]:
        """What is held under a prefix: now, and whenever it has changed."""
        known = await self._backend.held(prefix)
        while True:
            yield known
            known = await self._backend.held_news(prefix, known)

    async def close(self) -> None:
        """Let go of files and connections."""
        await self._backend.close()

    async def _change(self, transaction: Transaction) -> Change:
        for _ in range(_ATTEMPTS):
            await self._catch_up()
            self._check(transaction.expected)
            put = {
                key: value
                for key, value in transaction.put.items()
                if not self._holds(key, value, has_attached=key in transaction.attached)
            }
            deleted = frozenset(transaction.delete & self._entries.keys())
            if not put and not deleted:
                return await self._latest()
            change = await self._commit(transaction, put, deleted)
            if change is not None:
                return change
        raise Unavailable("others change the store all the time")

    async def _commit(self, transaction: Transaction, put: Mapping[str, str], deleted: frozenset[str]) -> Change | None:
        """The change, or nothing where another writer was quicker."""
        names, closed = closed_values(self._values, put, transaction.attached)
        words = Words(transaction.author, transaction.message, time.time(), secrets.token_hex(8))
        tree, blobs = grow(self._tree, names, deleted, words)
        written = tree.head.written + sum(map(len, closed.values()))
        tree = replace(tree, head=tree.head._replace(written=written))
        commit = Commit(
            self._tree.head, tree.head, closed | blobs, transaction.while_held, transaction.is_kept_elsewhere
        )
        if not await self._backend.commit(commit):
            return None
        before = {key: self._entries[key] for key in (*put, *deleted) if key in self._entries}
        made = {key: _entry(key, value, tree.reference(key)) for key, value in put.items()}
        self._adopt(tree, {key: entry for key, entry in self._entries.items() if key not in before} | made)
        return self._library.remember(tree, made, deleted, before)

    def _check(self, expected: Mapping[str, int]) -> None:
        for key, revision in expected.items():
            entry = self._entries.get(key)
            found = entry.modified if entry else 0
            if found != revision:
                raise Conflict(key, revision, found)

    def _holds(self, key: str, value: str, *, has_attached: bool) -> bool:
        entry = self._entries.get(key)
        return entry is not None and entry.value == value and (bool(entry.attached) or not has_attached)

    def _is_named_so(self, tree: Tree, entry: Entry) -> bool:
        reference = tree.reference(entry.key)
        return reference is not None and reference.digest == self._values.name(entry.value.encode())

    def _adopt(self, tree: Tree, entries: dict[str, Entry]) -> None:
        self._tree, self._entries, self._all = tree, entries, None

    async def _catch_up(self) -> Tree:
        """The tree of the head, with what others have written."""
        head = await self._backend.head()
        while head != self._tree.head:
            try:
                await self._go_to(head)
            except Damaged:
                # While it was read others may have gone on so far that it is no longer kept.
                before, head = head, await self._backend.head()
                if head == before:
                    raise
        return self._tree

    async def _go_to(self, head: Head) -> None:
        if head.revision <= self._tree.head.revision:
            # Another history, as after a restored backup: what is remembered of this one is not so there.
            self._library.forget(self._tree.head.revision)
        tree = await self._library.tree(head, self._tree) if head != NOTHING else Tree()
        found = list(differences(self._tree, tree))
        anew = {key: reference for key, _, reference in found if reference is not None}
        gone = {key for key, _, reference in found if reference is None}
        same = {key: entry for key, entry in self._entries.items() if key not in gone}
        self._adopt(tree, same | await self._library.entries(anew))

    async def _latest(self) -> Change:
        revision = self._tree.head.revision
        try:
            return (
                await self.change(revision)
                if revision
                else Change(0, _NOBODY, self._tree.root.content, {}, frozenset(), {})
            )
        except (Forgotten, Damaged):
            # The first revision of a restored store follows none, and history that is damaged spoils nothing new.
            return self._library.described(self._tree, {}, frozenset(), {})

    def _is_due(self, share: int) -> bool:
        """Whether so much was written since it was looked for what is to be forgotten."""
        most = self._retention
        if not self.tidies_itself:
            return False
        return self._unlooked.changes * share > most.changes or self._unlooked.written * share > most.written

    async def _tidy(self) -> None:
        try:
            await self.collect()
        except (Unavailable, Damaged) as problem:
            # What has changed has changed; what is to be forgotten can wait.
            _log.warning("history could not be shortened: %s", problem)


def _entry(key: str, value: str, reference: Reference | None) -> Entry:
    if reference is None:
        return Entry(key, value, 0, 0)
    return Entry(key, value, reference.created, reference.modified, reference.attached)
