"""The age of routes: which of two that are otherwise equal serves."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from re import sub

from penstock.model.patterns import HostPattern, PathPattern

EVERY_HOST = "every"
"""The key of a route that names no host."""

Key = tuple[str, str]


def route_ages(routes: Sequence[tuple[str, Sequence[Key]]]) -> dict[str, int]:
    """The number that says how old each route is among those it can tie with.

    Counted only among routes that may match one request with equal precedence, so that a new route in the middle
    of a file leaves the parts of all others as they were.

    Shape: `routes` are names and `tie_keys`, the older first.
    """
    groups = _Groups()
    for keys in [keys for _, keys in routes if len(keys) > 1]:
        groups.join(keys)
    ages: dict[str, int] = {}
    counts: defaultdict[Key, int] = defaultdict(int)
    for name, keys in routes:
        first = keys[0]
        group = groups.find(first) if first in groups.parents else first
        ages[name] = counts[group]
        counts[group] += 1
    return ages


class _Groups:
    """Sets of keys that grow together (union-find)."""

    def __init__(self) -> None:
        self.parents: dict[Key, Key] = {}

    def find(self, key: Key) -> Key:
        root = key
        while (parent := self.parents.get(root, root)) != root:
            root = parent
        while (parent := self.parents.get(key, root)) != root:
            self.parents[key] = root
            key = parent
        return root

    def join(self, keys: Iterable[Key]) -> None:
        first, *others = keys
        for key in others:
            one, two = self.find(first), self.find(key)
            if one != two:
                self.parents[two] = one


def tie_keys(places: Iterable[tuple[str, str]]) -> list[Key]:
    """What routes share that may tie, from their hosts and paths.

    Of regular expressions nobody can say whether they match the same: all of them are one.
    """
    return [(_tie(host), _tie(path)) for host, path in places]


def _tie(key: str) -> str:
    return "regex" if key.startswith("regex ") else key


def path_key(path: PathPattern) -> str:
    """A path in a form that is equal for patterns that match the same."""
    if path.template is not None:
        return f"template {shape(path.template)}"
    return " ".join(path.given)


def host_key(host: HostPattern) -> str:
    """A host in a form that is equal for patterns that match the same."""
    return " ".join(host.given)


def shape(template: str) -> str:
    """A template without the names of its parameters: `/orders/{}`."""
    return sub(r"\{[^}]*\}", "{}", template)
