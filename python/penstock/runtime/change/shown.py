"""Stored resources as they may be shown: without their secrets, as their schemas mark them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from penstock.compiler.settings import HIDDEN
from penstock.filters.catalogue import FilterKind
from penstock.model.kinds import KINDS

_STEP_LISTS = frozenset({"steps", "before", "after"})
_OF_EVERY_STEP = frozenset({"kind", "name", "when", "on"})
_BRANCHES = ("anyOf", "oneOf", "allOf")
Schema = Mapping[str, Any]


def shown(text: str, kinds: Mapping[str, FilterKind]) -> Any:
    """The data of a stored text, with stars for what is secret.

    Of filters that are not in the catalogue nobody knows what is secret; their texts are stars throughout.
    """
    try:
        data = json.loads(text)
    except ValueError:
        return HIDDEN
    model = KINDS.get(data.get("kind", "")) if isinstance(data, dict) else None
    if model is None:
        return data if isinstance(data, list) else HIDDEN
    return _with_steps(_masked(data, _Place(model.model_json_schema())), data, kinds)


class _Place:
    """A place in data, and all that schemas say of it."""

    def __init__(self, whole: Schema, schemas: tuple[Any, ...] | None = None) -> None:
        self.whole = whole
        self.marks = list(_marks(whole, schemas if schemas is not None else (whole,)))

    @property
    def is_secret(self) -> bool:
        return any(mark.get("format") == "password" for mark in self.marks)

    def key(self, key: str) -> "_Place":
        found = [mark.get("properties", {}).get(key, mark.get("additionalProperties")) for mark in self.marks]
        found += [one for mark in self.marks for one in mark.get("patternProperties", {}).values()]
        return _Place(self.whole, tuple(found))

    def item(self) -> "_Place":
        found = [mark.get("items") for mark in self.marks]
        found += [one for mark in self.marks for one in mark.get("prefixItems", ())]
        return _Place(self.whole, tuple(found))


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


def _masked(value: Any, place: _Place) -> Any:
    if value is not None and place.is_secret:
        return HIDDEN
    if isinstance(value, dict):
        return {key: _masked(item, place.key(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, place.item()) for item in value]
    return value


def _with_steps(masked: Any, data: Mapping[str, Any], kinds: Mapping[str, FilterKind]) -> Any:
    for key in _STEP_LISTS & data.keys():
        if isinstance(data[key], list):
            masked[key] = [_step(step, kinds) for step in data[key]]
    return masked


def _step(step: Any, kinds: Mapping[str, FilterKind]) -> Any:
    if not isinstance(step, dict):
        return step
    kind = kinds.get(str(step.get("kind")))
    settings = {key: value for key, value in step.items() if key not in _OF_EVERY_STEP}
    own = {key: value for key, value in step.items() if key in _OF_EVERY_STEP}
    return own | (_masked(settings, _Place(kind.schema)) if kind else _starred(settings))


def _starred(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _starred(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_starred(item) for item in value]
    return HIDDEN if isinstance(value, str) else value
