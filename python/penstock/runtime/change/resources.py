"""The resources of a gateway as people and programs see and change them: secrets stay hidden."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from penstock.base.problem import Problem
from penstock.compiler.settings import HIDDEN
from penstock.runtime.change.applying import Applying
from penstock.runtime.change.desired import Outcome
from penstock.runtime.change.editing import ANYONE, FILES, Edit, Edited, Editing
from penstock.runtime.change.entries import ORDER_KEY, is_resource, read_order
from penstock.runtime.change.shown import Showing, difference, unmasked
from penstock.store import Author, Entry, Snapshot

STATUS = "status"
"""The field of a resource that says what the gateway knows of it; it is written by nobody else."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Resources at one revision, each as data with its status, made as it is asked for."""

    revision: int
    items: Iterator[dict[str, Any]]


@dataclass(slots=True)
class Resources:
    """Looks at resources and changes them."""

    applying: Applying
    editing: Editing
    _latest: Showing | None = None
    _owned: tuple[Entry | None, frozenset[str]] = (None, frozenset())

    async def look(self, prefix: str = "", after: str = "") -> Seen:
        """The resources under a prefix of keys and behind a key, in the order of keys."""
        snapshot = await self.applying.store.range()
        owned, showing = self._owned_by_files(snapshot), self._showing
        keys = (key for key in snapshot.entries if key.startswith(prefix) and key > after and is_resource(key))
        return Seen(snapshot.revision, (_told(snapshot.entries[key], showing, owned) for key in keys))

    async def look_at(self, key: str) -> dict[str, Any] | None:
        """One resource, if it is there."""
        snapshot = await self.applying.store.range()
        entry = snapshot.entries.get(key)
        return _told(entry, self._showing, self._owned_by_files(snapshot)) if entry and is_resource(key) else None

    async def edit(self, author: Author, edit: Edit, *, is_trial: bool = False) -> Edited:
        """Make an edit, or tell what would become of it. Secrets that it leaves hidden stay what they are.

        Raises: Conflict, OwnedElsewhere; what the store raises.
        """
        snapshot = await self.applying.store.range()
        put = [self._filled(one, snapshot) for one in edit.put]
        left = [one for one in put if _is_hidden_anywhere(one)]
        if left:
            hint = "write the secret itself, or leave it where it was"
            return Edited([Problem((), f"`{HIDDEN}` stands for a secret, and nothing is known that it is", hint)])
        return await self.editing.edit(author, replace(edit, put=put), is_trial=is_trial)

    async def outcome(self, author: Author, edited: Edited) -> Outcome | None:
        """What became of an edit at the workers. One that they refuse is taken back: what is kept is what runs."""
        if edited.change is None:
            return None
        outcome = await self.applying.outcome_of(edited.change.revision)
        if outcome.problems:
            await self.editing.take_back(author, edited.change)
        return outcome

    def difference(self, key: str, before: str | None, after: str | None) -> dict[str, str]:
        """How a resource changes: what is done to it, and its lines, without secrets."""
        action = "create" if before is None else "delete" if after is None else "replace"
        lines = difference(key, before, after, self._showing)
        return {"key": key, "action": action, "diff": "".join(f"{line}\n" for line in lines)}

    def _owned_by_files(self, snapshot: Snapshot) -> frozenset[str]:
        """The keys of what files hold; read again only where that has changed, for there may be many."""
        entry = snapshot.entries.get(ORDER_KEY)
        if entry is not self._owned[0]:
            self._owned = (entry, frozenset(read_order(snapshot)))
        return self._owned[1]

    @property
    def _showing(self) -> Showing:
        kinds = self.editing.compilation.kinds
        if self._latest is None or self._latest.kinds is not kinds:
            self._latest = Showing(kinds)
        return self._latest

    def _filled(self, data: Any, snapshot: Snapshot) -> Any:
        """Data without its status, and with the secrets that it leaves as they are."""
        if not isinstance(data, dict):
            return data
        data = {key: value for key, value in data.items() if key != STATUS}
        entry = snapshot.entries.get(f"{str(data.get('kind')).lower()}/{data.get('name')}")
        if entry is None or HIDDEN not in json.dumps(data):
            return data
        return unmasked(data, json.loads(entry.value), self._showing.shown(entry.value))


def _told(entry: Entry, showing: Showing, owned: frozenset[str]) -> dict[str, Any]:
    shown = showing.shown(entry.value)
    status = {"revision": entry.modified, "created": entry.created, "owner": FILES if entry.key in owned else ANYONE}
    if isinstance(shown, dict):
        return {**shown, STATUS: status}
    # What is no resource of a known kind is there all the same, and nobody knows what of it is secret.
    kind, _, name = entry.key.partition("/")
    return {"kind": kind, "name": name, STATUS: {**status, "is_unreadable": True}}


def _is_hidden_anywhere(data: Any) -> bool:
    if isinstance(data, dict):
        return any(_is_hidden_anywhere(item) for item in data.values())
    if isinstance(data, list):
        return any(_is_hidden_anywhere(item) for item in data)
    return bool(data == HIDDEN)
