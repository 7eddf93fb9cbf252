"""Compiles one resource by itself; what it names is looked up later."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar, cast

from penstock.base.problem import Problem
from penstock.compiler.certificates import compile_certificate, listener_tls
from penstock.compiler.compiled import Fragment, Reference
from penstock.compiler.consumers import compile_consumer
from penstock.compiler.place import Place
from penstock.compiler.plan_types import Limits as PlanLimits
from penstock.compiler.plan_types import Protocol
from penstock.compiler.routes import compile_route
from penstock.compiler.steps import compile_steps
from penstock.compiler.stream_routes import compile_stream_route
from penstock.compiler.telemetry import compile_telemetry
from penstock.compiler.upstreams import check_speech, check_tls, upstream_body
from penstock.filters.catalogue import Catalogue
from penstock.model.certificate import Certificate
from penstock.model.consumer import Consumer
from penstock.model.kinds import resource_key
from penstock.model.listener import CARRIED, Limits, Listener
from penstock.model.loading.remains import Remains
from penstock.model.pipeline import Pipeline
from penstock.model.plugin import Plugin
from penstock.model.resource import Resource
from penstock.model.route import LEADING, Route
from penstock.model.stream_route import TcpRoute, TlsRoute, UdpRoute
from penstock.model.telemetry import Telemetry
from penstock.model.test import Test
from penstock.model.upstream import Upstream

_Pathed = TypeVar("_Pathed", Problem, Reference)
_NO_MATCHERS = frozenset({"labels", "enabled", "timeout", *LEADING})
"""Fields of a route that say nothing of the requests it matches."""


def compile_fragment(resource: Resource, catalogue: Catalogue) -> Fragment:
    """The parts that one resource makes, what it refers to, and what is wrong with it by itself."""
    return _compiled(resource, catalogue, Fragment())


def compile_rest(resource: Resource, remains: Remains, catalogue: Catalogue) -> Fragment:
    """The same of what is left of a resource, without what is only wrong because the rest is missing."""
    fragment = _compiled(resource, catalogue, Fragment(damaged=remains.damaged))
    rest = Fragment(damaged=remains.damaged)
    rest.problems = _beside_damage(fragment.problems, remains)
    rest.strangers = _beside_damage(fragment.strangers, remains)
    rest.references = _beside_damage(fragment.references, remains)
    if {path[0] for path in remains.damaged} <= _NO_MATCHERS:
        rest.matchers = fragment.matchers
    return rest


def _beside_damage(found: Iterable[_Pathed], remains: Remains) -> list[_Pathed]:
    moved = [replace(one, path=remains.original(one.path)) for one in found]
    return [one for one in moved if one.path not in remains.damaged]


def _compiled(resource: Resource, catalogue: Catalogue, fragment: Fragment) -> Fragment:
    _COMPILERS[type(resource)](resource, catalogue, fragment)
    return fragment


def _listener(listener: Listener, catalogue: Catalogue, fragment: Fragment) -> None:
    _check_protocols(listener, fragment)
    _check_proxy_protocol(listener, fragment)
    _check_carried(listener, fragment)
    fragment.parts[resource_key("Listener", listener.name)] = {
        "kind": "listener",
        "name": listener.name,
        "address": f"udp:{listener.address}" if listener.speaks == "udp" else listener.address,
        "protocols": cast("list[Protocol]", list(listener.spoken)),
        "tls": listener_tls(listener, catalogue, fragment),
        "alt_svc_seconds": _alt_svc_seconds(listener),
        "trusted_proxies": list(listener.trusted_proxies),
        "proxy_protocol": listener.proxy_protocol,
        "encoded_slash": listener.encoded_slash,
        "underscores": listener.underscores,
        "limits": _limits(listener.limits),
        "before": compile_steps(listener.before, Place(("before",), answers=False), catalogue, fragment),
        "after": compile_steps(listener.after, Place(("after",), answers=False), catalogue, fragment),
    }


def _check_protocols(listener: Listener, fragment: Fragment) -> None:
    if not fragment.is_whole(("tls",)):
        return
    for index, protocol in enumerate(listener.protocols or ()):
        path = ("protocols", index)
        if protocol in (listener.protocols or ())[:index]:
            fragment.error(path, f"protocol {protocol} is there twice")
        elif protocol in CARRIED and set(listener.spoken) != {protocol}:
            message = f"a listener that carries {protocol.upper()} carries nothing else"
            fragment.error(path, message, "give it a listener of its own")
        if protocol == "h2" and listener.tls is None:
            fragment.error(path, "h2 is HTTP/2 over TLS", "write h2c for clear text, or add `tls`")
        if protocol == "h3":
            _check_h3(listener, fragment, path)
        if protocol == "h2c" and listener.tls is not None:
            fragment.error(path, "h2c is HTTP/2 in clear text, and the listener has `tls`", "write h2")


def _check_h3(listener: Listener, fragment: Fragment, path: tuple[str, int]) -> None:
    if listener.is_unix:
        fragment.error(path, "h3 is HTTP/3 over UDP", "write an address and a port")
    elif listener.tls is None:
        fragment.error(path, "h3 is HTTP/3, which is never in clear text", "add `tls`")
    elif not listener.tls.speaks_13:
        fragment.error(
            path, "h3 is spoken over TLS 1.3, of which no cipher suite is wanted", "add one to `tls.ciphers`"
        )
    elif listener.proxy_protocol == "require":
        message = "h3 has no PROXY protocol header, and `proxy_protocol` requires one"
        fragment.error(path, message, "give it a listener of its own")


def _alt_svc_seconds(listener: Listener) -> int | None:
    if "h3" not in listener.spoken or isinstance(listener.alt_svc, str):
        return None
    return listener.alt_svc.milliseconds // 1000


def _check_carried(listener: Listener, fragment: Fragment) -> None:
    if listener.speaks == "http":
        return
    for name in ("before", "after"):
        if getattr(listener, name):
            message = f"a listener that carries {listener.speaks.upper()} has no requests that steps could see"
            fragment.error((name,), message)
    if listener.speaks == "tls" and listener.tls is not None:
        message = "handshakes are for the endpoints to answer where `tls` is carried"
        fragment.error(("tls",), message, "leave it out, or write `protocols: [tcp]` to answer them here")
    if listener.speaks != "udp":
        return
    if listener.is_unix:
        fragment.error(("address",), "datagrams come by UDP; write an address and a port")
    if listener.tls is not None:
        fragment.error(("tls",), "datagrams are not deciphered")
    if listener.proxy_protocol != "off":
        fragment.error(("proxy_protocol",), "only connections begin with a PROXY protocol header")


def _check_proxy_protocol(listener: Listener, fragment: Fragment) -> None:
    if listener.proxy_protocol != "off" and not listener.trusted_proxies and fragment.is_whole(("trusted_proxies",)):
        message = "nobody's PROXY protocol header is believed"
        fragment.error(("proxy_protocol",), message, "name the proxies in `trusted_proxies`")


def _limits(limits: Limits) -> PlanLimits:
    return {
        "header_time_ms": limits.header_time.milliseconds,
        "header_bytes": limits.headers.bytes,
        "fields": limits.fields,
        "uri_bytes": limits.uri.bytes,
        "idle_ms": limits.idle.milliseconds,
        "send_ms": limits.send.milliseconds,
        "half_close_ms": limits.half_close.milliseconds,
        "connections": limits.connections,
        "streams": limits.streams,
        "stream_window_bytes": limits.stream_window.bytes,
        "connection_window_bytes": limits.connection_window.bytes,
        "body_bytes": limits.body.bytes if limits.body else None,
        "buffered_body_bytes": limits.buffered_body.bytes,
    }


def _pipeline(pipeline: Pipeline, catalogue: Catalogue, fragment: Fragment) -> None:
    fragment.parts[resource_key("Pipeline", pipeline.name)] = {
        "kind": "pipeline",
        "name": pipeline.name,
        "steps": compile_steps(pipeline.steps, Place(("steps",)), catalogue, fragment),
    }


def _upstream(upstream: Upstream, catalogue: Catalogue, fragment: Fragment) -> None:
    fragment.parts[resource_key("Upstream", upstream.name)] = upstream_body(upstream, upstream.name)
    check_speech(upstream, fragment)
    check_tls(upstream, catalogue, fragment)
    if not any(endpoint.weight for endpoint in upstream.endpoints):
        fragment.error(("endpoints",), "every endpoint has weight 0: no request could be sent anywhere")


def _plugin(plugin: Plugin, catalogue: Catalogue, fragment: Fragment) -> None:
    described, place = catalogue.plugins.get(plugin.name), ("archive" if plugin.archive else "python",)
    if described is None:
        fragment.error(place, "the plugin's files could not be read")
        return
    for problem in described.problems:
        fragment.error(place, problem)
    fragment.parts[resource_key("Plugin", plugin.name)] = {
        "kind": "plugin",
        "name": plugin.name,
        "digest": described.digest,
        "filters": [{"name": name, "file": file} for name, file in sorted(described.filters.items())],
    }


def _test(_test: Test, _catalogue: Catalogue, _fragment: Fragment) -> None:
    """Tests are no part of a plan."""


_COMPILERS: dict[type[Resource], Callable[[Any, Catalogue, Fragment], None]] = {
    Listener: _listener,
    Route: compile_route,
    TcpRoute: compile_stream_route,
    TlsRoute: compile_stream_route,
    UdpRoute: compile_stream_route,
    Upstream: _upstream,
    Pipeline: _pipeline,
    Telemetry: compile_telemetry,
    Plugin: _plugin,
    Certificate: compile_certificate,
    Consumer: compile_consumer,
    Test: _test,
}
