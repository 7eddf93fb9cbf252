"""Resources as the store keeps them, and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from penstock.base.problem import Problem
from penstock.model.kinds import resource_key
from penstock.model.loading.loaded import Placed
from penstock.model.loading.validation import validate_resource
from penstock.model.resource import Resource
from penstock.store import Entry, Snapshot

ORDER_KEY = "order/files"
"""The entry that keeps in which order files name their resources: the older of two equal routes is the one that
comes first, and a transaction knows no order."""

PLUGIN_FILES = "plugin-files/"
"""Where the digests of plugins' files are kept: another content is a change, though the resource is the same."""


def is_resource(key: str) -> bool:
    """Whether an entry is a resource, and nothing that is kept about some."""
    return key != ORDER_KEY and not key.startswith(PLUGIN_FILES)


def read_order(snapshot: Snapshot) -> list[str]:
    """The keys of the resources that files hold, in their order."""
    entry = snapshot.entries.get(ORDER_KEY)
    keys: list[str] = json.loads(entry.value) if entry else []
    return keys


def read_plugins(values: Mapping[str, str]) -> dict[str, str]:
    """The digests of plugins' files by the plugins' names, from the values of entries."""
    return {key.removeprefix(PLUGIN_FILES): value for key, value in values.items() if key.startswith(PLUGIN_FILES)}


@dataclass(slots=True)
class Entries:
    """Turns resources into entries and entries into resources; what did not change is not turned again."""

    _placed: dict[str, tuple[str, Placed]] = field(default_factory=dict)

    def written(self, placed: Sequence[Placed]) -> dict[str, str]:
        """The entries of resources, the order among them."""
        both = {one.key: self._written(one) for one in placed}
        self._placed |= both
        return {**{key: text for key, (text, _) in both.items()}, ORDER_KEY: json.dumps(list(both))}

    def _written(self, placed: Placed) -> tuple[str, Placed]:
        known = self._placed.get(placed.key)
        if known is None or known[1].digest != placed.digest:
            return text_of(placed.resource), placed
        return known if known[1] is placed else (known[0], placed)

    def read(self, snapshot: Snapshot) -> tuple[list[Placed], list[Problem]]:
        """The resources of a snapshot, oldest first, and the problems of those that are none."""
        problems: list[Problem] = []
        placed: dict[str, tuple[str, Placed]] = {}
        for key, entry in snapshot.entries.items():
            if not is_resource(key):
                continue
            known = self._placed.get(key)
            if known is not None and known[0] == entry.value:
                placed[key] = known
                continue
            found = _resource(entry)
            if isinstance(found, Placed):
                placed[key] = (entry.value, found)
            else:
                problems += found
        self._placed = placed
        ordered = dict.fromkeys(key for key in read_order(snapshot) if key in placed)
        others = sorted(placed.keys() - ordered.keys(), key=lambda key: (snapshot.entries[key].created, key))
        return [placed[key][1] for key in (*ordered, *others)], problems


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
