"""Stream routes as the plan says them, and how they meet listeners and upstreams."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeGuard, cast

from penstock.base.problem import Problem, Severity
from penstock.compiler.compiled import Fragment, Reference
from penstock.compiler.plan_types import TcprouteBody, UdprouteBody
from penstock.compiler.upstreams import url_upstream
from penstock.filters.catalogue import Catalogue
from penstock.model.endpoint_url import EndpointUrl
from penstock.model.kinds import resource_key
from penstock.model.listener import Listener
from penstock.model.loading.loaded import Placed, Unusable
from penstock.model.resource import Resource
from penstock.model.route import Route
from penstock.model.stream_route import Destination, TcpRoute, UdpRoute

Used = Sequence[tuple[Placed, Fragment]]


def compile_stream_route(route: TcpRoute | UdpRoute, _catalogue: Catalogue, fragment: Fragment) -> None:
    """Adds the part of a route, and the upstreams that URLs stand for."""
    for index, name in enumerate(route.listeners or ()):
        fragment.references.append(Reference(("listeners", index), "listener", name))
    if not any(one.weight for one in route.to):
        fragment.error(("to",), "no destination has a weight above 0", "give one of them a weight")
    body = {
        "kind": route.kind.lower(),
        "name": route.name,
        "listeners": list(route.listeners) if route.listeners is not None else None,
        "to": [
            {"upstream": _upstream(one, ("to", index, "upstream"), _speech(route), fragment), "weight": one.weight}
            for index, one in enumerate(route.to)
        ],
        "idle_ms": route.idle.milliseconds,
    }
    fragment.parts[resource_key(route.kind, route.name)] = cast("TcprouteBody | UdprouteBody", body)


def _speech(route: TcpRoute | UdpRoute) -> str:
    return "tcp" if isinstance(route, TcpRoute) else "udp"


def _carries(resource: Resource) -> TypeGuard[TcpRoute | UdpRoute]:
    return isinstance(resource, TcpRoute | UdpRoute)


def _upstream(destination: Destination, path: tuple[str | int, ...], speech: str, fragment: Fragment) -> str:
    """The key of the upstream; a URL becomes one of its own."""
    target = destination.upstream
    if not EndpointUrl.looks_like(target):
        fragment.references.append(Reference(path, "upstream", target))
        return resource_key("Upstream", target)
    url = EndpointUrl.parse(target)
    if url.speaks != speech and (url.speaks or speech == "udp"):
        hint = f"write {speech}://{url.address}" if url.speaks else ""
        fragment.error(path, f"{target} does not speak {speech.upper()}", hint)
    body = url_upstream(url)
    key = resource_key("Upstream", body["name"])
    fragment.parts[key] = body
    return key


def check_streams(used: Used, unusable: Unusable) -> Iterator[Problem]:
    """What carries bytes and what speaks HTTP, where one refers to the other; and listeners with no or two routes."""
    listeners = {
        placed.resource.name: placed.resource.speaks
        for placed, _ in used
        if isinstance(placed.resource, Listener) and not placed.lacks("protocols")
    }
    upstreams = {placed.key: fragment.speaks for placed, fragment in used if fragment.speaks}
    served: dict[str, str] = {}
    for placed, fragment in used:
        yield from map(placed.located, _check_listeners(placed.resource, fragment, listeners))
        yield from map(placed.located, _check_upstreams(placed.resource, fragment, upstreams))
        if _carries(placed.resource) and not placed.lacks("listeners"):
            is_sure = not unusable.is_incomplete
            yield from map(placed.located, _check_route(placed.resource, listeners, served, is_sure=is_sure))
    if not unusable.is_incomplete and not unusable.keys:
        yield from _check_served(used, listeners, served)


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


def _check_upstreams(resource: Resource, fragment: Fragment, upstreams: Mapping[str, str]) -> Iterator[Problem]:
    wanted = _speech(resource) if _carries(resource) else "http"
    for reference in fragment.references:
        speech = upstreams.get(resource_key("Upstream", reference.name)) if reference.kind == "upstream" else None
        if speech and speech != wanted:
            message = f"the endpoints of `{reference.name}` do not speak {wanted.upper()}"
            yield Problem(reference.path, message, f"write {wanted}:// for theirs")


def _check_route(
    route: TcpRoute | UdpRoute, listeners: Mapping[str, str], served: dict[str, str], *, is_sure: bool
) -> Iterator[Problem]:
    """Notes the listeners that a route serves."""
    wanted = _speech(route)
    streams = [name for name, speech in listeners.items() if speech == wanted]
    if listeners and not streams and not route.listeners and is_sure:
        message = f"no listener carries {wanted.upper()}: the route serves nothing"
        yield Problem((), message, f"write `protocols: [{wanted}]` at one", Severity.WARNING)
    for index, name in enumerate(route.listeners or streams):
        earlier = served.setdefault(name, route.name) if listeners.get(name) == wanted else route.name
        if earlier != route.name:
            message = f"listener `{name}` is served by the {route.kind} `{earlier}` already"
            yield Problem(("listeners", index) if route.listeners else (), message, "name the `listeners` of each")


def _check_served(used: Used, listeners: Mapping[str, str], served: Mapping[str, str]) -> Iterator[Problem]:
    kinds = {"tcp": "TcpRoute", "udp": "UdpRoute"}
    for placed, _ in used:
        name = placed.resource.name
        kind = kinds.get(listeners.get(name, "")) if isinstance(placed.resource, Listener) else None
        if kind and name not in served:
            message = f"no {kind} serves it: nothing that comes is carried on"
            yield placed.located(Problem((), message, "add one", Severity.WARNING))
