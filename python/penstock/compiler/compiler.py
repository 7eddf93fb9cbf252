"""Compiles all resources of a configuration into one plan."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from penstock.base.problem import Problem
from penstock.compiler.compiled import Compiled, Fragment, part_of
from penstock.compiler.fragments import compile_fragment
from penstock.compiler.names import check_names, check_references
from penstock.compiler.overlap import check_overlap
from penstock.compiler.plan_types import Body, Part, Plan
from penstock.compiler.route_age import route_ages
from penstock.filters.catalogue import Catalogue
from penstock.model.kinds import resource_key
from penstock.model.loading.loader import Placed


@dataclass(slots=True)
class Remembered:
    """What earlier compilations found, by what it was found from; its owner decides how long it lives."""

    fragments: dict[tuple[str, str], Fragment] = field(default_factory=dict)
    parts: dict[tuple[str, str, str, int], Part] = field(default_factory=dict)


@dataclass(slots=True)
class _Compilation:
    """One run over all resources."""

    catalogue: Catalogue
    before: Remembered
    after: Remembered = field(default_factory=Remembered)

    def fragment(self, placed: Placed) -> Fragment:
        key = (self.catalogue.digest, placed.digest)
        found = self.before.fragments.get(key) or compile_fragment(placed.resource, self.catalogue)
        self.after.fragments[key] = found
        return found

    def part(self, placed: Placed, key: str, body: Body, age: int) -> Part:
        remembered = (self.catalogue.digest, placed.digest, key, age)
        found = self.before.parts.get(remembered)
        if found is None:
            found = part_of({**body, "order": age} if body["kind"] == "route" else body)
        self.after.parts[remembered] = found
        return found


def compile_resources(
    resources: Sequence[Placed],
    catalogue: Catalogue,
    remembered: Remembered | None = None,
    *,
    unusable: frozenset[str] = frozenset(),
) -> Compiled:
    """The plan that resources make together, and every problem.

    Earlier resources are the older ones. With `remembered` (which it renews) only what changed is compiled
    again; the plan is the same. `unusable` are the keys of resources that are there but could not be read:
    references to them are no problem of their own.
    """
    memory = remembered if remembered is not None else Remembered()
    run = _Compilation(catalogue, memory)
    used = [placed for placed in resources if placed.resource.enabled]
    both = [(placed, run.fragment(placed)) for placed in used]
    problems = list(check_names(resources))
    for placed, fragment in both:
        problems += _of(placed, fragment.problems)
    problems += check_references(resources, both, unusable)
    problems += check_overlap([(placed, fragment.matchers) for placed, fragment in both if fragment.matchers])
    plan: Plan = {"parts": dict(sorted(_parts(run, both).items()))}
    memory.fragments, memory.parts = run.after.fragments, run.after.parts
    return Compiled(plan, tuple(problems))


def _parts(run: _Compilation, both: Sequence[tuple[Placed, Fragment]]) -> dict[str, Part]:
    ties = [(placed.resource.name, fragment.ties) for placed, fragment in both if fragment.ties]
    ages = route_ages(ties)
    parts: dict[str, Part] = {}
    for placed, fragment in both:
        age = ages[placed.resource.name] if fragment.ties else 0
        for key, body in fragment.parts.items():
            parts[key] = run.part(placed, key, body, age)
    return parts


def _of(placed: Placed, problems: Iterable[Problem]) -> list[Problem]:
    resource = resource_key(placed.resource.kind, placed.resource.name)
    return [replace(one, resource=resource, file=placed.file, document=placed.document) for one in problems]
