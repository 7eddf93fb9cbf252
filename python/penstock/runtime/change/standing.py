"""How a node stands to a store that it shares with others: what it runs of it, and whether it can be gone on with.

The store may be away for a while, and it may come back with older data, as after a backup was restored. What the node
runs is kept on disk, so that a start without the store serves it, and going back is noticed.
"""

import asyncio
import contextlib
import json
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from penstock.filters.plugin_shelf import Shelf
from penstock.runtime.change.archives import taken_along
from penstock.runtime.change.checked_file import read_checked, write_checked
from penstock.runtime.change.entries import ACCESS, ARCHIVES, CONFIRMED_KEY
from penstock.store import Author, Change, Entry, Snapshot, Store, Transaction, Unavailable

_log = logging.getLogger("penstock")


@dataclass(frozen=True, slots=True)
class Applied:
    """What a node runs of a store.

    Shape: `mark` tells the revision from one of the same number in another history. Of a resource that was bad at this
    revision `entries` hold the last good value, if there was one. Who may do what is of revision `rights`, which may be
    a later one.
    """

    revision: int
    mark: str
    entries: Mapping[str, Entry] = field(repr=False)
    rights: int


@dataclass(slots=True)
class Standing:
    """What a node runs of a store, kept at `path`; `absence` and `older` say why it cannot go on with it now."""

    path: Path
    applied: Applied | None = None
    absence: str = ""
    older: str = ""
    returned: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the store can be gone on with again."""
    _heard: float = field(default_factory=time.monotonic)

    def load(self) -> None:
        """Read what an earlier life has applied, and when it last heard of the store."""
        self.applied = _read(self.path)
        with contextlib.suppress(OSError):
            self._heard = time.monotonic() - max(0.0, time.time() - self.path.stat().st_mtime)

    def is_heard(self) -> None:
        """Note that what is known of the store is what it holds. The time of the file tells a later life."""
        self._heard = time.monotonic()
        with contextlib.suppress(OSError):
            os.utime(self.path)

    @property
    def age_seconds(self) -> float:
        """How long what is known of the store may have been overtaken: 0 while it can be gone on with."""
        return time.monotonic() - self._heard if self.absence or self.older else 0.0

    def is_away(self, problem: Exception) -> None:
        """Note that the store cannot be read."""
        if not self.absence:
            told = str(problem) or "no answer in time"
            _log.error("the store cannot be read, and what is known of it is served: %s", told)
        self.absence = str(problem) or "etcd does not answer in time"

    async def judge(self, store: Store, snapshot: Snapshot) -> str:
        """Why what the store holds is not applied: it is older than what this node runs, and nobody has confirmed it.

        Empty where it may be applied.
        """
        older = await self.found_older(store, snapshot)
        if older and older != self.older:
            _log.error("%s", older)
        was_held_up = bool(self.absence or self.older)
        if self.absence:
            _log.info("the store is there again, at revision %d", snapshot.revision)
        self.absence, self.older = "", older
        if not older:
            self.is_heard()
        if was_held_up and not older:
            self.returned.set()
        return older

    async def keep(self, store: Store, snapshot: Snapshot, values: Mapping[str, str]) -> None:
        """Keep what runs now; `values` are the entries' values, bad ones as they were when they were good."""
        mark = await store.mark(snapshot.revision) or ""
        entries = {
            key: Entry(key, values.get(key, entry.value), entry.created, entry.modified)
            for key, entry in snapshot.entries.items()
        }
        await self._keep(Applied(snapshot.revision, mark, entries, snapshot.revision))

    async def keep_rights(self, snapshot: Snapshot) -> None:
        """Keep who may do what now, of a revision that does not run: a right that was taken is not to come back."""
        if self.applied is None:
            return
        others = {key: entry for key, entry in self.applied.entries.items() if not key.startswith(ACCESS)}
        rights = {key: entry for key, entry in snapshot.entries.items() if key.startswith(ACCESS)}
        await self._keep(replace(self.applied, entries=others | rights, rights=snapshot.revision))

    async def _keep(self, applied: Applied) -> None:
        if applied == self.applied:
            return
        try:
            await asyncio.to_thread(_write, self.path, applied)
        except OSError as problem:
            _log.error("what is applied cannot be kept, and a start without the store would serve older: %s", problem)
        self.applied = applied

    def told(self) -> dict[str, Any]:
        """How it stands, as machines read it."""
        age = round(self.age_seconds, 1)
        return {"is_shared": True, "absence": self.absence, "older": self.older, "age_seconds": age}

    def check_writable(self) -> None:
        """Nothing, if the store can be written to.

        Raises: Unavailable.
        """
        if self.older:
            raise Unavailable(self.older)
        if self.absence:
            raise Unavailable(f"what runs goes on, and nothing can be changed until the store is back: {self.absence}")

    async def confirm(self, store: Store, author: Author, shelf: Shelf, *, is_written_back: bool) -> Change:
        """Let all nodes go on with a store that holds older data: as it is, or with what this node runs.

        Archives of plugins that are in the store stay there, and those that only this node has are put there again.

        Raises: what the store raises.
        """
        snapshot = await store.range()
        mark = {CONFIRMED_KEY: json.dumps({"time": max(time.time(), _confirmed(snapshot.entries) + 1)})}
        if not is_written_back or self.applied is None:
            message = "older data of the store confirmed"
            return await store.transaction(Transaction(author, mark, message=message))
        then = self.applied.entries
        archives, attached = await taken_along(shelf, store, snapshot.entries, then)
        put = {key: entry.value for key, entry in then.items() if not key.startswith(ARCHIVES)} | archives | mark
        gone = frozenset(key for key in snapshot.entries.keys() - put.keys() if not key.startswith(ARCHIVES))
        message = f"older data of the store replaced by revision {self.applied.revision}"
        return await store.transaction(Transaction(author, put, gone, message=message, attached=attached))

    async def found_older(self, store: Store, snapshot: Snapshot) -> str:
        """What makes a snapshot one of older data than this node runs, if anything."""
        applied = self.applied
        if applied is None or _confirmed(snapshot.entries) > _confirmed(applied.entries):
            return ""
        if snapshot.revision >= applied.revision:
            # One that is forgotten by now was passed long ago.
            if not applied.mark or await store.mark(applied.revision) in {applied.mark, None}:
                return ""
            what = f"the store holds another revision {applied.revision} than the one that runs here"
        else:
            what = f"the store holds revision {snapshot.revision}, and revision {applied.revision} runs here"
        return f"{what}: older data was restored; nothing of it is applied until `penstock confirm` says so"


def _confirmed(entries: Mapping[str, Entry]) -> float:
    """When somebody confirmed older data last.

    Units: seconds since 1970; 0 for never.
    """
    entry = entries.get(CONFIRMED_KEY)
    try:
        return float(json.loads(entry.value)["time"]) if entry else 0.0
    except (ValueError, TypeError, KeyError):
        return 0.0


def _write(path: Path, applied: Applied) -> None:
    entries = {key: (entry.value, entry.created, entry.modified) for key, entry in applied.entries.items()}
    content = {"revision": applied.revision, "mark": applied.mark, "entries": entries, "rights": applied.rights}
    write_checked(path, content)


def _read(path: Path) -> Applied | None:
    content = read_checked(path)
    try:
        entries = {key: Entry(key, *found) for key, found in content["entries"].items()}
        revision = int(content["revision"])
        return Applied(revision, str(content["mark"]), entries, int(content.get("rights", revision)))
    except (TypeError, KeyError, ValueError, AttributeError):
        return None  # absent, damaged, or of another form
