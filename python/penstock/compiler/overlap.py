"""Routes in each other's way: those no request can tell apart, and those that another hides wholly."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from penstock.base.problem import Problem, Severity
from penstock.compiler.matcher import Matcher
from penstock.compiler.route_age import EVERY_HOST
from penstock.model.loading.loaded import Placed

_MOST_COMPARED = 50
"""Routes that one route is compared with: keeps the time linear where thousands share a path."""

Owner = tuple[Placed, Sequence[Matcher]]
"""A route and what it asks at each of its hosts."""


class _Table:
    """What all routes ask, by host and path."""

    def __init__(self, owners: Sequence[Owner]) -> None:
        self.matchers: defaultdict[tuple[str, str], list[Matcher]] = defaultdict(list)
        priorities: set[int] = set()
        for _, matchers in owners:
            for matcher in matchers:
                self.matchers[matcher.place].append(matcher)
                priorities.add(matcher.priority)
        self.has_priorities = len(priorities) > 1

    def above(self, matcher: Matcher) -> str | None:
        """The name of a route that takes every request from this one at this host."""
        is_older = True
        for other in self.matchers[matcher.place][:_MOST_COMPARED]:
            if other is matcher:
                is_older = False
            elif _precedes(other, matcher, is_older=is_older) and other.covers(matcher):
                return other.name
        return self._above_by_priority(matcher) if self.has_priorities else None

    def _above_by_priority(self, matcher: Matcher) -> str | None:
        # A wider host or path ranks lower, so only a priority can put it in front.
        for place in _wider(*matcher.place):
            for other in self.matchers.get(place, ())[:_MOST_COMPARED]:
                if other.priority > matcher.priority and other.covers(matcher):
                    return other.name
        return None


def check_overlap(owners: Sequence[Owner]) -> Iterator[Problem]:
    """An error for routes no request can tell apart, a warning for each that can never serve.

    Shape: `owners` are the routes that are in use, the older first.
    """
    if len({matchers[0].priority for _, matchers in owners}) <= 1:
        owners = _sharing(owners)
    table = _Table(owners)
    twins: dict[tuple[object, ...], str] = {}
    for placed, matchers in owners:
        if not table.has_priorities and all(len(table.matchers[one.place]) == 1 for one in matchers):
            continue
        name = placed.resource.name
        twin = twins.setdefault((frozenset(one.place for one in matchers), *matchers[0].signature), name)
        if twin != name:
            yield _indistinguishable(placed, twin)
            continue
        above = [table.above(one) for one in matchers]
        if all(above):
            yield _hidden(placed, sorted({name for name in above if name}))


def _sharing(owners: Sequence[Owner]) -> list[Owner]:
    """Those with a host and path that another asks for too: of equal priority, no other can be in their way."""
    counts = Counter([matcher.place for _, matchers in owners for matcher in matchers])
    shared = {place for place, count in counts.items() if count > 1}
    return [one for one in owners if not shared.isdisjoint([matcher.place for matcher in one[1]])] if shared else []


def _precedes(other: Matcher, matcher: Matcher, *, is_older: bool) -> bool:
    if other.name == matcher.name:
        return False
    return other.standing > matcher.standing or (is_older and other.standing == matcher.standing)


def _wider(host: str, path: str) -> Iterator[tuple[str, str]]:
    """The keys of hosts and paths that hold all requests of these."""
    for wide_host in _wider_hosts(host):
        for wide_path in _wider_paths(path):
            if (wide_host, wide_path) != (host, path):
                yield wide_host, wide_path


def _wider_hosts(host: str) -> Iterator[str]:
    yield host
    kind, _, labels = host.partition(" ")
    if kind in {"exact", "wildcard"}:
        while "." in labels:
            labels = labels.partition(".")[2]
            yield f"wildcard {labels}"
    if host != EVERY_HOST:
        yield EVERY_HOST


def _wider_paths(path: str) -> Iterator[str]:
    yield path
    kind, _, text = path.partition(" ")
    if kind == "regex":
        yield "prefix "
        return
    literal = text.partition("/{}")[0].removesuffix("/*")
    if kind == "exact" or (kind == "template" and literal):
        yield f"prefix {literal}"
    while literal:
        literal = literal.rpartition("/")[0]
        yield f"prefix {literal}"


def _indistinguishable(placed: Placed, twin: str) -> Problem:
    return _problem(
        placed,
        f"no request can tell this route from `{twin}`",
        "change a host, path or condition, or give one a `priority`",
        Severity.ERROR,
    )


def _hidden(placed: Placed, by: Sequence[str]) -> Problem:
    names = ", ".join(f"`{name}`" for name in by)
    return _problem(
        placed, f"this route never serves: {names} takes every request first", "raise its `priority`", Severity.WARNING
    )


def _problem(placed: Placed, message: str, hint: str, severity: Severity) -> Problem:
    return placed.located(Problem((), message, hint, severity))
