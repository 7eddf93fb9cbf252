"""Which other resources a stored resource refers to, as its schema and those of its filters mark them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from penstock.filters.catalogue import FilterKind
from penstock.model.endpoint_url import EndpointUrl
from penstock.model.kinds import KINDS
from penstock.runtime.change.shown import STEP_LISTS, SchemaPlace

_MARK = "x-penstock-reference"


@dataclass(frozen=True, slots=True)
class References:
    """Finds references; `kinds` are the filters that steps may be of."""

    kinds: Mapping[str, FilterKind]

    def of(self, text: str) -> list[tuple[str, str]]:
        """Kind and name of everything that a stored resource refers to; URLs are no references."""
        data = json.loads(text)
        model = KINDS.get(data.get("kind", ""))
        if model is None:
            return []
        found = list(_marked(data, SchemaPlace(model.model_json_schema())))
        for steps in STEP_LISTS & data.keys():
            for step in data[steps] if isinstance(data[steps], list) else ():
                kind = self.kinds.get(str(step.get("kind"))) if isinstance(step, dict) else None
                found += _marked(step, SchemaPlace(kind.schema)) if kind else ()
        return found


def _marked(value: Any, place: SchemaPlace) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        kind = next((mark[_MARK] for mark in place.marks if _MARK in mark), None)
        if kind and not EndpointUrl.looks_like(value):
            yield str(kind), value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _marked(item, place.key(key))
    elif isinstance(value, list):
        for item in value:
            yield from _marked(item, place.item())
