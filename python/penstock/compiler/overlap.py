"""Routes in each other's way: those no request can tell apart, and those that another hides wholly."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from penstock.base.problem import Problem, Severity
from penstock.compiler.route_age import EVERY_HOST, host_key, path_key
from penstock.compiler.routes import conditions_of, served_methods
from penstock.model.kinds import resource_key
from penstock.model.loading.loader import Placed
from penstock.model.route import Route

_Network = IPv4Network | IPv6Network
_MOST_COMPARED = 50
"""Older routes that one route is compared with: keeps the time linear where thousands share a path."""


@dataclass(frozen=True, slots=True)
class _Matcher:
    """What a route asks of a request at one host, in comparable form; an empty set asks nothing."""

    name: str
    age: int
    listeners: frozenset[str] | None
    host: str
    path: str
    priority: int
    methods: frozenset[str]
    conditions: frozenset[tuple[str, str, str, str | bool]]
    client_ip: tuple[str, ...]
    when: str | None

    @property
    def signature(self) -> tuple[object, ...]:
        """Equal for routes that no request can tell apart."""
        return (self.priority, self.methods, self.conditions, frozenset(self.client_ip), self.when)

    def shares_listener(self, other: "_Matcher") -> bool:
        """Whether some listener serves both."""
        return self.listeners is None or other.listeners is None or not self.listeners.isdisjoint(other.listeners)

    def covers(self, other: "_Matcher") -> bool:
        """Whether it matches every request at this host and path that the other matches, as far as that is plain."""
        return (
            (self.listeners is None or (other.listeners is not None and self.listeners >= other.listeners))
            and (not self.methods or (bool(other.methods) and self.methods >= other.methods))
            and self.conditions <= other.conditions
            and _networks_cover(self.client_ip, other.client_ip)
            and (self.when is None or self.when == other.when)
        )

    @property
    def standing(self) -> tuple[int, bool, int, int, int]:
        """Precedence among routes of the same host and path: higher serves first."""
        kinds = [kind for kind, *_ in self.conditions]
        return (self.priority, bool(self.methods), kinds.count("header"), kinds.count("query"), -self.age)


def check_overlap(routes: Sequence[Placed]) -> Iterator[Problem]:
    """An error for routes no request can tell apart, a warning for each that can never serve."""
    table: defaultdict[tuple[str, str], list[_Matcher]] = defaultdict(list)
    twins: dict[tuple[object, ...], list[_Matcher]] = {}
    owners: list[tuple[Placed, list[_Matcher]]] = []
    for age, placed in enumerate(routes):
        matchers = list(_matchers(placed.resource, age)) if isinstance(placed.resource, Route) else []
        owners.append((placed, matchers))
        for matcher in matchers:
            table[matcher.host, matcher.path].append(matcher)
    has_priorities = len({matcher.priority for _, matchers in owners for matcher in matchers}) > 1
    for placed, matchers in owners:
        twin = next((found for one in matchers if (found := _twin(one, twins))), None)
        if twin:
            yield _indistinguishable(placed, twin)
            continue
        above = [_above(one, table, has_priorities=has_priorities) for one in matchers]
        if above and all(above):
            yield _hidden(placed, sorted({name for name in above if name}))


def _twin(matcher: _Matcher, twins: dict[tuple[object, ...], list[_Matcher]]) -> str | None:
    """The name of an older route that no request can tell from this one at this host."""
    known = twins.setdefault((matcher.host, matcher.path, *matcher.signature), [])
    same = next(
        (one for one in known[:_MOST_COMPARED] if one.name != matcher.name and one.shares_listener(matcher)), None
    )
    known.append(matcher)
    return same.name if same else None


def _above(matcher: _Matcher, table: dict[tuple[str, str], list[_Matcher]], *, has_priorities: bool) -> str | None:
    """The name of a route that takes every request from this one at this host."""
    here = (matcher.host, matcher.path)
    for other in table[here][:_MOST_COMPARED]:
        if other.name != matcher.name and other.standing > matcher.standing and other.covers(matcher):
            return other.name
    # A wider host or path ranks lower, so only a priority can put it in front.
    for key in _wider(*here) if has_priorities else ():
        for other in table.get(key, ())[:_MOST_COMPARED]:
            if other.priority > matcher.priority and other.covers(matcher):
                return other.name
    return None


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


def _matchers(route: Route, age: int) -> Iterator[_Matcher]:
    conditions = frozenset((kind, name, *test.test) for kind, _, name, test in conditions_of(route))
    for host in [host_key(host) for host in route.hosts] or [EVERY_HOST]:
        yield _Matcher(
            name=route.name,
            age=age,
            listeners=frozenset(route.listeners) if route.listeners is not None else None,
            host=host,
            path=path_key(route.path),
            priority=route.priority,
            methods=frozenset(served_methods(route)),
            conditions=conditions,
            client_ip=route.client_ip,
            when=route.when,
        )


def _networks_cover(wide: Sequence[str], narrow: Sequence[str]) -> bool:
    if not wide:
        return True
    if set(narrow) <= set(wide):
        return bool(narrow)
    outer = [ip_network(text) for text in wide]
    return bool(narrow) and all(any(_holds(network, ip_network(text)) for network in outer) for text in narrow)


def _holds(outer: _Network, inner: _Network) -> bool:
    if isinstance(outer, IPv4Network):
        return isinstance(inner, IPv4Network) and inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and inner.subnet_of(outer)


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
    resource = resource_key(placed.resource.kind, placed.resource.name)
    return Problem((), message, hint, severity, resource=resource, file=placed.file, document=placed.document)
