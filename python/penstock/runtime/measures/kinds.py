"""What the core counts: kinds of subjects, each with its measures in the order of their places."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock._core import measures

MEASURED = ("counters", "gauges", "histograms")
"""The regions of the table that hold numbers which are shown."""
REGIONS = (*MEASURED, "words")
"""The regions of the table; a subject has neighbouring places in each that it needs."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that is kept of a subject; `labels` are beside the subject's own."""

    name: str
    help: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of subject: the names of its labels, its measures by region, and how many places it needs in each."""

    name: str
    labels: Sequence[str]
    measures: Mapping[str, Sequence[Measure]]
    sizes: Mapping[str, int]


def _kind(told: Mapping[str, Any]) -> Kind:
    found = {region: [_measure(one) for one in told[region]] for region in MEASURED}
    sizes = {region: len(one) for region, one in found.items()}
    return Kind(told["name"], told["labels"], found, {**sizes, "words": told["words"]})


def _measure(told: Mapping[str, Any]) -> Measure:
    return Measure(told["name"], told["help"], {label: value for label, value in told["labels"] if label})


_TOLD: Mapping[str, Any] = json.loads(measures())
TOLD_KINDS: Sequence[Mapping[str, Any]] = _TOLD["kinds"]
"""The kinds as the core tells them: a worker that tells others counts something else at the same places."""
KINDS: Mapping[str, Kind] = {one["name"]: _kind(one) for one in TOLD_KINDS}
"""Every kind by its name."""
BOUNDS_US: Sequence[int] = _TOLD["bounds_us"]
"""Upper bounds of the buckets that are shown of a duration, in microseconds."""
BOUNDS_SECONDS: Sequence[float] = tuple(bound / 1_000_000 for bound in BOUNDS_US)
"""The same in seconds."""
