"""Compiles all resources of a configuration into one plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.compiler.compiled import Compiled, Fragment, part_of
from penstock.compiler.fragments import compile_fragment, compile_rest
from penstock.compiler.meeting import Meeting, Used, meet
from penstock.compiler.ordered import without_awaited
from penstock.compiler.plan_types import Body, Part, Plan
from penstock.filters.catalogue import Catalogue
from penstock.model.loading.loaded import ALL_USABLE, Placed, Unusable


@dataclass(slots=True)
class Remembered:
    """What earlier compilations found, by what it was found from; its owner decides how long it lives."""

    catalogue: str = ""
    fragments: dict[str, Fragment] = field(default_factory=dict)
    """By the digests of resources, for the catalogue."""
    parts: dict[tuple[str, int], dict[str, Part]] = field(default_factory=dict)
    """What each resource makes of the plan, by its digest and age."""
    meeting: Meeting | None = None


@dataclass(slots=True)
class _Compilation:
    """One run over all resources."""

    catalogue: Catalogue
    before: Remembered
    after: Remembered = field(default_factory=Remembered)

    def fragment(self, placed: Placed) -> Fragment:
        if placed.remains is not None:
            return compile_rest(placed.resource, placed.remains, self.catalogue)
        found = self.after.fragments.get(placed.digest)
        if found is None:
            found = self.before.fragments.get(placed.digest) or compile_fragment(placed.resource, self.catalogue)
            self.after.fragments[placed.digest] = found
        return found

    def parts(self, placed: Placed, fragment: Fragment, age: int) -> dict[str, Part]:
        key = (placed.digest, age)
        found = self.before.parts.get(key)
        if found is None:
            found = {name: part_of(_aged(body, age)) for name, body in fragment.parts.items()}
        self.after.parts[key] = found
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
    known = memory if memory.catalogue == catalogue.digest else Remembered()
    run = _Compilation(catalogue, known)
    every = unusable.among(resources)
    used = [(placed, run.fragment(placed)) for placed in every if placed.resource.enabled]
    meeting = known.meeting
    if meeting is None or not meeting.is_of(every, used, unusable):
        has_all_filters = not unusable.may_have_filters and not any(one.problems for one in catalogue.plugins.values())
        meeting = meet(resources, used, unusable, is_sure_of_filters=has_all_filters)
    parts = without_awaited(_parts(run, used, meeting.ages), used)
    memory.catalogue, memory.meeting = catalogue.digest, meeting
    memory.fragments, memory.parts = run.after.fragments, run.after.parts
    plan: Plan = {"parts": {key: parts[key] for key in sorted(parts)}}
    return Compiled(plan, meeting.problems, _secrets(used))


def _parts(run: _Compilation, used: Used, ages: Mapping[str, int]) -> dict[str, Part]:
    parts: dict[str, Part] = {}
    for placed, fragment in used:
        if placed.remains is None:
            parts |= run.parts(placed, fragment, ages[placed.resource.name] if fragment.ties else 0)
    return parts


def _secrets(used: Used) -> dict[str, Any]:
    with_some = (fragment.secrets for placed, fragment in used if fragment.secrets and placed.remains is None)
    return {name: value for secrets in with_some for name, value in secrets.items()}


def _aged(body: Body, age: int) -> Body:
    return {**body, "order": age} if body["kind"] == "route" else body
