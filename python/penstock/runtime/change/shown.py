"""Stored resources as they may be shown: without their secrets, as their schemas mark them."""

import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.compiler.settings import HIDDEN
from penstock.filters.catalogue import FilterKind
from penstock.model.kinds import KINDS
from penstock.model.step import END
from penstock.runtime.change.entries import is_resource
from penstock.store import Entry

STEP_LISTS = frozenset({"steps", "before", "after"})
"""The fields of resources that hold steps, whose settings the schemas of their filters describe."""
_OF_EVERY_STEP = frozenset({"kind", "name", "when", "on"})
_BRANCHES = ("anyOf", "oneOf", "allOf")
_SECRET = "password"  # noqa: S105 - what schemas call any of them
"""The format of a text that is secret."""
Schema = Mapping[str, Any]


def shown(text: str, kinds: Mapping[str, FilterKind]) -> Any:
    """The data of a stored text, with stars for what is secret."""
    return Showing(kinds).shown(text)


@dataclass(slots=True)
class Showing:
    """Shows many texts, and looks through each schema once.

    Of filters that are not in the catalogue nobody knows what is secret; their texts are stars throughout.
    """

    kinds: Mapping[str, FilterKind]
    _places: dict[str, "SchemaPlace | None"] = field(default_factory=dict)

    def shown(self, text: str) -> Any:
        """The data of a stored text, with stars for what is secret."""
        try:
            data = json.loads(text)
        except ValueError:
            return HIDDEN
        model = KINDS.get(data.get("kind", "")) if isinstance(data, dict) else None
        if model is None:
            return data if isinstance(data, list) else HIDDEN
        place = self._place(f"{model.__name__}/", model.model_json_schema)
        return self._with_steps(_masked(data, place) if place else dict(data), data)

    def _place(self, key: str, schema: Callable[[], Schema]) -> "SchemaPlace | None":
        """The outermost place of a schema that marks something as secret; none of one that marks nothing."""
        if key not in self._places:
            whole = schema()
            self._places[key] = SchemaPlace(whole) if _SECRET in json.dumps(whole) else None
        return self._places[key]

    def _with_steps(self, masked: Any, data: Mapping[str, Any]) -> Any:
        for key in STEP_LISTS & data.keys():
            if isinstance(data[key], list):
                masked[key] = [self._step(step) for step in data[key]]
        return masked

    def _step(self, step: Any) -> Any:
        if not isinstance(step, dict):
            return step
        kind = self.kinds.get(str(step.get("kind")))
        settings = {key: value for key, value in step.items() if key not in _OF_EVERY_STEP}
        own = {key: value for key, value in step.items() if key in _OF_EVERY_STEP}
        if kind is None:
            return own | (_starred(settings) if step.get("kind") != END else settings)
        place = self._place(kind.name, lambda: kind.schema)
        return own | (_masked(settings, place) if place else settings)


def difference(key: str, before: str | None, after: str | None, showing: Showing) -> list[str]:
    """The lines that tell two values of a key apart, without secrets; a value may be absent."""
    old, new = ([] if value is None else _lines(showing.shown(value)) for value in (before, after))
    told = list(difflib.unified_diff(old, new, key, key, lineterm="", n=2))
    return told or [f"--- {key}", f"+++ {key}", "  only what is secret differs"]


def told_difference(key: str, before: str | None, after: str | None, showing: Showing) -> dict[str, str]:
    """How a resource changes: what is done to it, and its lines, without secrets."""
    action = "create" if before is None else "delete" if after is None else "replace"
    lines = difference(key, before, after, showing)
    return {"key": key, "action": action, "diff": "".join(f"{line}\n" for line in lines)}


def told_differences(
    before: Mapping[str, Entry], after: Mapping[str, Entry], showing: Showing
) -> Iterator[dict[str, str]]:
    """How each resource changes between two states."""
    for key in sorted(filter(is_resource, before.keys() | after.keys())):
        old, new = (found.value if (found := side.get(key)) else None for side in (before, after))
        if old != new:
            yield told_difference(key, old, new, showing)


def unmasked(data: Any, stored: Any, seen: Any) -> Any:
    """Data as it was sent, with what is stored at the places where it still says what was seen of a secret."""
    if data == HIDDEN and seen == HIDDEN:
        return stored
    if isinstance(data, dict) and isinstance(stored, dict) and isinstance(seen, dict):
        return {key: unmasked(item, stored.get(key), seen.get(key)) for key, item in data.items()}
    if isinstance(data, list) and isinstance(stored, list) and isinstance(seen, list):
        if seen and all(one == HIDDEN for one in seen):
            # Of fewer than there are nobody could tell which of them are meant.
            left = iter(stored if data.count(HIDDEN) == len(stored) else ())
            return [next(left, HIDDEN) if item == HIDDEN else item for item in data]
        missing = [None] * len(data)
        both = zip(data, [*stored, *missing], [*seen, *missing], strict=False)
        return [unmasked(item, one, other) for item, one, other in both]
    return data


class SchemaPlace:
    """A place in data, and all that schemas say of it."""

    def __init__(self, whole: Schema, schemas: tuple[Any, ...] | None = None) -> None:
        self.whole = whole
        self.marks = list(_marks(whole, schemas if schemas is not None else (whole,)))

    @property
    def is_secret(self) -> bool:
        """Whether what stands there is not to be shown."""
        return any(mark.get("format") == _SECRET for mark in self.marks)

    def key(self, key: str) -> "SchemaPlace":
        """The place below, of a key."""
        found = [mark.get("properties", {}).get(key, mark.get("additionalProperties")) for mark in self.marks]
        found += [one for mark in self.marks for one in mark.get("patternProperties", {}).values()]
        return SchemaPlace(self.whole, tuple(found))

    def item(self) -> "SchemaPlace":
        """The place below, of an item of a list."""
        found = [mark.get("items") for mark in self.marks]
        found += [one for mark in self.marks for one in mark.get("prefixItems", ())]
        return SchemaPlace(self.whole, tuple(found))


def _marks(whole: Schema, schemas: tuple[Any, ...]) -> Iterator[Schema]:
    """Schemas with their branches, references to definitions followed."""
    for schema in schemas:
        if not isinstance(schema, Mapping):
            continue
        yield schema
        name = str(schema.get("$ref", "")).rpartition("/")[2]
        yield from _marks(whole, (whole.get("$defs", {}).get(name),))
        for branch in _BRANCHES:
            yield from _marks(whole, tuple(schema.get(branch, ())))


def _masked(value: Any, place: SchemaPlace) -> Any:
    if value is not None and place.is_secret:
        return HIDDEN
    if isinstance(value, dict):
        return {key: _masked(item, place.key(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, place.item()) for item in value]
    return value


def _lines(data: Any) -> list[str]:
    return json.dumps(data, indent=2, ensure_ascii=False).splitlines()


def _starred(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _starred(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_starred(item) for item in value]
    return HIDDEN if isinstance(value, str) else value
