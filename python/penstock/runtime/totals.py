"""Sums of what workers count."""

from collections.abc import Iterable, Mapping
from typing import Any

GAUGES = frozenset({"open_connections", "idle_upstream_connections", "in_flight"})
"""Counts of what is there now; those of a dead worker are gone with it."""


def add(total: dict[str, Any], counted: Mapping[str, Any]) -> None:
    """Add a worker's counts that only grow to a total."""
    for name, value in counted.items():
        if name not in GAUGES:
            total[name] = _sum(total.get(name), value)


def summed(retired: Mapping[str, Any], counted: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The counts of the living and what the dead have left."""
    total = dict(retired)
    for one in counted:
        for name, value in one.items():
            total[name] = _sum(total.get(name), value)
    return total


def _sum(total: Any, value: Any) -> Any:
    if isinstance(value, Mapping):
        before = total or {}
        return {**before, **{key: before.get(key, 0) + count for key, count in value.items()}}
    return (total or 0) + value
