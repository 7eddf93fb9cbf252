"""Changes that people make beside the files: checked whole, compared with what is there, written at once."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from penstock.base.problem import Problem, errors
from penstock.compiler import Compiled
from penstock.model.kinds import resource_key
from penstock.model.loading.validation import validate_resource
from penstock.model.resource import Resource
from penstock.runtime.acme.stand_in import with_stand_ins
from penstock.runtime.change.archives import archive_key, archives_in, bring, taken_along
from penstock.runtime.change.compilation import Compilation
from penstock.runtime.change.delta import difference
from penstock.runtime.change.entries import (
    ACCESS,
    ARCHIVES,
    CONFIRMED_KEY,
    DRAINED,
    OWNER,
    ROLLING_KEY,
    Entries,
    accepted_plugins,
    is_resource,
    text_of,
)
from penstock.runtime.change.ordered import ORDERED
from penstock.runtime.change.ownership import Claim, Owners, claims
from penstock.runtime.trial.report import Report
from penstock.runtime.trial.trying import tests_of, try_all
from penstock.store import Author, Change, Conflict, Entry, Snapshot, Store, Transaction

_STAYING = (CONFIRMED_KEY, DRAINED, ROLLING_KEY, ACCESS, ORDERED)
"""What keys begin with that going back leaves as it is now."""
_MOST_CASCADED = 100
"""Rounds in which what refers to something deleted is deleted too: longer chains of references there are not."""


class NotPermitted(Exception):  # noqa: N818 - says what is the case
    """An edit that whoever makes it has no right to; nothing was changed."""


Permit = Callable[[str, str | None, str | None], None]
"""Judges a change of a key from one value to another, either of which may be absent.

Raises: NotPermitted.
"""


@dataclass(frozen=True, slots=True)
class Edit:
    """What somebody wants changed.

    Shape: `put` holds resources as data; `expected` names the revision at which a key was modified last, 0 for a key
    that must not be there. With `cascades`, what refers to something deleted is deleted too. `beside` are further
    entries that go with the change, if there is one. `permit` says whether each key may be changed so, before anything
    is told of what is there.
    """

    put: Sequence[Any] = ()
    delete: frozenset[str] = frozenset()
    expected: Mapping[str, int] = field(default_factory=dict)
    message: str = ""
    cascades: bool = False
    beside: Mapping[str, str] = field(default_factory=dict)
    permit: Permit | None = None
    claim: Claim = field(default_factory=Claim)
    prunes: Callable[[str], bool] | None = None
    """Which resources go that are not put, by their texts: of those alone that are the owner's who edits."""
    is_tested: bool = False
    """Whether the tests among the resources, as they would be, have to pass."""


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
    report: Report | None = None
    """What the tests found, where they were run."""

    @property
    def is_refused(self) -> bool:
        """Whether its problems keep it from being made."""
        return bool(errors(self.problems))

    @property
    def has_effect(self) -> bool:
        """Whether it changes anything."""
        return self.before != self.after


@dataclass(slots=True)
class Editing:
    """Makes the edits of one gateway, one after the other."""

    store: Store
    compilation: Compilation
    entries: Entries
    check: Callable[[], None] = lambda: None
    """Raises Unavailable where nothing can be changed at the moment."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def edit(self, author: Author, edit: Edit, *, is_trial: bool = False) -> Edited:
        """Make an edit, whole or not at all; a trial only tells what would become of it.

        Raises: NotPermitted, Conflict, OwnedElsewhere; what the store raises.
        """
        async with self._turn:
            self.check()
            snapshot = await self.store.range()
            put, problems = _read(edit.put)
            owners = Owners(snapshot, self.entries.order(snapshot).keys())
            delete = edit.delete | _pruned(owners, edit, put)
            _judge(snapshot, edit, {**{key: text_of(one) for key, one in put.items()}, **dict.fromkeys(delete)})
            _check(owners, edit, {*put, *delete})
            if problems:
                return Edited(problems)
            before = await self._compiled(snapshot)
            later, after = await self._later(snapshot, edit.claim, put, delete)
            for _ in range(_MOST_CASCADED):
                fresh = _fresh_errors(before, after)
                referring = {one.resource for one in fresh} - put.keys() - delete
                if not edit.cascades or not referring:
                    break
                delete |= referring
                _judge(snapshot, edit, dict.fromkeys(referring))
                _check(owners, edit, referring)
                later, after = await self._later(snapshot, edit.claim, put, delete)
            edited = _edited(snapshot, later, (before, after))
            if edit.is_tested and not edited.is_refused:
                edited = await self._tested(edited, later, after)
            if is_trial or edited.is_refused:
                return edited
            return replace(edited, change=await self._write(author, edit, snapshot, edited))

    async def roll_back(
        self, author: Author, revision: int, *, is_trial: bool = False, beside: Mapping[str, str] = MappingProxyType({})
    ) -> Edited:
        """Make the store hold what it held at a revision, or tell what would change.

        Raises: Forgotten; what the store raises.
        """
        async with self._turn:
            self.check()
            now = await self.store.range()
            then = _with_what_stays(now, await self.store.at(revision))
            shelf = self.compilation.shelf
            archives, attached = await taken_along(shelf, self.store, now.entries, then.entries)
            then = replace(then, entries=_without_lost(then.entries, now.entries, archives))
            _, unreadable = self.entries.read(then)
            # What only a later version knows stays as it is, if it was so then.
            unreadable = [one for one in unreadable if _value(then, one.resource) != _value(now, one.resource)]
            later = Snapshot(now.revision + 1, then.entries)
            edited = _edited(now, later, (await self._compiled(now), await self._compiled(later)))
            edited = replace(edited, problems=[*unreadable, *edited.problems])
            if is_trial or edited.is_refused:
                return edited
            gone = frozenset(now.entries.keys() - later.entries.keys())
            put = {key: entry.value for key, entry in then.entries.items()}
            put |= dict(beside) if edited.has_effect else {}
            back = Transaction(author, put, gone, message=f"rollback to r{revision}", attached=attached)
            return replace(edited, change=await self.store.transaction(back))

    async def take_back(self, author: Author, change: Change, why: str = "no worker could run it") -> Change:
        """Restore what a change has replaced, unless somebody has changed it since: then the change itself is told."""
        async with self._turn:
            put = {key: entry.value for key, entry in change.before.items() if key != ROLLING_KEY}
            expected = dict.fromkeys(change.put, change.revision) | dict.fromkeys(change.deleted, 0)
            gone = frozenset(key for key in change.put.keys() - put.keys() if not key.startswith(ARCHIVES))
            message = f"revision {change.revision} taken back: {why}"
            transaction = Transaction(author, put=put, delete=gone, expected=expected, message=message)
            try:
                return await self.store.transaction(transaction)
            except Conflict:
                return change

    async def _write(self, author: Author, edit: Edit, snapshot: Snapshot, edited: Edited) -> Change:
        touched = {*edited.before, *edited.after}
        # An archive that a plugin names is to be there still when the plugin is.
        named = archives_in({key: Entry(key, text, 0, 0) for key, text in edited.after.items()})
        touched |= {key for digest in named if (key := archive_key(digest)) in snapshot.entries}
        seen = {key: entry.modified if (entry := snapshot.entries.get(key)) else 0 for key in touched}
        gone = frozenset(edited.before.keys() - edited.after.keys())
        put = {**edited.after, **(edit.beside if edited.has_effect else {})}
        transaction = Transaction(author, put=put, delete=gone, expected=seen, message=edit.message)
        return await self.store.transaction(transaction)

    async def _tested(self, edited: Edited, later: Snapshot, compiled: Compiled) -> Edited:
        """The same, refused where a test fails."""
        placed, _ = self.entries.read(later)
        stood = await asyncio.to_thread(with_stand_ins, placed)
        if stood is not placed:
            again = partial(self.compilation.compile, stood, plugins=accepted_plugins(later))
            compiled = await asyncio.to_thread(again)
        report = await asyncio.to_thread(try_all, compiled, tests_of(placed), self.compilation.state_folder)
        return replace(edited, problems=[*edited.problems, *report.problems()], report=report)

    async def _later(
        self, snapshot: Snapshot, claim: Claim, put: Mapping[str, Resource], delete: Collection[str]
    ) -> tuple[Snapshot, Compiled]:
        """What the store would hold, and the plan of it."""
        owned = claims(claim, put)
        gone = {*delete, *(f"{OWNER}{key}" for key in delete), *(key for key, owner in owned.items() if owner is None)}
        entries = dict(snapshot.entries)
        for key in gone & entries.keys():
            del entries[key]
        texts = {key: text_of(resource) for key, resource in put.items()}
        for key, text in (*texts.items(), *((key, owner) for key, owner in owned.items() if owner is not None)):
            known = snapshot.entries.get(key)
            if known is None or known.value != text:
                created = known.created if known else snapshot.revision + 1
                entries[key] = Entry(key, text, created, snapshot.revision + 1)
        later = Snapshot(snapshot.revision + 1, entries)
        return later, await self._compiled(later)

    async def _compiled(self, snapshot: Snapshot) -> Compiled:
        placed, _ = self.entries.read(snapshot)
        await bring(self.compilation.shelf, self.store, archives_in(snapshot.entries), snapshot.entries)
        plugins = accepted_plugins(snapshot)
        return await asyncio.to_thread(partial(self.compilation.compile, placed, plugins=plugins))


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


def _judge(snapshot: Snapshot, edit: Edit, values: Mapping[str, str | None]) -> None:
    if edit.permit is not None:
        for key, value in sorted(values.items()):
            known = snapshot.entries.get(key)
            edit.permit(key, known.value if known else None, value)


def _pruned(owners: Owners, edit: Edit, put: Collection[str]) -> frozenset[str]:
    """What goes for not being put."""
    if edit.prunes is None:
        return frozenset()
    entries = owners.snapshot.entries
    candidates = (key for key in entries if is_resource(key) and key not in put and owners.of(key) == edit.claim.owner)
    return frozenset(key for key in candidates if edit.prunes(entries[key].value))


def _check(owners: Owners, edit: Edit, touched: Collection[str]) -> None:
    for key in sorted(touched):
        owners.check(key, edit.claim)
        expected = edit.expected.get(key)
        found = entry.modified if (entry := owners.snapshot.entries.get(key)) else 0
        if expected is not None and expected != found:
            raise Conflict(key, expected, found)


def _value(snapshot: Snapshot, key: str) -> str | None:
    entry = snapshot.entries.get(key)
    return entry.value if entry else None


def _with_what_stays(now: Snapshot, then: Snapshot) -> Snapshot:
    """Earlier resources, and what is said now of nodes and of who may do what; no archive goes by going back."""
    kept = {key: entry for key, entry in now.entries.items() if key.startswith((*_STAYING, ARCHIVES))}
    earlier = {key: entry for key, entry in then.entries.items() if not key.startswith(_STAYING)}
    return Snapshot(then.revision, {**earlier, **kept})


def _without_lost(then: Mapping[str, Entry], now: Mapping[str, Entry], found: Mapping[str, str]) -> dict[str, Entry]:
    """Earlier entries without archives that cannot be had again."""
    return {key: one for key, one in then.items() if not key.startswith(ARCHIVES) or key in now or key in found}


def _fresh_errors(before: Compiled, after: Compiled) -> list[Problem]:
    """What is wrong only since: what was left out before keeps nobody from a change."""
    known = set(errors(before.problems))
    return [problem for problem in errors(after.problems) if problem not in known]


def _edited(snapshot: Snapshot, later: Snapshot, plans: tuple[Compiled, Compiled]) -> Edited:
    before, after = plans
    old, new = snapshot.entries, later.entries
    touched = [key for key, entry in new.items() if old.get(key) is not entry]
    keys = sorted([*(old.keys() - new.keys()), *(key for key in touched if _value(snapshot, key) != new[key].value)])
    fresh = [*_fresh_errors(before, after), *(one for one in after.problems if not one.is_error)]
    moved = difference(before.plan["parts"], after.plan["parts"])
    return Edited(
        fresh,
        {key: old[key].value for key in keys if key in old},
        {key: new[key].value for key in keys if key in new},
        sorted(moved["put"]),
        moved["drop"],
    )
