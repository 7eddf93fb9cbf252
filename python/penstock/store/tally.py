"""What a store was asked, how long that took, and what came of it."""

import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from penstock.store.entry import Damaged, Unavailable

OPERATIONS = ("read", "write")
RESULTS = ("done", "refused", "failed")
"""Refused is what somebody else was quicker with, or what asks for the impossible; failed is what the store owed."""


@dataclass(slots=True)
class Times:
    """How long something took: how often up to each bound, and all together."""

    bounds: Sequence[float]
    counts: list[int] = field(init=False)
    count: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * len(self.bounds)

    def add(self, seconds: float) -> None:
        """Count one more."""
        for position in range(bisect_left(self.bounds, seconds), len(self.bounds)):
            self.counts[position] += 1
        self.count += 1
        self.seconds += seconds


@dataclass(slots=True)
class Tally:
    """Counts of one store, by operation; `bounds` are those of the times that are told."""

    bounds: Sequence[float] = ()
    times: Mapping[str, Times] = field(init=False)
    results: dict[tuple[str, str], int] = field(
        default_factory=lambda: {(operation, result): 0 for operation in OPERATIONS for result in RESULTS}
    )

    def __post_init__(self) -> None:
        self.times = {name: Times(self.bounds) for name in OPERATIONS}

    @contextmanager
    def of(self, operation: str) -> Iterator[None]:
        """Counts what is done in the block; what it raises is passed on."""
        began = time.perf_counter()
        result = "refused"
        try:
            yield
            result = "done"
        except (Unavailable, Damaged, OSError):
            result = "failed"
            raise
        finally:
            self.results[operation, result] += 1
            self.times[operation].add(time.perf_counter() - began)
