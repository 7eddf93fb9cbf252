"""How the Python filters of a plan are: what they overran, and which are suspended."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from penstock.runtime.measures.directory import Placed
from penstock.runtime.measures.subjects import others

_KIND = "filter"


class Readable(Protocol):
    """What is read of the table."""

    def counters(self, places: list[int], column: int | None = None) -> list[int]:
        """Counters, or one column's part of them."""

    def open_breakers(self, places: list[int]) -> list[bool]:
        """Whether the breakers at some places of the words are open."""


@dataclass(frozen=True, slots=True)
class FilterState:
    """One step's filter: calls over its budget, and whether all workers leave it out for a while."""

    pipeline: str
    step: str
    overruns: int
    is_suspended: bool


def filter_states(table: Readable, placed: Iterable[Placed]) -> list[FilterState]:
    """The filters that have places of their own; its first counter is a filter's overruns, its word the suspension."""
    filters = [one for one in placed if one.subject.kind == _KIND and one.subject != others(_KIND)]
    own = [one for one in filters if {"counters", "words"} <= one.own]
    names = [(one.subject.labels[0], one.subject.labels[1]) for one in own]
    overruns = table.counters([one.place["counters"] for one in own])
    suspended = table.open_breakers([one.place["words"] for one in own])
    return [
        FilterState(pipeline, step, count, is_suspended)
        for (pipeline, step), count, is_suspended in zip(names, overruns, suspended, strict=True)
    ]
