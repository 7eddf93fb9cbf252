"""The resources of a gateway as people and programs see and change them: secrets stay hidden."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from penstock.base.problem import Problem
from penstock.compiler.settings import HIDDEN
from penstock.runtime.change.applying import Applying
from penstock.runtime.change.desired import Outcome
from penstock.runtime.change.editing import Edit, Edited, Editing
from penstock.runtime.change.entries import ORDER_KEY, is_resource, read_order
from penstock.runtime.change.ownership import Owners
from penstock.runtime.change.references import References
from penstock.runtime.change.shown import Showing, told_difference, unmasked
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
        snapshot = await self.applying.seen()
        owners, showing = self._owners(snapshot), self.showing
        keys = (key for key in snapshot.entries if key.startswith(prefix) and key > after and is_resource(key))
        return Seen(snapshot.revision, (_told(snapshot.entries[key], showing, owners) for key in keys))

    async def look_at(self, key: str) -> dict[str, Any] | None:
        """One resource, if it is there."""
        snapshot = await self.applying.seen()
        entry = snapshot.entries.get(key)
        return _told(entry, self.showing, self._owners(snapshot)) if entry and is_resource(key) else None

    async def edit(self, author: Author, edit: Edit, *, is_trial: bool = False) -> Edited:
        """Make an edit, or tell what would become of it. Secrets that it leaves hidden stay what they are.

        Raises: Conflict, OwnedElsewhere; what the store raises.
        """
        self.editing.check()
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
        return told_difference(key, before, after, self.showing)

    @property
    def references(self) -> References:
        """Finds what resources refer to."""
        return References(self.editing.compilation.kinds)

    def _owners(self, snapshot: Snapshot) -> Owners:
        """The owners; what files hold is read again only where that has changed, for there may be many."""
        entry = snapshot.entries.get(ORDER_KEY)
        if entry is not self._owned[0]:
            self._owned = (entry, frozenset(read_order(snapshot)))
        return Owners(snapshot, self._owned[1])

    @property
    def showing(self) -> Showing:
        """Shows resources without their secrets, by the filters that there are now."""
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
        return unmasked(data, json.loads(entry.value), self.showing.shown(entry.value))


def _told(entry: Entry, showing: Showing, owners: Owners) -> dict[str, Any]:
    shown = showing.shown(entry.value)
    status = {"revision": entry.modified, "created": entry.created, "owner": owners.of(entry.key)}
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
