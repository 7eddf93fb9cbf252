"""What a store holds, and how it changes: entries, revisions, transactions."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.store.holding import Held


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource as it is stored.

    Shape: `key` is `route/orders`; `value` is the resource's JSON text. `created` and `modified` are revisions;
    `created` says how old a route is. `attached` names what the store keeps beside the value and nobody reads who does
    not ask for it.
    """

    key: str
    value: str
    created: int
    modified: int
    attached: tuple[str, ...] = ()


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
    not be there. `while_held` must still be held: whoever lost it meanwhile changes nothing. `is_kept_elsewhere` says
    that what is written is read from somewhere again, as files are: where the store cannot keep it at the moment,
    it happens all the same and is kept later. `attached` are large contents by the keys that they belong to; what is
    put without has none afterwards.
    """

    author: Author
    put: Mapping[str, str] = field(default_factory=dict)
    delete: frozenset[str] = frozenset()
    expected: Mapping[str, int] = field(default_factory=dict)
    message: str = ""
    while_held: Held | None = None
    is_kept_elsewhere: bool = False
    attached: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Change:
    """One revision: who changed what, when and why.

    `before` holds the entries that were replaced or deleted, so that a change can be shown and taken back.
    `digest` is the hash of all that the store holds after it. `parent` is the revision that it changed.

    Units: `time` is seconds since 1970.
    """

    revision: int
    author: Author
    digest: str
    put: Mapping[str, Entry]
    deleted: frozenset[str]
    before: Mapping[str, Entry]
    message: str = ""
    time: float = 0.0
    parent: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a revision at one node: applied, or refused with problems.

    Units: `time` is seconds since 1970. `plan_revision` is the plan that the workers ran afterwards.
    """

    node: str
    time: float
    problems: tuple[str, ...] = ()
    plan_revision: int | None = None


class Conflict(Exception):  # noqa: N818 - a word users of stores know
    """A transaction that expected another state; nothing was changed."""

    def __init__(self, key: str, expected: int, found: int) -> None:
        super().__init__(f"{key} was modified at revision {found}, expected {expected}")
        self.key = key
        self.expected = expected
        self.found = found


class Lost(Exception):  # noqa: N818 - says what became of it
    """What a transaction relied on is no longer held, or a lease has run out; nothing was changed."""


class Forgotten(Exception):  # noqa: N818 - says what became of the revision
    """A revision that is no longer kept, or never was; whoever watches reads everything and goes on from there."""


class Unavailable(Exception):  # noqa: N818 - says what is the case
    """The store cannot be reached or cannot write at the moment; nothing was changed, and later it may do."""


class Unknown(Unavailable):
    """Nobody can say whether the change happened; it happened whole or not at all. Read what is there."""


class Sealed(Unavailable):
    """A value that is sealed with a key that is not at hand."""


class Damaged(Exception):  # noqa: N818 - says what is the case
    """What the store holds is not what was written into it."""
