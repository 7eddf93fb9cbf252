"""Reads what was counted: metrics of all subjects, and totals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

from penstock.runtime.measures.directory import Placed
from penstock.runtime.measures.kinds import KINDS, MEASURED

Histogram = tuple[list[int], int, int]
"""Counts of values up to each of the bounds, the count of all, and their sum."""
Labels = Mapping[str, str]
Sample = tuple[Labels, float | Histogram]


class Readable(Protocol):
    """What is read of the table."""

    def counters(self, places: list[int], column: int | None = None) -> list[int]:
        """Counters, or one column's part of them."""

    def gauges(self, places: list[int], column: int | None = None) -> list[int]:
        """Gauges, or one column's part of them."""

    def histograms(self, places: list[int]) -> list[Histogram]:
        """Histograms."""


@dataclass(slots=True)
class Metric:
    """A metric with the names of its labels and its samples; `type` is Prometheus' word: counter, gauge, histogram."""

    name: str
    type: str
    help: str
    labels: Sequence[str] = ()
    samples: list[Sample] = field(default_factory=list)


TYPES = {"counters": "counter", "gauges": "gauge", "histograms": "histogram"}
"""What the numbers of a region are to Prometheus."""


def known_metrics() -> list[Metric]:
    """Every metric that the core counts, without samples."""
    found: dict[str, Metric] = {}
    for kind in KINDS.values():
        for region in MEASURED:
            for measure in kind.measures[region]:
                labels = (*kind.labels, *measure.labels)
                found.setdefault(measure.name, Metric(measure.name, TYPES[region], measure.help, labels))
    return list(found.values())


def metrics(table: Readable, placed: Iterable[Placed]) -> list[Metric]:
    """Every metric, with a sample of each subject that has its own places for it.

    Histograms of subjects that have counted nothing are left out, and not looked at: they would be most of it all.
    """
    found = {metric.name: metric for metric in known_metrics()}
    by_kind = sorted(placed, key=lambda one: one.subject.kind)
    for name, group in groupby(by_kind, key=lambda one: one.subject.kind):
        subjects, kind = list(group), KINDS[name]
        moved = {one.subject.key for one in subjects if "counters" not in one.own}
        for region in MEASURED:
            own = [one for one in subjects if region in one.own]
            if region == "histograms":
                own = [one for one in own if one.subject.key in moved]
            labels = [dict(zip(kind.labels, one.subject.labels, strict=True)) for one in own]
            for offset, measure in enumerate(kind.measures[region]):
                values = _values(table, region, [one.place[region] + offset for one in own])
                if region == "counters":
                    moved.update(one.subject.key for one, value in zip(own, values, strict=True) if value)
                added = ({**of, **measure.labels} for of in labels)
                found[measure.name].samples += zip(added, values, strict=True)
    return list(found.values())


def total(table: Readable, placed: Iterable[Placed], metric: str, column: int | None = None) -> int:
    """The sum of a counter or gauge over all subjects, or of one worker's part of it."""
    placed = list(placed)
    counters, gauges = (_places_of(placed, region, metric) for region in ("counters", "gauges"))
    return sum(table.counters(counters, column)) + sum(table.gauges(gauges, column))


def _places_of(placed: Iterable[Placed], region: str, metric: str) -> list[int]:
    offsets = {
        name: [offset for offset, measure in enumerate(kind.measures[region]) if measure.name == metric]
        for name, kind in KINDS.items()
    }
    counting = {name for name, found in offsets.items() if found}
    return [
        one.place[region] + offset
        for one in placed
        if one.subject.kind in counting and region in one.own
        for offset in offsets[one.subject.kind]
    ]


def _values(table: Readable, region: str, places: list[int]) -> Sequence[int | Histogram]:
    if region == "counters":
        return table.counters(places)
    if region == "gauges":
        return table.gauges(places)
    return table.histograms(places)
