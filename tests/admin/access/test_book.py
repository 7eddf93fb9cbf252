"""What is known of who may do what, while a shared store is there, away, or holds older data (I14, 4.4)."""

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from penstock.admin.access.book import AccessBook
from penstock.admin.access.holders import digest
from penstock.admin.problem_answer import Bad
from penstock.runtime.change.standing import Standing
from penstock.store import Author, MemoryStore, Snapshot, Unavailable

OPS = Author("ops", "api")
DAY = 24 * 3600.0


class CountedStore(MemoryStore):
    """A store that may be silent, and counts how often it is asked for everything."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.is_silent = False

    async def range(self, prefix: str = "") -> Snapshot:
        self.asked += 1
        if self.is_silent:
            await asyncio.sleep(3600)
        return await super().range(prefix)


@dataclass
class Node:
    """What the book sees of a gateway."""

    path: Path
    store: CountedStore = field(default_factory=CountedStore)
    looked: int = 0

    def __post_init__(self) -> None:
        self.standing = Standing(self.path / "applied.json")
        applying = SimpleNamespace(store=self.store, standing=self.standing, look_again=self.look_again)
        folder = SimpleNamespace(tokens_used=self.path / "used.json")
        launch = SimpleNamespace(folder=folder, settings=SimpleNamespace(access_seconds=DAY))
        supervisor: Any = SimpleNamespace(applying=applying, launch=launch)
        self.book = AccessBook(supervisor)

    def look_again(self) -> None:
        self.looked += 1

    async def put(self, name: str, text: str) -> None:
        """A token, applied."""
        value = {"role": "viewer", "digest": digest(text), "created": 0}
        await self.store.put(f"access/token/{name}", json.dumps(value), OPS)
        await self.apply()

    async def apply(self) -> None:
        snapshot = await self.store.range()
        await self.standing.judge(self.store, snapshot)
        await self.standing.keep(self.store, snapshot, {})

    async def knows(self, text: str) -> bool:
        return await self.book.holder_of(text) is not None


def check(path: Path, story: Callable[[Node], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(Node(path)), 60))


def test_a_store_that_is_away_is_not_waited_for(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        await node.put("ci", "one")
        assert await node.knows("one")
        node.standing.is_away(Unavailable("gone"))
        node.store.is_silent = True
        asked = node.store.asked
        for _ in range(3):
            assert await node.knows("one")
            assert not await node.knows("two")
        assert node.store.asked == asked

    check(tmp_path, story)


def test_a_store_that_falls_silent_is_waited_for_shortly_and_looked_at(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        await node.put("ci", "one")
        node.store.is_silent = True
        # Known from what was applied, though nobody has asked before.
        assert await node.knows("one")
        assert node.looked == 1

    check(tmp_path, story)


def test_what_was_taken_does_not_come_back_with_older_data(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        await node.put("ci", "one")
        await node.put("lost", "two")
        older = await node.store.range()
        await node.store.delete("access/token/lost", OPS)
        await node.apply()
        # A backup of then is restored; nobody has judged that yet, nor has the book seen what was before.
        restored = CountedStore()
        await restored.plant(Snapshot(older.revision - 1, older.entries), OPS, "restored")
        node.book.supervisor.applying.store = node.store = restored
        assert (await restored.range()).revision < (node.standing.applied.revision if node.standing.applied else 0)
        assert await node.knows("one")
        assert not await node.knows("two")
        assert node.looked == 2
        assert await node.standing.judge(restored, await restored.range())
        assert not await node.knows("two")
        with pytest.raises(Unavailable):
            await node.book.delete(OPS, "access/token/ci", "", {})

    check(tmp_path, story)


def test_what_was_taken_stays_so_though_its_revision_does_not_run(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        await node.put("ci", "one")
        assert await node.knows("one")
        await node.store.delete("access/token/ci", OPS)
        await node.standing.keep_rights(await node.store.range())
        node.standing.is_away(Unavailable("gone"))
        assert not await node.knows("one")
        # Nor does a later life give it back.
        later = Standing(node.standing.path)
        later.load()
        assert later.applied is not None
        assert (later.applied.revision, later.applied.rights) == (1, 2)
        assert "access/token/ci" not in later.applied.entries

    check(tmp_path, story)


@pytest.mark.parametrize("seconds", [0, DAY - 60, DAY + 60], ids=["just now", "within a day", "for longer"])
def test_what_is_known_counts_for_an_age_also_in_a_later_life(tmp_path: Path, seconds: float) -> None:
    async def story(node: Node) -> None:
        await node.put("ci", "one")
        then = time.time() - seconds
        os.utime(node.standing.path, (then, then))
        later = Node(tmp_path, node.store)
        later.standing.load()
        # While the store is there nothing is old.
        assert await later.knows("one")
        later.standing.is_away(Unavailable("gone"))
        if seconds <= DAY:
            assert await later.knows("one")
            return
        with pytest.raises(Bad, match=r"last heard of .*counts for 86400 s \(--access-age\)"):
            await later.knows("one")
        # The store is there again.
        await later.apply()
        assert await later.knows("one")

    check(tmp_path, story)
