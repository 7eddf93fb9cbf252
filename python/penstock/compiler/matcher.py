"""What a route asks of a request, in a form that can be compared with another route's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network

from penstock.compiler.conditions import conditions_of, served_methods
from penstock.compiler.route_age import EVERY_HOST, host_key, path_key
from penstock.model.route import Route

_Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Matcher:
    """What a route asks of a request at one host, in comparable form; an empty set asks nothing."""

    name: str
    listeners: frozenset[str] | None
    host: str
    path: str
    priority: int
    methods: frozenset[str]
    conditions: frozenset[tuple[str, str, str, str | bool]]
    client_ip: tuple[str, ...]
    when: str | None
    place: tuple[str, str] = field(init=False, compare=False)
    """The host and the path."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", (self.host, self.path))

    @property
    def signature(self) -> tuple[object, ...]:
        """Equal, at equal places, for routes that no request can tell apart."""
        return (self.listeners, self.priority, self.methods, self.conditions, frozenset(self.client_ip), self.when)

    def covers(self, other: "Matcher") -> bool:
        """Whether it matches every request at this host and path that the other matches, as far as that is plain."""
        return (
            (self.listeners is None or (other.listeners is not None and self.listeners >= other.listeners))
            and (not self.methods or (bool(other.methods) and self.methods >= other.methods))
            and self.conditions <= other.conditions
            and _networks_cover(self.client_ip, other.client_ip)
            and (self.when is None or self.when == other.when)
        )

    @property
    def standing(self) -> tuple[int, bool, int, int]:
        """Precedence among routes of the same host and path: higher serves first, then the older."""
        kinds = [kind for kind, *_ in self.conditions]
        return (self.priority, bool(self.methods), kinds.count("header"), kinds.count("query"))


def matchers_of(route: Route) -> Iterator[Matcher]:
    """What a route asks, once for each of its hosts."""
    conditions = frozenset((kind, name, *test.test) for kind, _, name, test in conditions_of(route))
    for host in [host_key(host) for host in route.hosts] or [EVERY_HOST]:
        yield Matcher(
            name=route.name,
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
