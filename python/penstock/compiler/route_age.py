"""The age of routes: which of two that are otherwise equal serves."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from re import sub

from penstock.model.patterns import HostPattern, PathPattern
from penstock.model.route import Route

EVERY_HOST = "every"
"""The key of a route that names no host."""

Key = tuple[str, str]


def route_ages(routes: Sequence[Route]) -> dict[str, int]:
    """The number that says how old each route is among those it can tie with.

    Counted only among routes that may match one request with equal precedence, so that a new route in the middle
    of a file leaves the parts of all others as they were.
    """
    groups = _Groups()
    keys = [list(_keys(route)) for route in routes]
    for own in keys:
        groups.join(own)
    ages: dict[str, int] = {}
    counts: defaultdict[Key, int] = defaultdict(int)
    for route, own in zip(routes, keys, strict=True):
        group = groups.find(own[0])
        ages[route.name] = counts[group]
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


def _keys(route: Route) -> Iterator[Key]:
    # Of regular expressions nobody can say whether they match the same: all of them are one group.
    path = "regex" if route.path.regex is not None else path_key(route.path)
    if not route.hosts:
        yield path, EVERY_HOST
    for host in route.hosts:
        yield path, "regex" if host.regex is not None else host_key(host)


def path_key(path: PathPattern) -> str:
    """A path in a form that is equal for patterns that match the same."""
    if path.template is not None:
        return f"template {shape(path.template)}"
    return next(f"{kind} {text}" for kind, text in path.model_dump(exclude_none=True).items())


def host_key(host: HostPattern) -> str:
    """A host in a form that is equal for patterns that match the same."""
    return next(f"{kind} {text}" for kind, text in host.model_dump(exclude_none=True).items())


def shape(template: str) -> str:
    """A template without the names of its parameters: `/orders/{}`."""
    return sub(r"\{[^}]*\}", "{}", template)
