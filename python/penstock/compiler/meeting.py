"""Resources meet: what only shows where all of them are looked at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from penstock.base.problem import Problem
from penstock.compiler.addresses import check_addresses
from penstock.compiler.compiled import Fragment
from penstock.compiler.consumers import check_consumers
from penstock.compiler.names import check_names, check_references
from penstock.compiler.ordered import check_ordered
from penstock.compiler.overlap import check_overlap
from penstock.compiler.recording import check_recording
from penstock.compiler.route_age import route_ages
from penstock.compiler.stream_routes import check_streams
from penstock.model.listener import Listener
from penstock.model.loading.loaded import Placed, Unusable
from penstock.model.stream_route import TcpRoute, TlsRoute, UdpRoute
from penstock.model.telemetry import Telemetry

Used = Sequence[tuple[Placed, Fragment]]
"""The resources that are in use, and what each compiles to by itself."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """The problems of resources, and the ages of the routes among them."""

    every: Sequence[Placed]
    used: Used
    unusable: Unusable
    problems: tuple[Problem, ...]
    ages: Mapping[str, int]

    def is_of(self, every: Sequence[Placed], used: Used, unusable: Unusable) -> bool:
        """Whether other resources meet in the same way, because those that differ only do so inside.

        Quick where nearly all are the same objects.
        """
        if unusable.partials or unusable != self.unusable or len(used) != len(self.used):
            return False
        if len(every) != len(self.every):
            return False
        pairs = [(one, other) for one, other in zip(every, self.every, strict=True) if one is not other]
        fragments = [(one, other) for one, other in zip(used, self.used, strict=True) if one is not other]
        return all(_is_alike(one, other) for one, other in pairs) and all(
            one is other or one.has_face_of(other) for (_, one), (_, other) in fragments
        )


def meet(resources: Sequence[Placed], used: Used, unusable: Unusable, *, is_sure_of_filters: bool) -> Meeting:
    """What comes of some resources and what is left of those that are unusable."""
    every = unusable.among(resources)
    problems = (
        *check_names([placed for placed in every if not placed.lacks("name")]),
        *_own_problems(used, is_sure_of_filters=is_sure_of_filters),
        *check_references(resources, used, unusable),
        *check_streams(used, unusable),
        *check_ordered(used, unusable),
        *check_consumers(used),
        *check_addresses([placed for placed, _ in used if not placed.lacks("address")]),
        *check_recording([placed for placed, _ in used]),
        *check_overlap([(placed, fragment.matchers) for placed, fragment in used if fragment.matchers]),
    )
    tied = [(one.resource.name, fragment.ties) for one, fragment in used if fragment.ties and one.remains is None]
    return Meeting(every, used, unusable, problems, route_ages(tied))


def _own_problems(used: Used, *, is_sure_of_filters: bool) -> Iterator[Problem]:
    for placed, fragment in [(one, found) for one, found in used if found.problems or found.strangers]:
        yield from (placed.located(problem) for problem in fragment.problems)
        if is_sure_of_filters:
            yield from (placed.located(problem) for problem in fragment.strangers)


_MEET_BY_ALL = (Listener, Telemetry, TcpRoute, TlsRoute, UdpRoute)


def _is_alike(one: Placed, other: Placed) -> bool:
    """Whether they are called the same and stand in the same place; some kinds meet by more than that."""
    if isinstance(one.resource, _MEET_BY_ALL) and one.digest != other.digest:
        return False
    return _place(one) == _place(other)


def _place(placed: Placed) -> tuple[object, ...]:
    return (placed.key, placed.file, placed.document, placed.outer, placed.resource.enabled)
