"""Names across resources: each given once, each reference to one that is there."""

from collections.abc import Iterator, Sequence

from penstock.base.names import did_you_mean
from penstock.base.problem import Problem
from penstock.compiler.compiled import Fragment
from penstock.model.kinds import resource_key
from penstock.model.loading.loader import Placed


def check_names(resources: Sequence[Placed]) -> Iterator[Problem]:
    """Resources of one kind that share a name."""
    seen: dict[str, Placed] = {}
    for placed in resources:
        key = _key(placed)
        first = seen.setdefault(key, placed)
        if first is not placed:
            where = f" in {first.file}" if first.file and first.file != placed.file else ""
            yield Problem(
                ("name",),
                f"a {placed.resource.kind} called `{placed.resource.name}` is already there{where}",
                "rename one of the two",
                resource=key,
                file=placed.file,
                document=placed.document,
            )


def check_references(
    resources: Sequence[Placed], fragments: Sequence[tuple[Placed, Fragment]], unusable: frozenset[str]
) -> Iterator[Problem]:
    """References to resources that are not there, or not in use."""
    states = {_key(placed): placed.resource.enabled for placed in resources}
    for placed, fragment in fragments:
        for reference in fragment.references:
            key = resource_key(reference.kind, reference.name)
            if states.get(key) or key in unusable:
                continue
            message, hint = _dangling(reference.kind, reference.name, states, is_known=key in states)
            yield Problem(
                reference.path,
                message,
                hint,
                resource=_key(placed),
                file=placed.file,
                document=placed.document,
            )


def _dangling(kind: str, name: str, states: dict[str, bool], *, is_known: bool) -> tuple[str, str]:
    if is_known:
        return f"{kind} `{name}` is there but not enabled", "write `enabled: true` there"
    prefix = resource_key(kind, "")
    names = [key.removeprefix(prefix) for key in states if key.startswith(prefix)]
    return f"no {kind} is called `{name}`", did_you_mean(name, names)


def _key(placed: Placed) -> str:
    return resource_key(placed.resource.kind, placed.resource.name)
