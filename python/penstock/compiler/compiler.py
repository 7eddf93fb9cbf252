"""Compiles all resources of a configuration into one plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from penstock.compiler.compiled import Compiled, Fragment, part_of
from penstock.compiler.consumers import ConsumerKeys, consumer_keys
from penstock.compiler.fragments import compile_fragment, compile_rest
from penstock.compiler.meeting import Meeting, Used, meet
from penstock.compiler.ordered import without_awaited
from penstock.compiler.plan_types import Part, Plan
from penstock.filters.catalogue import Catalogue
from penstock.model.loading.loaded import ALL_USABLE, Placed, Unusable


@dataclass(slots=True)
class Remembered:
    """What earlier compilations found, by what it was found from; its owner decides how long it lives."""

    catalogue: str = ""
    used: dict[int, tuple[Placed, Fragment]] = field(default_factory=dict)
    """Whole resources that are in use, by their identities, for the catalogue."""
    made: dict[tuple[str, int], Mapping[str, Part]] = field(default_factory=dict)
    """What each resource makes of the plan, by its digest and age."""
    parts: Mapping[str, Part] = field(default_factory=dict)
    """The latest plan."""
    keys: ConsumerKeys = field(default_factory=ConsumerKeys)
    meeting: Meeting | None = None


@dataclass(slots=True)
class _Compilation:
    """One run over all resources."""

    catalogue: Catalogue
    before: Remembered
    _fragments: dict[str, Fragment] = field(default_factory=dict)

    def used(self, every: Sequence[Placed]) -> list[tuple[Placed, Fragment]]:
        """The resources that are in use, each with what it compiles to; the same objects for the same resources."""
        known = self.before.used.get
        return [known(id(placed)) or self._used(placed) for placed in every if placed.resource.enabled]

    def _used(self, placed: Placed) -> tuple[Placed, Fragment]:
        if placed.remains is not None:
            return placed, compile_rest(placed.resource, placed.remains, self.catalogue)
        if not self._fragments:
            # What is another object may have the text of an earlier one all the same.
            self._fragments = {earlier.digest: fragment for earlier, fragment in self.before.used.values()}
        found = self._fragments.get(placed.digest)
        if found is None:
            found = self._fragments[placed.digest] = compile_fragment(placed.resource, self.catalogue)
        return placed, found

    def made(self, used: Used, ages: Mapping[str, int]) -> list[tuple[tuple[str, int], Mapping[str, Part]]]:
        """What each resource makes of the plan, by its digest and age."""
        known = self.before.made.get
        aged = [
            ((placed.digest, ages[placed.resource.name] if fragment.ties else 0), fragment)
            for placed, fragment in used
            if placed.remains is None
        ]
        return [(key, known(key) or _aged(fragment, key[1])) for key, fragment in aged]


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
    used = run.used(every)
    meeting = known.meeting
    if meeting is None or not meeting.is_of(every, used, unusable):
        has_all_filters = not unusable.may_have_filters and not any(one.problems for one in catalogue.plugins.values())
        meeting = meet(resources, used, unusable, is_sure_of_filters=has_all_filters)
    made, keys = run.made(used, meeting.ages), consumer_keys(used, known.keys)
    every_part = dict(chain.from_iterable(parts.items() for _, parts in made)) | keys.parts
    parts = without_awaited(every_part, used)
    # What is nearly sorted is sorted soon.
    order = sorted([*(key for key in known.parts if key in parts), *(parts.keys() - known.parts.keys())])
    plan: Plan = {"parts": {key: parts[key] for key in order}}
    memory.catalogue, memory.meeting = catalogue.digest, meeting
    memory.used = {id(one[0]): one for one in used if one[0].remains is None}
    memory.made, memory.parts, memory.keys = dict(made), plan["parts"], keys
    return Compiled(plan, meeting.problems, _secrets(used) | keys.secrets)


def _secrets(used: Used) -> dict[str, Any]:
    with_some = (fragment.secrets for placed, fragment in used if fragment.secrets and placed.remains is None)
    return {name: value for secrets in with_some for name, value in secrets.items()}


def _aged(fragment: Fragment, age: int) -> dict[str, Part]:
    bodies = fragment.parts.items()
    return {key: part_of({**body, "order": age} if body["kind"] == "route" else body) for key, body in bodies}
