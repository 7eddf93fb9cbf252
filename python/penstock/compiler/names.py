"""Names across resources: each given once, each reference to one that is there."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from penstock.base.names import did_you_mean
from penstock.base.problem import Problem
from penstock.compiler.compiled import Fragment, Reference
from penstock.model.loading.loaded import Placed, Unusable

_MOST_HINTS = 100


def check_names(resources: Sequence[Placed]) -> Iterator[Problem]:
    """Resources of one kind that share a name."""
    if len({placed.key for placed in resources}) == len(resources):
        return
    seen: dict[str, Placed] = {}
    for placed in resources:
        first = seen.setdefault(placed.key, placed)
        if first is not placed:
            where = f" in {first.file}" if first.file and first.file != placed.file else ""
            message = f"a {placed.resource.kind} called `{placed.resource.name}` is already there{where}"
            yield placed.located(Problem(("name",), message, "rename one of the two"))


def check_references(
    resources: Sequence[Placed], fragments: Sequence[tuple[Placed, Fragment]], unusable: Unusable
) -> Iterator[Problem]:
    """References to resources that are not there, or not in use."""
    states = {placed.key: placed.resource.enabled for placed in resources}
    there = {key for key, is_enabled in states.items() if is_enabled} | unusable.keys
    dangling = [
        (placed, reference)
        for placed, fragment in fragments
        for reference in fragment.references
        if reference.key not in there
    ]
    if not dangling:
        return
    known = _Known([*states, *unusable.keys])
    for placed, reference in dangling:
        found = _dangling(reference, known, is_off=reference.key in states)
        if found.hint or not unusable.is_incomplete:
            yield placed.located(found)


class _Known:
    """The names of resources by kind, and hints from them."""

    def __init__(self, keys: Iterable[str]) -> None:
        self.names: defaultdict[str, list[str]] = defaultdict(list)
        for key in keys:
            kind, _, name = key.partition("/")
            self.names[kind].append(name)
        self.hints: dict[tuple[str, str], str] = {}

    def hint(self, kind: str, name: str) -> str:
        """The known name that is closest to a wrong one; after many no more are looked for, since each takes long."""
        if (kind, name) not in self.hints and len(self.hints) < _MOST_HINTS:
            self.hints[kind, name] = did_you_mean(name, self.names[kind])
        return self.hints.get((kind, name), "")


def _dangling(reference: Reference, known: _Known, *, is_off: bool) -> Problem:
    kind, name = reference.kind, reference.name[:80]
    if is_off:
        return Problem(reference.path, f"{kind} `{name}` is there but not enabled", "write `enabled: true` there")
    return Problem(reference.path, f"no {kind} is called `{name}`", known.hint(kind, name))
