"""What is asked of lists of resources: which of them, how many, and what of each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from penstock.admin.operation import bounded
from penstock.base.labels import has_labels

MOST = 10_000
_USUAL = 1_000


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a list, and the key behind which the rest begins, if there is one."""

    items: Sequence[dict[str, Any]]
    next: str | None


def page(items: Iterable[dict[str, Any]], query: Mapping[str, str]) -> Page:
    """The first items that a query asks for, of items in the order of their keys; no further ones are looked at.

    Raises: Bad if it cannot be understood.
    """
    limit, labels = bounded(query, "limit", _USUAL, MOST), query.get("labels", "")
    wanted = list(islice((item for item in items if has_labels(item, labels)), limit + 1))
    shown = wanted[:limit]
    return Page(
        [masked(item, query.get("fields", "")) for item in shown], _key(shown[-1]) if len(wanted) > limit else None
    )


def masked(item: dict[str, Any], fields: str) -> dict[str, Any]:
    """An item with the named fields alone, and those that say which it is."""
    if not fields:
        return item
    wanted = {"kind", "name", *(field.strip() for field in fields.split(","))}
    return {key: value for key, value in item.items() if key in wanted}


def _key(item: Mapping[str, Any]) -> str:
    return f"{str(item.get('kind')).lower()}/{item.get('name')}"
