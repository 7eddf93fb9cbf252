"""Changes that people make beside the files: checked whole, compared with what is there, written at once."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from penstock.base.problem import Problem, errors
from penstock.compiler import Compiled
from penstock.model.kinds import resource_key
from penstock.model.loading.validation import validate_resource
from penstock.model.resource import Resource
from penstock.runtime.change.compilation import Compilation
from penstock.runtime.change.entries import Entries, read_order, read_plugins, text_of
from penstock.store import Author, Change, Conflict, Entry, Snapshot, Store, Transaction

FILES = "files"
"""The owner of what files hold."""
ANYONE = "api"
"""The owner of everything else."""
_MOST_CASCADED = 100
"""Rounds in which what refers to something deleted is deleted too: longer chains of references there are not."""


class OwnedElsewhere(Exception):  # noqa: N818 - says what is the case
    """A resource that somebody else keeps, who would write it again; nothing was changed."""

    def __init__(self, key: str, owner: str) -> None:
        super().__init__(f"{key} is owned by {owner}: change it there")
        self.key = key
        self.owner = owner


@dataclass(frozen=True, slots=True)
class Edit:
    """What somebody wants changed.

    Shape: `put` holds resources as data; `expected` names the revision at which a key was modified last, 0 for a key
    that must not be there. With `cascades`, what refers to something deleted is deleted too.
    """

    put: Sequence[Any] = ()
    delete: frozenset[str] = frozenset()
    expected: Mapping[str, int] = field(default_factory=dict)
    message: str = ""
    cascades: bool = False


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit is, or would be: its problems, and what it replaces by what.

    Shape: `before` and `after` hold the values of the keys that change; a key that only one of them has is created or
    deleted. `parts` and `dropped` are the parts of the plan that change. `change` is absent where nothing was written.
    """

    problems: Sequence[Problem] = ()
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    parts: Collection[str] = ()
    dropped: Collection[str] = ()
    change: Change | None = None

    @property
    def is_refused(self) -> bool:
        """Whether its problems keep it from being made."""
        return bool(errors(self.problems))


@dataclass(slots=True)
class Editing:
    """Makes the edits of one gateway, one after the other."""

    store: Store
    compilation: Compilation
    entries: Entries
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def edit(self, author: Author, edit: Edit, *, is_trial: bool = False) -> Edited:
        """Make an edit, whole or not at all; a trial only tells what would become of it.

        Raises: Conflict, OwnedElsewhere; what the store raises.
        """
        async with self._turn:
            snapshot = await self.store.range()
            put, problems = _read(edit.put)
            delete = edit.delete
            _check(snapshot, edit, {*put, *delete})
            if problems:
                return Edited(problems)
            before = await self._compiled(snapshot)
            later, after = await self._later(snapshot, put, delete)
            for _ in range(_MOST_CASCADED):
                fresh = _fresh_errors(before, after)
                referring = {one.resource for one in fresh} - put.keys() - delete
                if not edit.cascades or not referring:
                    break
                delete |= referring
                _check(snapshot, edit, referring)
                later, after = await self._later(snapshot, put, delete)
            edited = _edited(snapshot, later, (before, after))
            if is_trial or edited.is_refused:
                return edited
            return replace(edited, change=await self._write(author, edit, snapshot, edited))

    async def roll_back(self, author: Author, revision: int, *, is_trial: bool = False) -> Edited:
        """Make the store hold what it held at a revision, or tell what would change.

        Raises: Forgotten; what the store raises.
        """
        async with self._turn:
            now, then = await self.store.range(), await self.store.at(revision)
            _, unreadable = self.entries.read(then)
            later = Snapshot(now.revision + 1, then.entries)
            edited = _edited(now, later, (await self._compiled(now), await self._compiled(later)))
            edited = replace(edited, problems=[*unreadable, *edited.problems])
            if is_trial or edited.is_refused:
                return edited
            gone = frozenset(now.entries.keys() - then.entries.keys())
            put = {key: entry.value for key, entry in then.entries.items()}
            message = f"rollback to r{revision}"
            return replace(edited, change=await self.store.transaction(Transaction(author, put, gone, message=message)))

    async def take_back(self, author: Author, change: Change) -> Change:
        """Restore what a change has replaced, unless somebody has changed it since."""
        async with self._turn:
            put = {key: entry.value for key, entry in change.before.items()}
            expected = dict.fromkeys(change.put, change.revision) | dict.fromkeys(change.deleted, 0)
            gone = frozenset(change.put.keys() - change.before.keys())
            message = f"revision {change.revision} taken back: no worker could run it"
            transaction = Transaction(author, put=put, delete=gone, expected=expected, message=message)
            try:
                return await self.store.transaction(transaction)
            except Conflict:
                return change

    async def _write(self, author: Author, edit: Edit, snapshot: Snapshot, edited: Edited) -> Change:
        touched = {*edited.before, *edited.after}
        seen = {key: entry.modified if (entry := snapshot.entries.get(key)) else 0 for key in touched}
        gone = frozenset(edited.before.keys() - edited.after.keys())
        transaction = Transaction(author, put=edited.after, delete=gone, expected=seen, message=edit.message)
        return await self.store.transaction(transaction)

    async def _later(
        self, snapshot: Snapshot, put: Mapping[str, Resource], delete: Collection[str]
    ) -> tuple[Snapshot, Compiled]:
        """What the store would hold, and the plan of it."""
        entries = {key: entry for key, entry in snapshot.entries.items() if key not in delete}
        for key, resource in put.items():
            known, text = snapshot.entries.get(key), text_of(resource)
            if known is None or known.value != text:
                created = known.created if known else snapshot.revision + 1
                entries[key] = Entry(key, text, created, snapshot.revision + 1)
        later = Snapshot(snapshot.revision + 1, entries)
        return later, await self._compiled(later)

    async def _compiled(self, snapshot: Snapshot) -> Compiled:
        placed, _ = self.entries.read(snapshot)
        values = {key: entry.value for key, entry in snapshot.entries.items()}
        return await asyncio.to_thread(partial(self.compilation.compile, placed, plugins=read_plugins(values)))


def _read(data: Sequence[Any]) -> tuple[dict[str, Resource], list[Problem]]:
    """The resources of an edit by key, and what is wrong with it."""
    found: dict[str, Resource] = {}
    problems: list[Problem] = []
    for position, one in enumerate(data):
        read = validate_resource(one)
        if not isinstance(read, Resource):
            problems += (problem.below(position) for problem in read)
            continue
        key = resource_key(read.kind, read.name)
        if key in found:
            problems.append(Problem((position,), f"`{key}` is there twice", resource=key))
        found[key] = read
    return found, problems


def _check(snapshot: Snapshot, edit: Edit, touched: Collection[str]) -> None:
    owned = set(read_order(snapshot))
    for key in sorted(touched):
        if key in owned:
            raise OwnedElsewhere(key, FILES)
        expected = edit.expected.get(key)
        found = entry.modified if (entry := snapshot.entries.get(key)) else 0
        if expected is not None and expected != found:
            raise Conflict(key, expected, found)


def _fresh_errors(before: Compiled, after: Compiled) -> list[Problem]:
    """What is wrong only since: what was left out before keeps nobody from a change."""
    known = set(errors(before.problems))
    return [problem for problem in errors(after.problems) if problem not in known]


def _edited(snapshot: Snapshot, later: Snapshot, plans: tuple[Compiled, Compiled]) -> Edited:
    before, after = plans
    old, new = snapshot.entries, later.entries
    values = {key: entry.value for key, entry in old.items()}, {key: entry.value for key, entry in new.items()}
    keys = sorted(key for key in old.keys() | new.keys() if values[0].get(key) != values[1].get(key))
    fresh = [*_fresh_errors(before, after), *(one for one in after.problems if not one.is_error)]
    parts, known = after.plan["parts"], before.plan["parts"]
    return Edited(
        fresh,
        {key: old[key].value for key in keys if key in old},
        {key: new[key].value for key in keys if key in new},
        sorted(key for key, part in parts.items() if known.get(key) != part),
        sorted(known.keys() - parts.keys()),
    )
