"""What a store holds, and how it changes: entries, revisions, transactions."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource as it is stored.

    Shape: `key` is `route/orders`; `value` is the resource's JSON text. `created` and `modified` are revisions;
    `created` says how old a route is.
    """

    key: str
    value: str
    created: int
    modified: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The entries under a prefix, by key, as they were at one revision."""

    revision: int
    entries: Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes something, and by what way: files, the admin API, a controller."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """A change that happens whole or not at all.

    `expected` names the revision at which each of its keys must have been modified last; 0 says that the key must
    not be there.
    """

    author: Author
    put: Mapping[str, str] = field(default_factory=dict)
    delete: frozenset[str] = frozenset()
    expected: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """One revision: who changed what.

    `before` holds the entries that were replaced or deleted, so that a change can be shown and taken back.
    `digest` is the hash of all that the store holds after it.
    """

    revision: int
    author: Author
    digest: str
    put: Mapping[str, Entry]
    deleted: frozenset[str]
    before: Mapping[str, Entry]


class Conflict(Exception):  # noqa: N818 - a word users of stores know
    """A transaction that expected another state; nothing was changed."""

    def __init__(self, key: str, expected: int, found: int) -> None:
        super().__init__(f"{key} was modified at revision {found}, expected {expected}")
        self.key = key
        self.expected = expected
        self.found = found


class Forgotten(Exception):  # noqa: N818 - says what became of the revision
    """A watch from a revision whose changes are no longer kept; read everything and watch from there."""
