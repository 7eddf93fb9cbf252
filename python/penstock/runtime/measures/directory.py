"""The directory of the shared table: which subject has its places where.

A subject keeps its places for as long as a running plan names it. They are another's no earlier than a while after
that, and never before its gauges are back at zero: until then an exchange may still count itself out there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from penstock.runtime.measures.kinds import KINDS, REGIONS
from penstock.runtime.measures.region import Region
from penstock.runtime.measures.subjects import Subject, others

BLOCKS = {"counters": 8, "gauges": 2, "histograms": 1, "words": 1}
"""Places that are given out together: eight counters are a cache line, two gauges what a subject has at most."""
REST_SECONDS = 60.0
"""Longer than a worker can run an earlier plan: one that stands still so long is replaced."""

Place = Mapping[str, int]
"""The first place of a subject in each region."""


class Clearable(Protocol):
    """What the directory needs of the table."""

    def regions(self) -> dict[str, int]:
        """Places by region."""

    def gauges(self, places: list[int], column: int | None = None) -> list[int]:
        """Values of gauges."""

    def clear(self, region: str, first: int, count: int) -> None:
        """Set places to zero."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A subject and its place; in regions that are not its `own` it shares that of the others of its kind."""

    subject: Subject
    place: Place
    own: frozenset[str]


class Directory:
    """Which subject has which place in one table."""

    def __init__(self, table: Clearable) -> None:
        self._table = table
        capacities = table.regions()
        self._regions = {region: Region(capacities[region], BLOCKS[region]) for region in REGIONS}
        self._placed: dict[str, Placed] = {}
        self._claimed: dict[int, Mapping[str, Place]] = {}
        self._unnamed: set[str] = set()
        """Keys of subjects that are known from earlier workers alone: labels cannot be told apart in a key."""
        self._unused_since: dict[str, float] = {}

    def claim(self, holder: int, places: Mapping[str, Place]) -> None:
        """Take over the places that a worker of an earlier supervisor uses."""
        self._claimed[holder] = places
        for key, place in sorted(places.items(), key=lambda item: tuple(item[1].values())):
            kind = key.partition("/")[0]
            if kind in KINDS and key not in self._placed:
                self._placed[key] = self._taken_over(key, kind, place, places)
                self._unnamed.add(key)

    def forget(self, holder: int) -> None:
        """Such a worker has ended."""
        self._claimed.pop(holder, None)

    def admit(
        self, subjects: Mapping[str, Subject], in_use: Iterable[Mapping[str, object]], now: float
    ) -> dict[str, Placed]:
        """The places of a plan's subjects, made where there are none yet.

        `in_use` are the subjects by key of every plan that a worker runs or may run.
        """
        self._free_unused(set().union(subjects, *in_use, *self._claimed.values()), now)
        missing = subjects.keys() - self._placed.keys() | subjects.keys() & self._unnamed
        for key, subject in subjects.items() if missing else ():
            if key in missing:
                known = self._placed.get(key)
                self._placed[key] = Placed(subject, known.place, known.own) if known else self._new(subject)
        self._unnamed -= missing
        return {key: self._placed[key] for key in subjects}

    def _new(self, subject: Subject) -> Placed:
        sizes = {region: size for region, size in KINDS[subject.kind].sizes.items() if size}
        shared = self._placed.get(others(subject.kind).key)
        place: dict[str, int] = {}
        own = set()
        for region, size in sizes.items():
            first = self._regions[region].take(size)
            if first is None:
                place[region] = shared.place[region] if shared else 0
                continue
            if not self._regions[region].is_fresh(first):
                self._table.clear(region, first, size)
            place[region] = first
            own.add(region)
        return Placed(subject, place, frozenset(own))

    def _taken_over(self, key: str, kind: str, place: Place, places: Mapping[str, Place]) -> Placed:
        """What a worker uses; it shares the places that are also those of the others of the kind."""
        shared = {} if key == others(kind).key else places.get(others(kind).key, {})
        sizes = KINDS[kind].sizes
        own = {region for region in REGIONS if sizes[region] and place[region] and place[region] != shared.get(region)}
        for region in own:
            self._regions[region].claim(place[region], sizes[region])
        return Placed(Subject(kind, (key,)), place, frozenset(own))

    def _free_unused(self, used: set[str], now: float) -> None:
        unused = self._placed.keys() - used
        self._unused_since = {key: self._unused_since.get(key, now) for key in unused}
        for key in sorted(unused):
            if now - self._unused_since[key] >= REST_SECONDS and self._is_quiet(self._placed[key]):
                self._free(key)

    def _is_quiet(self, placed: Placed) -> bool:
        if "gauges" not in placed.own:
            return True
        first, size = placed.place["gauges"], KINDS[placed.subject.kind].sizes["gauges"]
        return not any(self._table.gauges(list(range(first, first + size))))

    def _free(self, key: str) -> None:
        placed = self._placed.pop(key)
        self._unused_since.pop(key)
        self._unnamed.discard(key)
        for region in placed.own:
            self._regions[region].give_back(placed.place[region], KINDS[placed.subject.kind].sizes[region])
