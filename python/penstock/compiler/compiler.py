"""Compiles all resources of a configuration into one plan."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from penstock.base.problem import Problem
from penstock.compiler.addresses import check_addresses
from penstock.compiler.compiled import Compiled, Fragment, part_of
from penstock.compiler.fragments import compile_fragment, compile_rest
from penstock.compiler.names import check_names, check_references
from penstock.compiler.overlap import check_overlap
from penstock.compiler.plan_types import Body, Part, Plan
from penstock.compiler.route_age import route_ages
from penstock.filters.catalogue import Catalogue
from penstock.model.loading.loaded import ALL_USABLE, Placed, Unusable


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
        if placed.remains is not None:
            return compile_rest(placed.resource, placed.remains, self.catalogue)
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
    unusable: Unusable = ALL_USABLE,
) -> Compiled:
    """The plan that resources make together, and every problem.

    Earlier resources are the older ones. With `remembered` (which it renews) only what changed is compiled
    again; the plan is the same. Nothing that is `unusable` comes into the plan: what is left of it is only looked
    through for more problems, and a reference to it is none.
    """
    memory = remembered if remembered is not None else Remembered()
    run = _Compilation(catalogue, memory)
    every = unusable.among(resources)
    fragments = [(placed, run.fragment(placed)) for placed in every if placed.resource.enabled]
    whole = [(placed, fragment) for placed, fragment in fragments if placed.remains is None]
    plan: Plan = {"parts": dict(sorted(_parts(run, whole).items()))}
    memory.fragments, memory.parts = run.after.fragments, run.after.parts
    has_all_filters = not unusable.may_have_filters and not any(one.problems for one in catalogue.plugins.values())
    problems = [
        *check_names([placed for placed in every if not placed.lacks("name")]),
        *_own_problems(fragments, is_sure_of_filters=has_all_filters),
        *check_references(resources, fragments, unusable),
        *check_addresses([placed for placed, _ in fragments if not placed.lacks("address")]),
        *check_overlap([(placed, fragment.matchers) for placed, fragment in fragments if fragment.matchers]),
    ]
    return Compiled(plan, tuple(problems))


def _own_problems(fragments: Sequence[tuple[Placed, Fragment]], *, is_sure_of_filters: bool) -> Iterator[Problem]:
    for placed, fragment in fragments:
        yield from (placed.located(problem) for problem in fragment.problems)
        if is_sure_of_filters:
            yield from (placed.located(problem) for problem in fragment.strangers)


def _parts(run: _Compilation, both: Sequence[tuple[Placed, Fragment]]) -> dict[str, Part]:
    ties = [(placed.resource.name, fragment.ties) for placed, fragment in both if fragment.ties]
    ages = route_ages(ties)
    parts: dict[str, Part] = {}
    for placed, fragment in both:
        age = ages[placed.resource.name] if fragment.ties else 0
        for key, body in fragment.parts.items():
            parts[key] = run.part(placed, key, body, age)
    return parts
