"""What was counted in the last minutes, without any outside system.

A native thread reads the table every second and keeps a quarter of an hour, a minute of it by the second and the rest
by ten seconds, in at most 32 MiB; when that is full the oldest goes first. Here its numbers get back their subjects.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from penstock._core import Sampler, SharedTable
from penstock.runtime.measures.directory import Placed
from penstock.runtime.measures.kinds import KINDS, Measure
from penstock.runtime.measures.subjects import Subject

LONGEST_SECONDS = 900
QUANTILES: Mapping[str, float] = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
"""What is told of how long something took."""


class Sampling(Protocol):
    """What is needed of the native thread."""

    def watch(self, subjects: list[tuple[int, int, int, int]]) -> None:
        """Watch subjects, and none else."""

    def window(
        self, window_ms: int, shares: list[float]
    ) -> tuple[int, dict[int, int], dict[int, tuple[int, int, list[int]]]]:
        """What was counted in the last so many milliseconds."""


class Gauges(Protocol):
    """What is needed of the table."""

    def gauges(self, places: list[int], column: int | None = None) -> list[int]:
        """Gauges."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took: how often it happened, the mean, and quantiles by their names.

    Units: milliseconds. A quantile is off by a quarter at most, for that is how wide a bucket is.
    """

    count: int
    mean_ms: float
    quantiles_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted of one subject in a window, and its gauges as they are now, by the names of the metrics."""

    subject: Subject
    grown: Mapping[str, Sequence[tuple[Measure, int]]]
    spreads: Mapping[str, Spread]
    now: Mapping[str, int]

    def total(self, metric: str) -> int:
        """By how much a counter has grown, all its labels together."""
        return sum(growth for _, growth in self.grown.get(metric, ()))

    def by(self, metric: str, label: str) -> dict[str, int]:
        """By how much it has grown, by the values of one of its labels; those that have not are left out."""
        found: dict[str, int] = {}
        for measure, growth in self.grown.get(metric, ()):
            found[measure.labels[label]] = found.get(measure.labels[label], 0) + growth
        return found


@dataclass(frozen=True, slots=True)
class Window:
    """What was counted in the last `seconds`: they may be fewer than were asked for."""

    seconds: float
    counted: Sequence[Counted]


class Statistics:
    """The last quarter of an hour of one table."""

    def __init__(self, table: SharedTable) -> None:
        self._table: Gauges = table
        self._sampler: Sampling = Sampler(table)
        self._watched: Mapping[str, Placed] = {}

    def watch(self, placed: Mapping[str, Placed]) -> None:
        """Read what is counted of these from now on."""
        if placed == self._watched:
            return
        self._watched = placed
        self._sampler.watch([_places(one) for one in placed.values() if "counters" in one.own])

    def window(self, seconds: float, placed: Iterable[Placed]) -> Window:
        """What was counted of some subjects in the last seconds, those that rest among them."""
        span_ms, counters, histograms = self._sampler.window(round(seconds * 1000), list(QUANTILES.values()))
        placed = list(placed)
        gauges = self._gauges(placed)
        counted = [
            Counted(one.subject, _grown(one, counters), _spreads(one, histograms), now)
            for one, now in zip(placed, gauges, strict=True)
        ]
        return Window(span_ms / 1000, counted)

    def _gauges(self, placed: Sequence[Placed]) -> list[dict[str, int]]:
        places = [list(_each(one, "gauges")) for one in placed]
        values = iter(self._table.gauges([place for found in places for _, place in found]))
        return [{measure.name: next(values) for measure, _ in found} for found in places]


def _places(one: Placed) -> tuple[int, int, int, int]:
    sizes = KINDS[one.subject.kind].sizes
    histograms = (one.place["histograms"], sizes["histograms"]) if "histograms" in one.own else (0, 0)
    return one.place["counters"], sizes["counters"], *histograms


def _each(one: Placed, region: str) -> Iterable[tuple[Measure, int]]:
    """The measures that a subject has to itself, with their places."""
    if region in one.own:
        first = one.place[region]
        for offset, measure in enumerate(KINDS[one.subject.kind].measures[region]):
            yield measure, first + offset


def _grown(one: Placed, counters: Mapping[int, int]) -> dict[str, list[tuple[Measure, int]]]:
    found: dict[str, list[tuple[Measure, int]]] = {}
    for measure, place in _each(one, "counters"):
        growth = counters.get(place)
        if growth:
            found.setdefault(measure.name, []).append((measure, growth))
    return found


def _spreads(one: Placed, histograms: Mapping[int, tuple[int, int, list[int]]]) -> dict[str, Spread]:
    found = {}
    for measure, place in _each(one, "histograms"):
        known = histograms.get(place)
        if known and known[0]:
            count, sum_ms, quantiles_us = known
            named = {name: us / 1000 for name, us in zip(QUANTILES, quantiles_us, strict=True)}
            found[measure.name] = Spread(count, round(sum_ms / count, 3), named)
    return found
