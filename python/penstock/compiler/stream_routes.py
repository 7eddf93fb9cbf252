"""Stream routes as the plan says them, and how they meet listeners and upstreams."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TypeGuard, cast

from penstock.base.problem import Problem, Severity
from penstock.compiler.compiled import Fragment, Reference
from penstock.compiler.plan_types import TcprouteBody, TlsrouteBody, UdprouteBody
from penstock.compiler.upstreams import url_upstream
from penstock.filters.catalogue import Catalogue
from penstock.model.endpoint_url import EndpointUrl
from penstock.model.kinds import resource_key
from penstock.model.listener import Listener
from penstock.model.loading.loaded import Placed, Unusable
from penstock.model.resource import Resource
from penstock.model.route import Route
from penstock.model.stream_route import Destination, TcpRoute, TlsRoute, UdpRoute

Used = Sequence[tuple[Placed, Fragment]]
Served = dict[str, dict[str, str]]
"""Of each listener the names of the routes that serve it, by host; under the empty one what serves the rest."""


StreamRoute = TcpRoute | TlsRoute | UdpRoute
_SPEAK = {TcpRoute: "tcp", TlsRoute: "tls", UdpRoute: "udp"}


def compile_stream_route(route: StreamRoute, _catalogue: Catalogue, fragment: Fragment) -> None:
    """Adds the part of a route, and the upstreams that URLs stand for."""
    for index, name in enumerate(route.listeners or ()):
        fragment.references.append(Reference(("listeners", index), "listener", name))
    if not any(one.weight for one in route.to):
        fragment.error(("to",), "no destination has a weight above 0", "give one of them a weight")
    hosts = {"hosts": _hosts(route, fragment)} if isinstance(route, TlsRoute) else {}
    body = {
        "kind": route.kind.lower(),
        "name": route.name,
        "listeners": list(route.listeners) if route.listeners is not None else None,
        **hosts,
        "to": [
            {"upstream": _upstream(one, ("to", index, "upstream"), route, fragment), "weight": one.weight}
            for index, one in enumerate(route.to)
        ],
        "idle_ms": route.idle.milliseconds,
    }
    fragment.parts[resource_key(route.kind, route.name)] = cast("TcprouteBody | TlsrouteBody | UdprouteBody", body)


def _hosts(route: TlsRoute, fragment: Fragment) -> list[str] | None:
    for index, host in enumerate(route.hosts or ()):
        if host in (route.hosts or ())[:index]:
            fragment.error(("hosts", index), f"host {host} is there twice")
    return None if route.hosts is None else list(route.hosts)


def _speech(route: StreamRoute) -> str:
    """What its listeners speak."""
    return _SPEAK[type(route)]


def _wanted(route: StreamRoute) -> str:
    """What its endpoints speak."""
    return "udp" if isinstance(route, UdpRoute) else "tcp"


def _carries(resource: Resource) -> TypeGuard[StreamRoute]:
    return type(resource) in _SPEAK


def _upstream(destination: Destination, path: tuple[str | int, ...], route: StreamRoute, fragment: Fragment) -> str:
    """The key of the upstream; a URL becomes one of its own."""
    target, wanted = destination.upstream, _wanted(route)
    if not EndpointUrl.looks_like(target):
        fragment.references.append(Reference(path, "upstream", target))
        return resource_key("Upstream", target)
    url = EndpointUrl.parse(target)
    if url.speaks != wanted and (url.speaks or wanted == "udp"):
        hint = f"write {wanted}://{url.address}" if url.speaks else ""
        fragment.error(path, f"{target} does not speak {wanted.upper()}", hint)
    elif isinstance(route, TlsRoute) and url.is_tls:
        fragment.error(path, _TWICE, f"write tcp://{url.address}")
    body = url_upstream(url)
    key = resource_key("Upstream", body["name"])
    fragment.parts[key] = body
    return key


_TWICE = "the client's own TLS is carried, and would be enciphered once more"


def check_streams(used: Used, unusable: Unusable) -> Iterator[Problem]:
    """What carries bytes and what speaks HTTP, where one refers to the other; and listeners with no or two routes."""
    listeners = {
        placed.resource.name: placed.resource.speaks
        for placed, _ in used
        if isinstance(placed.resource, Listener) and not placed.lacks("protocols")
    }
    upstreams = {placed.key: fragment.speaks for placed, fragment in used if fragment.speaks}
    enciphered = {placed.key for placed, fragment in used if fragment.is_enciphered}
    served: Served = {}
    # What speaks HTTP to all that speaks it is most of a configuration.
    other = {resource_key("Listener", name) for name, speech in listeners.items() if speech != "http"}
    other |= {key for key, speech in upstreams.items() if speech != "http"}
    for placed, fragment in [one for one in used if _carries(one[0].resource) or _refers(one[1], other)]:
        yield from map(placed.located, _check_listeners(placed.resource, fragment, listeners))
        yield from map(placed.located, _check_upstreams(placed.resource, fragment, upstreams, enciphered))
        if _carries(placed.resource) and not placed.lacks("listeners") and not placed.lacks("hosts"):
            is_sure = not unusable.is_incomplete
            yield from map(placed.located, _check_route(placed.resource, listeners, served, is_sure=is_sure))
    if not unusable.is_incomplete and not unusable.keys:
        yield from _check_served(used, listeners, served)


def _refers(fragment: Fragment, keys: Collection[str]) -> bool:
    return bool(keys) and any(reference.key in keys for reference in fragment.references)


def _check_listeners(resource: Resource, fragment: Fragment, listeners: Mapping[str, str]) -> Iterator[Problem]:
    for reference in fragment.references:
        speech = listeners.get(reference.name) if reference.kind == "listener" else None
        if speech is None:
            continue
        if _carries(resource) and speech != (wanted := _speech(resource)):
            message = f"listener `{reference.name}` carries no {wanted.upper()}"
            yield Problem(reference.path, message, f"write `protocols: [{wanted}]` there")
        if isinstance(resource, Route) and speech != "http":
            yield Problem(reference.path, f"listener `{reference.name}` carries {speech.upper()}, and has no requests")


def _check_upstreams(
    resource: Resource, fragment: Fragment, upstreams: Mapping[str, str], enciphered: set[str]
) -> Iterator[Problem]:
    wanted = _wanted(resource) if _carries(resource) else "http"
    for reference in fragment.references:
        speech = upstreams.get(reference.key) if reference.kind == "upstream" else None
        if speech and speech != wanted:
            message = f"the endpoints of `{reference.name}` do not speak {wanted.upper()}"
            yield Problem(reference.path, message, f"write {wanted}:// for theirs")
        elif isinstance(resource, TlsRoute) and reference.key in enciphered:
            yield Problem(reference.path, _TWICE, f"write tcp:// for the endpoints of `{reference.name}`")


def _check_route(
    route: StreamRoute, listeners: Mapping[str, str], served: Served, *, is_sure: bool
) -> Iterator[Problem]:
    """Notes the listeners that a route serves."""
    wanted = _speech(route)
    streams = [name for name, speech in listeners.items() if speech == wanted]
    if listeners and not streams and not route.listeners and is_sure:
        message = f"no listener carries {wanted.upper()}: the route serves nothing"
        yield Problem((), message, f"write `protocols: [{wanted}]` at one", Severity.WARNING)
    for index, name in enumerate(route.listeners or streams):
        path = ("listeners", index) if route.listeners else ()
        if listeners.get(name) == wanted:
            yield from _check_alone(route, name, path, served)


def _check_alone(route: StreamRoute, listener: str, path: tuple[str | int, ...], served: Served) -> Iterator[Problem]:
    """Notes what a route serves of a listener: of TLS hosts, else all of it."""
    of_listener = served.setdefault(listener, {})
    hosts = (route.hosts or ("",)) if isinstance(route, TlsRoute) else ("",)
    for index, host in enumerate(hosts):
        earlier = of_listener.setdefault(host, route.name)
        if earlier == route.name:
            continue
        if host:
            message = f"host {host} of listener `{listener}` is served by the {route.kind} `{earlier}` already"
            yield Problem(("hosts", index), message)
        else:
            message = f"listener `{listener}` is served by the {route.kind} `{earlier}` already"
            hint = "name the `hosts` of each" if isinstance(route, TlsRoute) else "name the `listeners` of each"
            yield Problem(path, message, hint)


def _check_served(used: Used, listeners: Mapping[str, str], served: Served) -> Iterator[Problem]:
    kinds = {speech: kind.__name__ for kind, speech in _SPEAK.items()}
    if kinds.keys().isdisjoint(listeners.values()):
        return
    for placed, _ in used:
        name = placed.resource.name
        kind = kinds.get(listeners.get(name, "")) if isinstance(placed.resource, Listener) else None
        if kind and name not in served:
            message = f"no {kind} serves it: nothing that comes is carried on"
            yield placed.located(Problem((), message, "add one", Severity.WARNING))
