"""Names across resources: each given once, each reference to one that is there."""

from collections.abc import Iterable, Iterator, Sequence

from penstock.base.names import did_you_mean
from penstock.base.problem import Problem
from penstock.compiler.compiled import Fragment, Reference
from penstock.model.kinds import resource_key
from penstock.model.loading.loaded import Placed, Unusable


def check_names(resources: Sequence[Placed]) -> Iterator[Problem]:
    """Resources of one kind that share a name."""
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
    known = [*states, *unusable.keys]
    for placed, fragment in fragments:
        for reference in fragment.references:
            key = resource_key(reference.kind, reference.name)
            if states.get(key) or key in unusable.keys:
                continue
            found = _dangling(reference, known, is_off=key in states)
            if found.hint or not unusable.is_incomplete:
                yield placed.located(found)


def _dangling(reference: Reference, known: Iterable[str], *, is_off: bool) -> Problem:
    kind, name = reference.kind, reference.name[:80]
    if is_off:
        return Problem(reference.path, f"{kind} `{name}` is there but not enabled", "write `enabled: true` there")
    prefix = resource_key(kind, "")
    names = [key.removeprefix(prefix) for key in known if key.startswith(prefix)]
    return Problem(reference.path, f"no {kind} is called `{name}`", did_you_mean(name, names))
