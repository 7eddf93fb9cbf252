"""A store in memory: for tests, for embedding, and for gateways that need no history."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from penstock.store.alone import LoneBackend
from penstock.store.backend import Commit, Reach
from penstock.store.entry import Result
from penstock.store.holding import Held
from penstock.store.leases import Leases
from penstock.store.revisions.root import NOTHING, Head
from penstock.store.tree_store import Retention, TreeStore

_KEPT_CHANGES = 1_000
_KEPT_BYTES = 16 * 1024 * 1024
"""Bytes that the blobs of kept changes may have come with; the latest change is kept whatever it holds."""


class MemoryBackend(LoneBackend):
    """Keeps everything in this process; gone with it."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._heads: list[Head] = []
        self._results: dict[int, dict[str, Result]] = {}
        self._leases = Leases()
        self._news = asyncio.Event()

    async def head(self) -> Head:
        """The latest revision."""
        return self._heads[-1] if self._heads else NOTHING

    async def roots(self, newest: int, most: int) -> list[Head]:
        """The kept revisions up to one, newest first."""
        if not self._heads or newest < self._heads[0].revision:
            return []
        end = newest - self._heads[0].revision + 1
        return self._heads[max(end - most, 0) : end][::-1]

    async def read(self, names: Collection[str]) -> Mapping[str, bytes]:
        """Blobs by name."""
        return {name: self._blobs[name] for name in names if name in self._blobs}

    async def commit(self, commit: Commit) -> bool:
        """Keep the blobs and the head."""
        self._leases.check(commit.while_held)
        if await self.head() != commit.before:
            return False
        self._blobs |= commit.blobs
        self._heads.append(commit.after)
        self._news.set()
        self._news = asyncio.Event()
        return True

    async def news(self, known: Head) -> None:
        """Return when the head is another."""
        while await self.head() == known:
            await self._news.wait()

    async def forget(self, oldest: int, while_held: Held | None = None) -> None:
        """Keep no revision before one."""
        self._leases.check(while_held)
        self._heads = [head for head in self._heads if head.revision >= oldest]
        self._results = {revision: results for revision, results in self._results.items() if revision >= oldest}

    async def collect(self, reach: Reach) -> int:
        """Remove all blobs that no kept revision leads to."""
        before = len(self._blobs)
        reached = await reach(self._heads)
        self._blobs = {name: blob for name, blob in self._blobs.items() if name in reached}
        return before - len(self._blobs)

    async def note(self, revision: int, result: Result) -> None:
        """Keep what became of a revision."""
        self._results.setdefault(revision, {})[result.node] = result

    async def results(self, oldest: int, newest: int) -> Mapping[int, Sequence[Result]]:
        """What became of revisions."""
        return {
            revision: list(results.values())
            for revision, results in self._results.items()
            if oldest <= revision <= newest
        }


class MemoryStore(TreeStore):
    """A store that is gone with this process."""

    def __init__(self, kept_changes: int = _KEPT_CHANGES, kept_bytes: int = _KEPT_BYTES) -> None:
        super().__init__(MemoryBackend(), Retention(kept_changes, kept_bytes))
