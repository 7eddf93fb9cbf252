"""A store in memory: for files as the only writer, for tests and embedding."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from hashlib import blake2b
from itertools import islice

from penstock.store.entry import Author, Change, Conflict, Entry, Forgotten, Snapshot, Transaction
from penstock.store.store import Store

_KEPT_CHANGES = 1_000
"""Changes that watchers and history can go back; older ones are forgotten."""
_KEPT_TEXT = 16 * 1024 * 1024
"""Characters that kept changes may hold together; the latest is kept whatever it holds."""
_DIGEST_BITS = 128
_NOBODY = Author("", "")


class MemoryStore(Store):
    """Keeps everything in this process; gone with it."""

    def __init__(self, kept_changes: int = _KEPT_CHANGES, kept_text: int = _KEPT_TEXT) -> None:
        self._entries: dict[str, Entry] = {}
        self._changes: deque[Change] = deque()
        self._kept_changes = kept_changes
        self._kept_text = kept_text
        self._text = 0
        self._revision = 0
        self._sum = 0
        self._all: Snapshot | None = None
        self._news = asyncio.Event()

    async def range(self, prefix: str = "") -> Snapshot:
        """The entries whose keys begin with a prefix, all of one revision."""
        if self._all is None:
            self._all = Snapshot(self._revision, {key: self._entries[key] for key in sorted(self._entries)})
        if not prefix:
            return self._all
        found = {key: entry for key, entry in self._all.entries.items() if key.startswith(prefix)}
        return Snapshot(self._revision, found)

    async def transaction(self, transaction: Transaction) -> Change:
        """Make a change, whole or not at all."""
        both = transaction.delete & transaction.put.keys()
        if both:
            raise ValueError(f"one transaction puts and deletes {min(both)}")
        for key, expected in transaction.expected.items():
            entry = self._entries.get(key)
            found = entry.modified if entry else 0
            if found != expected:
                raise Conflict(key, expected, found)
        held = self._entries.get
        put = {
            key: value for key, value in transaction.put.items() if (entry := held(key)) is None or entry.value != value
        }
        deleted = frozenset(key for key in transaction.delete if key in self._entries)
        if not put and not deleted:
            return self._latest()
        return self._commit(transaction.author, put, deleted)

    async def watch(self, since: int, prefix: str = "") -> AsyncIterator[Change]:
        """Every change after a revision that touches a prefix, in order, and further ones as they happen."""
        if since > self._revision:
            raise Forgotten(f"revision {since} is of another life of this store")
        while True:
            news = self._news
            while since < self._revision:
                change = self._after(since)
                since = change.revision
                if any(key.startswith(prefix) for key in (*change.put, *change.deleted)):
                    yield change
            await news.wait()

    async def history(self, most: int) -> list[Change]:
        """The latest changes, newest first."""
        return list(islice(reversed(self._changes), most))

    def _latest(self) -> Change:
        if self._changes:
            return self._changes[-1]
        return Change(self._revision, _NOBODY, self._digest(), {}, frozenset(), {})

    def _commit(self, author: Author, put: dict[str, str], deleted: frozenset[str]) -> Change:
        self._revision += 1
        before = {key: self._entries[key] for key in (*put, *deleted) if key in self._entries}
        entries = {key: self._entry(key, value, before.get(key)) for key, value in put.items()}
        for entry in before.values():
            self._sum -= _weight(entry)
            del self._entries[entry.key]
        for entry in entries.values():
            self._sum += _weight(entry)
            self._entries[entry.key] = entry
        change = Change(self._revision, author, self._digest(), entries, deleted, before)
        self._keep(change)
        self._all = None
        self._news.set()
        self._news = asyncio.Event()
        return change

    def _keep(self, change: Change) -> None:
        self._changes.append(change)
        self._text += _length(change)
        while len(self._changes) > 1 and (len(self._changes) > self._kept_changes or self._text > self._kept_text):
            self._text -= _length(self._changes.popleft())

    def _entry(self, key: str, value: str, before: Entry | None) -> Entry:
        return Entry(key, value, before.created if before else self._revision, self._revision)

    def _digest(self) -> str:
        """A hash of all entries that does not depend on their order, renewed without reading them all."""
        return f"{self._sum % 2**_DIGEST_BITS:0{_DIGEST_BITS // 4}x}"

    def _after(self, since: int) -> Change:
        skipped = since + 1 - self._changes[0].revision
        if skipped < 0:
            raise Forgotten(f"the changes after revision {since} are no longer kept")
        return self._changes[skipped]


def _length(change: Change) -> int:
    return sum(len(entry.value) for entry in (*change.put.values(), *change.before.values()))


def _weight(entry: Entry) -> int:
    text = f"{len(entry.key)}:{entry.key}{entry.value}"
    return int.from_bytes(blake2b(text.encode(), digest_size=_DIGEST_BITS // 8).digest())
