"""The subjects that a plan names: its listeners, routes, upstreams, endpoints, Python filters and limiters."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from penstock.runtime.change.delta import Parts, difference
from penstock.runtime.measures.kinds import KINDS

OTHERS = "*"
"""Stands for all subjects of a kind that have no place of their own, or are gone."""
NO_ROUTE = "-"
"""The route of requests that no route took."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that is counted: its kind, and the values of the kind's labels."""

    kind: str
    labels: tuple[str, ...] = ()
    key: str = field(init=False)
    """What it is called between supervisor and workers, the same for as long as it exists."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", "/".join((self.kind, *self.labels)))


def others(kind: str) -> Subject:
    """The subject that stands for the others of a kind."""
    return Subject(kind, (OTHERS,) * len(KINDS[kind].labels))


ALWAYS: Sequence[Subject] = (
    Subject("gateway"),
    *(others(name) for name, kind in KINDS.items() if kind.labels),
    Subject("route", (NO_ROUTE,)),
)
"""What every plan has."""
_FEW_FIRST = ("listener", "limiter", "filter", "upstream", "endpoint", "route")


class PlanSubjects:
    """Finds the subjects of a plan; remembers those of the parts of the last one, because most stay."""

    def __init__(self) -> None:
        self._parts: Parts = {}
        self._of_parts: dict[str, tuple[Subject, ...]] = {}
        self._found: Mapping[str, Subject] | None = None

    def of(self, parts: Parts) -> Mapping[str, Subject]:
        """The subjects of a plan by key; those of which there are few come first, so that they find places."""
        change = difference(self._parts, parts)
        changed = {key: tuple(subjects_of_part(key, part["body"])) for key, part in change["put"].items()}
        is_same = all(self._of_parts.get(key) == subjects for key, subjects in changed.items()) and not change["drop"]
        self._parts, before = parts, self._of_parts
        if is_same and self._found is not None:
            return self._found
        self._of_parts = {key: changed[key] if key in changed else before[key] for key in parts}
        self._found = _few_first(chain.from_iterable(self._of_parts.values()))
        return self._found


def _few_first(subjects: Iterable[Subject]) -> dict[str, Subject]:
    by_kind: dict[str, dict[str, Subject]] = {kind: {} for kind in _FEW_FIRST}
    for subject in subjects:
        by_kind[subject.kind][subject.key] = subject
    found = {subject.key: subject for subject in ALWAYS}
    for subjects_by_key in by_kind.values():
        found |= subjects_by_key
    return found


def subjects_of_part(key: str, body: Mapping[str, Any]) -> Iterator[Subject]:
    """The subjects that one part of a plan names."""
    kind, _, name = key.partition("/")
    match kind:
        case "route" | "tcproute" | "udproute":
            yield Subject("route", (name,))
        case "pipeline":
            yield from _of_steps(name, body["steps"])
        case "upstream":
            yield Subject("upstream", (name,))
            for endpoint in body["endpoints"]:
                yield Subject("endpoint", (name, endpoint["address"]))
        case "listener":
            yield Subject("listener", (name,))
            for side in ("before", "after"):
                yield from _of_steps(f"listener:{name}:{side}", body[side])


def _of_steps(pipeline: str, steps: Sequence[Mapping[str, Any]]) -> Iterator[Subject]:
    for step in steps:
        if step["source"] != "native":
            yield Subject("filter", (pipeline, step["name"]))
        elif step["filter"] == "RateLimit":
            yield Subject("limiter", (pipeline, step["name"]))
