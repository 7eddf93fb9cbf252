"""Which resources a selector of labels means."""

from collections.abc import Mapping
from typing import Any


def has_labels(item: Mapping[str, Any], selector: str) -> bool:
    """Whether an item has the labels that a selector asks for: `a=b`, `a!=b`, `a`, `!a`, all of them to hold."""
    labels = item.get("labels") or {}
    return all(_holds(labels, one.strip()) for one in selector.split(",") if one.strip())


def _holds(labels: Mapping[str, str], condition: str) -> bool:
    if condition.startswith("!"):
        return condition[1:].strip() not in labels
    name, unequal, value = condition.partition("!=")
    if unequal:
        return labels.get(name.strip()) != value.strip()
    name, equal, value = condition.partition("=")
    return labels.get(name.strip()) == value.strip() if equal else condition in labels
