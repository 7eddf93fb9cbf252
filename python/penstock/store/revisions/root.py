"""Roots: one for each revision, with all that is known of it and the names of its buckets."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

from penstock.store.entry import Damaged


class Head(NamedTuple):
    """A revision, the name of its root, and how many bytes came with it; of a new store 0 and none."""

    revision: int
    root: str
    written: int


NOTHING = Head(0, "", 0)


@dataclass(frozen=True, slots=True)
class Root:
    """One revision.

    `unique` tells it from a change that somebody else makes at the same moment with the same words; `content` is a
    hash of all keys and values.

    Units: `time` is seconds since 1970.
    """

    revision: int
    parent: str
    unique: str
    time: float
    author: str
    source: str
    message: str
    content: str
    buckets: Mapping[str, str] = field(default_factory=dict)


EMPTY = Root(0, "", "", 0.0, "", "", "", f"{0:032x}")
"""What the first revision changes."""


def write_root(root: Root) -> bytes:
    """The blob of a root."""
    return json.dumps(asdict(root), sort_keys=True, separators=(",", ":")).encode()


def read_root(blob: bytes) -> Root:
    """The root of a blob. What a later build has added to roots is left out.

    Raises: Damaged.
    """
    try:
        known = json.loads(blob)
        return Root(**{name: known[name] for name in Root.__dataclass_fields__})
    except (ValueError, TypeError, KeyError) as problem:
        raise Damaged(f"the root of a revision cannot be read: {problem}") from None
