"""What can still be read of a resource with mistakes, so that the rest of it is checked too."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from penstock.base.problem import Steps
from penstock.model.resource import Resource
from penstock.model.route import LEADING

_ROUNDS = 8
"""Leaving out one mistake may show the next, which stood behind it; a few rounds show all that people make."""

# Stand for a required part that is wrong or missing; nothing is ever told of them.
_STAND_INS: Mapping[str, Any] = {
    "name": "unnamed",
    "address": "127.0.0.1:0",
    "endpoints": ["http://127.0.0.1:1"],
    "steps": ["end"],
}
_WAYS: Mapping[str, tuple[str, ...]] = {"to": LEADING, "python": ("python", "archive")}
"""Fields of which a resource has one, by the first of them."""
_FIRST: Mapping[str, Any] = {"to": "http://127.0.0.1:1", "python": "."}
"""Stands for that one."""
_GONE = object()


@dataclass(frozen=True, slots=True)
class Remains:
    """A resource without its wrong parts: good for finding more problems, and for nothing else.

    `damaged` are the paths of what was left out and all paths above them but the root; `kept` says, for each
    list that lost items, at which positions the others stood.
    """

    resource: Resource
    damaged: frozenset[Steps]
    kept: Mapping[Steps, tuple[int, ...]]

    def original(self, path: Steps) -> Steps:
        """A path of the remaining resource as its file has it."""
        return _original(path, self.kept)


@dataclass(slots=True)
class _Salvage:
    """The data of a resource, out of which wrong parts are taken one round after the other."""

    data: dict[str, Any]
    damaged: set[Steps] = field(default_factory=set)
    kept: dict[Steps, tuple[int, ...]] = field(default_factory=dict)

    def take_out(self, path: Steps) -> None:
        """Leave out what stands at a path, or the deepest that is there of it."""
        self.damaged.update(path[:length] for length in range(1, len(path) + 1))
        holder: Any = None
        last: Any = None
        value: Any = self.data
        for step in path:
            if not _holds(value, step):
                break
            holder, last, value = value, step, value[step]
            if value is _GONE:
                return
        if holder is not None:
            holder[last] = _GONE

    def rest(self) -> dict[str, Any]:
        """The data without what was taken out."""
        self.kept = {}
        found: dict[str, Any] = self._without(self.data, ())
        return found

    def _without(self, value: Any, path: Steps) -> Any:
        if isinstance(value, dict):
            return {key: self._without(item, (*path, key)) for key, item in value.items() if item is not _GONE}
        if isinstance(value, list):
            left = tuple(index for index, item in enumerate(value) if item is not _GONE)
            if len(left) < len(value):
                self.kept[path] = left
            return [self._without(value[index], (*path, index)) for index in left]
        return value


Report = Callable[[ErrorDetails, Steps], None]
"""Takes a mistake that showed once others were out of the way, and its path in the file."""


def remains_of(data: dict[str, Any], model: type[Resource], wrong: Iterable[Steps], report: Report) -> Remains | None:
    """What is left of a resource's data without its wrong parts; None if nothing can be made of it."""
    salvage = _Salvage(_copied(data))
    for path in wrong:
        salvage.take_out(path)
    for _ in range(_ROUNDS):
        rest = salvage.rest()
        _fill_in(rest, model, salvage.damaged)
        try:
            return Remains(model.model_validate(rest), frozenset(salvage.damaged), dict(salvage.kept))
        except ValidationError as error:
            kept = dict(salvage.kept)
            for detail in error.errors(include_url=False):
                path = _original(path_of(detail), kept)
                if path not in salvage.damaged:
                    report(detail, path)
                _repair(salvage, model, detail, path)
    return None


def path_of(detail: ErrorDetails) -> Steps:
    """Where a mistake is, without what only the validation itself put into the path."""
    return tuple(step for step in detail["loc"] if step != "[key]")


def wrong_part(detail: ErrorDetails, path: Steps) -> Steps:
    """What has to be left out for a mistake to go: for a missing key, what it is missing in."""
    return path[:-1] if detail["type"] == "missing" and len(path) > 1 else path


def _repair(salvage: _Salvage, model: type[BaseModel], detail: ErrorDetails, path: Steps) -> None:
    if path:
        salvage.take_out(wrong_part(detail, path))
        salvage.damaged.add(path)
        return
    # Said of the whole resource: a route that leads several ways or nowhere, or a name that is taken.
    first = _first_of(model)
    for name in _WAYS[first][1:] if first else ("name",):
        salvage.take_out((name,))


def _fill_in(rest: dict[str, Any], model: type[Resource], damaged: set[Steps]) -> None:
    for name, stand_in in _STAND_INS.items():
        known = model.model_fields.get(name)
        if known is not None and known.is_required() and name not in rest and (name,) in damaged:
            rest[name] = stand_in
    outer = {path[0] for path in damaged}
    first = _first_of(model)
    ways = set(_WAYS.get(first, ())) & model.model_fields.keys()
    if ways and not ways & rest.keys() and (outer & ways or outer - model.model_fields.keys()):
        rest[first] = _FIRST[first]
        damaged.add((first,))


def _first_of(model: type[BaseModel]) -> str:
    """The first of the fields of which a resource has one, if it is such a resource."""
    return next((name for name in _WAYS if name in model.model_fields), "")


def _original(path: Steps, kept: Mapping[Steps, tuple[int, ...]]) -> Steps:
    found: Steps = ()
    for step in path:
        positions = kept.get(found, ())
        is_moved = isinstance(step, int) and step < len(positions)
        found = (*found, positions[step] if is_moved else step)  # type: ignore[index]
    return found


def _holds(value: Any, step: str | int) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)


def _copied(value: Any) -> Any:
    """A copy of plain data that shares no list or mapping; an alias may stand in several places."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value
