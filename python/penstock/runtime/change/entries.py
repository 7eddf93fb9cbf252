"""Resources as the store keeps them, and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from types import MappingProxyType

from penstock.base.problem import Problem
from penstock.model.kinds import resource_key
from penstock.model.loading.loaded import Placed
from penstock.model.loading.validation import validate_resource
from penstock.model.resource import Resource
from penstock.runtime.change.ordered import ORDERED, with_ordered
from penstock.store import Damaged, Entry, Snapshot

ORDER_KEY = "order/files"
"""The entry that keeps in which order files name their resources: the older of two equal routes is the one that
comes first, and a transaction knows no order."""

PLUGIN_FILES = "plugin-files/"
"""Where the digests of plugins' files are kept: another content is a change, though the resource is the same."""

CONFIRMED_KEY = "confirmed/store"
"""The entry that says when an administrator last confirmed older data of the store."""

DRAINED = "drained/"
"""What the keys of nodes begin with that are to serve nobody for a while."""

ROLLING_KEY = "rolling/nodes"
"""The entry of a change that nodes apply one after the other: their names, in order."""

ACCESS = "access/"
"""Where is kept who may do what: beside the resources, so that going back to an earlier revision of these gives nobody
a right back."""

OWNER = "owner/"
"""What the keys of entries begin with that name the owner of a resource, behind it: `owner/route/api`."""

ARCHIVES = "archive/"
"""What the keys of archives of plugins begin with: their digests follow."""

BESIDE = ("order/", PLUGIN_FILES, "confirmed/", DRAINED, "rolling/", ACCESS, OWNER, ORDERED, ARCHIVES)
"""What keys begin with that are no resources, and that no user has written."""


def is_resource(key: str) -> bool:
    """Whether an entry is a resource, and nothing that is kept about some or about nodes."""
    return not key.startswith(BESIDE)


def read_order(snapshot: Snapshot) -> list[str]:
    """The keys of the resources that files hold, in their order."""
    return read_names(snapshot, ORDER_KEY)


def read_names(snapshot: Snapshot, key: str) -> list[str]:
    """The names that an entry lists; none where there is no such entry.

    Raises: Damaged if somebody has written something else there.
    """
    entry = snapshot.entries.get(key)
    try:
        names = json.loads(entry.value) if entry else []
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Damaged(f"{key} is not what Penstock writes there")
    return names


def read_plugins(values: Mapping[str, str]) -> dict[str, str]:
    """The digests of plugins' files by the plugins' names, from the values of entries."""
    return {key.removeprefix(PLUGIN_FILES): values[key] for key in values if key.startswith(PLUGIN_FILES)}


def accepted_plugins(snapshot: Snapshot) -> dict[str, str]:
    """The same from a snapshot."""
    entries = snapshot.entries
    return {key.removeprefix(PLUGIN_FILES): entries[key].value for key in entries if key.startswith(PLUGIN_FILES)}


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the entries of a snapshot are, by their keys: resources with their texts, what is none, and what was issued.

    Shape: `ranks` are the resources in the order in which they were created.
    """

    entries: Mapping[str, Entry] = field(default_factory=dict)
    placed: Mapping[str, tuple[str, Placed]] = field(default_factory=dict)
    wrong: Mapping[str, list[Problem]] = field(default_factory=dict)
    ordered: Mapping[str, Entry] = field(default_factory=dict)
    ranks: Sequence[tuple[int, str]] = ()

    def following(self, entries: Mapping[str, Entry]) -> "_Reading":
        """What other entries are; those that are the same objects are not looked at again."""
        fresh = {key: entry for key, entry in entries.items() if self.entries.get(key) is not entry}
        touched = fresh.keys() | (self.placed.keys() | self.wrong.keys() | self.ordered.keys()) - entries.keys()
        placed = {key: one for key, one in self.placed.items() if key not in touched}
        wrong = {key: found for key, found in self.wrong.items() if key not in touched}
        ordered = {key: entry for key, entry in self.ordered.items() if key not in touched}
        ranks = [rank for rank in self.ranks if rank[1] not in touched]
        for key, entry in fresh.items():
            if not is_resource(key):
                if key.startswith(ORDERED):
                    ordered[key] = entry
                continue
            known = self.placed.get(key)
            found = known[1] if known is not None and known[0] == entry.value else _resource(entry)
            if isinstance(found, Placed):
                placed[key] = (entry.value, found)
                ranks.append((entry.created, key))
            else:
                wrong[key] = found
        ranks.sort()
        return _Reading(entries, placed, wrong, ordered, ranks)

    def with_written(self, written: Mapping[str, tuple[str, Placed]]) -> "_Reading":
        """The same beside what comes from files, where it may stand elsewhere though its text is the same."""
        known = self.placed
        moved = {key for key, (_, one) in written.items() if key not in known or known[key][1] is not one}
        entries = {key: entry for key, entry in self.entries.items() if key not in moved}
        return replace(self, entries=entries, placed={**self.placed, **written})

    def problems(self) -> list[Problem]:
        """What is wrong with entries that are no resources."""
        return [one for key in self.entries if key in self.wrong for one in self.wrong[key]] if self.wrong else []


@dataclass(slots=True)
class Entries:
    """Turns resources into entries and entries into resources; what did not change is not turned again."""

    _latest: _Reading = field(default_factory=_Reading)
    _of_files: tuple[Entry | None, Mapping[str, None]] = (None, MappingProxyType({}))

    def written(self, placed: Sequence[Placed]) -> dict[str, str]:
        """The entries of resources, the order among them."""
        both = {one.key: self._written(one) for one in placed}
        self._latest = self._latest.with_written(both)
        return {**{key: text for key, (text, _) in both.items()}, ORDER_KEY: json.dumps(list(both))}

    def _written(self, placed: Placed) -> tuple[str, Placed]:
        known = self._latest.placed.get(placed.key)
        if known is None or known[1].digest != placed.digest:
            return text_of(placed.resource), placed
        return known if known[1] is placed else (known[0], placed)

    def read(self, snapshot: Snapshot) -> tuple[list[Placed], list[Problem]]:
        """The resources of a snapshot, oldest first, and the problems of those that are none."""
        if self._latest.entries is not snapshot.entries:
            self._latest = self._latest.following(snapshot.entries)
        reading, of_files = self._latest, self.order(snapshot)
        first = {key: reading.placed[key][1] for key in of_files if key in reading.placed}
        others = {key: reading.placed[key][1] for _, key in reading.ranks if key not in first}
        ordered = [reading.ordered[key] for key in sorted(reading.ordered)]
        return with_ordered({**first, **others}, ordered), reading.problems()

    def order(self, snapshot: Snapshot) -> Mapping[str, None]:
        """The keys of the resources that files hold, in their order; read again only where they have changed.

        Raises: Damaged.
        """
        entry = snapshot.entries.get(ORDER_KEY)
        if entry is not self._of_files[0]:
            self._of_files = (entry, dict.fromkeys(read_order(snapshot)))
        return self._of_files[1]


def text_of(resource: Resource) -> str:
    """The value of a resource's entry."""
    return resource.model_dump_json(exclude_unset=True, by_alias=True)


def _resource(entry: Entry) -> Placed | list[Problem]:
    try:
        data = json.loads(entry.value)
    except ValueError as problem:
        return [Problem((), f"not JSON: {problem}", resource=entry.key)]
    found = validate_resource(data)
    if isinstance(found, Resource):
        if resource_key(found.kind, found.name) != entry.key:
            # Else what stands here could pass for what somebody else has written there.
            return [Problem(("name",), f"`{found.name}` is stored under another name", resource=entry.key)]
        return Placed(found, blake2b(entry.value.encode(), digest_size=16).hexdigest())
    return [replace(one, resource=entry.key) for one in found]
