"""What is sent of a plan: the parts that changed."""

from collections.abc import Mapping
from typing import Any

Parts = Mapping[str, Any]
"""The parts of a plan by key, each with the hash of its text."""


def difference(before: Parts, after: Parts) -> dict[str, Any]:
    """The parts to put and the keys to drop that lead from one plan to another."""
    earlier = before.get
    put = {
        key: part
        for key, part in after.items()
        if (known := earlier(key)) is not part and (known is None or known["hash"] != part["hash"])
    }
    return {"put": put, "drop": sorted(before.keys() - after.keys())}


def applied(before: Parts, change: Mapping[str, Any]) -> dict[str, Any]:
    """The plan that a change leads to, as a worker finds it."""
    kept = {key: part for key, part in before.items() if key not in change["drop"]}
    return {**kept, **change["put"]}


def is_same(before: Parts, after: Parts) -> bool:
    """Whether two plans are equal."""
    change = difference(before, after)
    return not change["put"] and not change["drop"]
