"""TCP routes as the plan says them, and how they meet listeners and upstreams."""

from collections.abc import Iterator, Sequence

from penstock.base.problem import Problem, Severity
from penstock.compiler.compiled import Fragment, Reference
from penstock.compiler.upstreams import url_upstream
from penstock.filters.catalogue import Catalogue
from penstock.model.endpoint_url import EndpointUrl
from penstock.model.kinds import resource_key
from penstock.model.listener import Listener
from penstock.model.loading.loaded import Placed, Unusable
from penstock.model.route import Route
from penstock.model.tcp_route import Destination, TcpRoute

_WRITE_TCP = "write `protocols: [tcp]` there"


def compile_tcp_route(route: TcpRoute, _catalogue: Catalogue, fragment: Fragment) -> None:
    """Adds the part of a route, and the upstreams that URLs stand for."""
    for index, name in enumerate(route.listeners or ()):
        fragment.references.append(Reference(("listeners", index), "listener", name))
    if not any(one.weight for one in route.to):
        fragment.error(("to",), "no destination has a weight above 0", "give one of them a weight")
    fragment.parts[resource_key("TcpRoute", route.name)] = {
        "kind": "tcproute",
        "name": route.name,
        "listeners": list(route.listeners) if route.listeners is not None else None,
        "to": [
            {"upstream": _upstream(one, index, fragment), "weight": one.weight} for index, one in enumerate(route.to)
        ],
        "idle_ms": route.idle.milliseconds,
    }


def _upstream(destination: Destination, index: int, fragment: Fragment) -> str:
    """The key of the upstream; a URL becomes one of its own."""
    target, path = destination.upstream, ("to", index, "upstream")
    if not EndpointUrl.looks_like(target):
        fragment.references.append(Reference(path, "upstream", target))
        return resource_key("Upstream", target)
    url = EndpointUrl.parse(target)
    if url.is_stream is False:
        fragment.error(path, f"{target} speaks HTTP", f"write tcp://{url.address}")
    body = url_upstream(url)
    key = resource_key("Upstream", body["name"])
    fragment.parts[key] = body
    return key


def check_streams(used: Sequence[tuple[Placed, Fragment]], unusable: Unusable) -> Iterator[Problem]:
    """What carries bytes and what speaks HTTP, where one refers to the other; and listeners with no or two routes."""
    listeners = {
        placed.resource.name: placed.resource
        for placed, _ in used
        if isinstance(placed.resource, Listener) and not placed.lacks("protocols")
    }
    upstreams = {placed.key: fragment.is_stream for placed, fragment in used if fragment.is_stream is not None}
    for placed, fragment in used:
        yield from map(placed.located, _check_listeners(placed, fragment, listeners))
        yield from map(placed.located, _check_upstreams(placed, fragment, upstreams))
    yield from _check_routes(used, unusable, listeners)


def _check_listeners(placed: Placed, fragment: Fragment, listeners: dict[str, Listener]) -> Iterator[Problem]:
    for reference in fragment.references:
        listener = listeners.get(reference.name) if reference.kind == "listener" else None
        if listener is None:
            continue
        if isinstance(placed.resource, TcpRoute) and not listener.is_stream:
            yield Problem(reference.path, f"listener `{reference.name}` carries no TCP", _WRITE_TCP)
        if isinstance(placed.resource, Route) and listener.is_stream:
            yield Problem(reference.path, f"listener `{reference.name}` carries TCP, and has no requests")


def _check_upstreams(placed: Placed, fragment: Fragment, upstreams: dict[str, bool]) -> Iterator[Problem]:
    is_tcp = isinstance(placed.resource, TcpRoute)
    for reference in fragment.references:
        is_stream = upstreams.get(resource_key("Upstream", reference.name)) if reference.kind == "upstream" else None
        if is_stream is False and is_tcp:
            yield Problem(reference.path, f"the endpoints of `{reference.name}` speak HTTP", "write tcp:// for theirs")
        if is_stream and not is_tcp:
            yield Problem(
                reference.path, f"the endpoints of `{reference.name}` speak no HTTP", "write http:// for theirs"
            )


def _check_routes(
    used: Sequence[tuple[Placed, Fragment]], unusable: Unusable, listeners: dict[str, Listener]
) -> Iterator[Problem]:
    streams = [name for name, listener in listeners.items() if listener.is_stream]
    served: dict[str, str] = {}
    for placed, _ in used:
        route = placed.resource
        if not isinstance(route, TcpRoute) or placed.lacks("listeners"):
            continue
        if listeners and not streams and not route.listeners and not unusable.is_incomplete:
            message = "no listener carries TCP: the route serves nothing"
            yield placed.located(Problem((), message, _WRITE_TCP, Severity.WARNING))
        for name in route.listeners or streams:
            earlier = served.setdefault(name, route.name)
            if earlier != route.name:
                message = f"listener `{name}` is served by the TcpRoute `{earlier}` already"
                path = ("listeners", route.listeners.index(name)) if route.listeners else ()
                yield placed.located(Problem(path, message, "name the `listeners` of each"))
    if unusable.is_incomplete or unusable.keys:
        return
    for placed, _ in used:
        name = placed.resource.name
        if isinstance(placed.resource, Listener) and name in streams and name not in served:
            message = "no TcpRoute serves it: connections are closed"
            yield placed.located(Problem((), message, "add one", Severity.WARNING))
