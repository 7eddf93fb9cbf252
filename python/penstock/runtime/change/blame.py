"""Who gave each field of a resource its value."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.compiler.settings import HIDDEN
from penstock.runtime.change.shown import Showing
from penstock.store import Change


@dataclass(frozen=True, slots=True)
class Blamed:
    """A field, its value as it may be shown, and the change that gave it; none where that is no longer kept."""

    field: str
    value: Any
    change: Change | None

    def to_json(self) -> dict[str, Any]:
        """The form that machines read."""
        change = self.change
        return {
            "field": self.field,
            "value": self.value,
            "revision": change.revision if change else None,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(change.time)) if change else None,
            "author": change.author.name if change else None,
            "message": change.message if change else None,
        }


def blame(key: str, changes: Sequence[Change], showing: Showing) -> Iterator[Blamed]:
    """The fields of a resource, from its changes, newest first; none where it is there no more."""
    if not changes or key not in changes[0].put:
        return
    given: dict[str, tuple[Any, Change | None]] = {}
    oldest = changes[-1]
    if key in oldest.before:
        given = {path: (value, None) for path, value in leaves(json.loads(oldest.before[key].value))}
    for change in reversed(changes):
        now = dict(leaves(json.loads(change.put[key].value))) if key in change.put else {}
        given = {
            path: given[path] if path in given and given[path][0] == value else (value, change)
            for path, value in now.items()
        }
    shown = dict(leaves(showing.shown(changes[0].put[key].value)))
    yield from (Blamed(path, shown.get(path, HIDDEN), change) for path, (_, change) in given.items())


def leaves(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that holds no others, by its path: `steps[0].kind`."""
    if isinstance(data, dict) and data:
        for key, value in data.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(data, list) and data:
        for position, value in enumerate(data):
            yield from leaves(value, f"{path}[{position}]")
    else:
        yield path, data
