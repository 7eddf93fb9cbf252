"""Routes as the plan says them."""

from collections.abc import Iterator
from typing import cast

from penstock.base.problem import Steps
from penstock.compiler import plan_types
from penstock.compiler.compiled import Fragment, Reference
from penstock.compiler.conditions import conditions_of, served_methods
from penstock.compiler.matcher import matchers_of
from penstock.compiler.place import Place
from penstock.compiler.route_age import tie_keys
from penstock.compiler.steps import compile_steps
from penstock.compiler.telemetry import route_tracing
from penstock.filters.catalogue import Catalogue
from penstock.model.kinds import resource_key
from penstock.model.patterns import HostPattern, PathPattern, ValueTest
from penstock.model.pipeline import ROUTE_PREFIX
from penstock.model.route import Route

_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods whose requests have no body as a rule."""


def compile_route(route: Route, catalogue: Catalogue, fragment: Fragment) -> None:
    """Adds the parts of a route: itself, and the pipeline of its own steps."""
    fragment.parts[resource_key("Route", route.name)] = {
        "kind": "route",
        "name": route.name,
        "listeners": list(route.listeners) if route.listeners is not None else None,
        "hosts": [_host(host) for host in route.hosts],
        "path": _path(route.path),
        "methods": served_methods(route),
        "conditions": [
            {"subject": cast("plan_types.Subject", {kind: name}), "test": _test(test)}
            for kind, _, name, test in conditions_of(route)
        ],
        "client_ip": list(route.client_ip),
        "when": route.when,
        "priority": route.priority,
        "order": 0,
        "timeout_ms": route.timeout.milliseconds if route.timeout else None,
        "tracing": route_tracing(route.tracing),
        "pipeline": _pipeline(route, catalogue, fragment),
    }
    fragment.matchers += matchers_of(route)
    fragment.ties += tie_keys(matcher.place for matcher in fragment.matchers)
    for index, name in enumerate(route.listeners or ()):
        fragment.references.append(Reference(("listeners", index), "listener", name))
    _check_texts(route, catalogue, fragment)


def _pipeline(route: Route, catalogue: Catalogue, fragment: Fragment) -> str:
    if route.pipeline is not None:
        fragment.references.append(Reference(("pipeline",), "pipeline", route.pipeline))
        return resource_key("Pipeline", route.pipeline)
    name = f"{ROUTE_PREFIX}{route.name}"
    has_bodies = not route.methods or not _BODILESS.issuperset(served_methods(route))
    place = Place((), is_shorthand=True) if route.to is not None else Place(("steps",), has_bodies=has_bodies)
    key = resource_key("Pipeline", name)
    fragment.parts[key] = {
        "kind": "pipeline",
        "name": name,
        "steps": compile_steps(route.inline_steps, place, catalogue, fragment),
    }
    return key


def _host(pattern: HostPattern) -> plan_types.HostPattern:
    return cast("plan_types.HostPattern", dict([pattern.given]))


def _path(pattern: PathPattern) -> plan_types.PathPattern:
    return cast("plan_types.PathPattern", dict([pattern.given]))


def _test(test: ValueTest) -> plan_types.Test:
    name, value = test.test
    return cast("plan_types.Test", name if value is True else {name: value})


def _check_texts(route: Route, catalogue: Catalogue, fragment: Fragment) -> None:
    for path, text in _regexes(route):
        problem = catalogue.check_regex(text)
        if problem:
            fragment.error(path, problem)
    problem = catalogue.check_expression(route.when) if route.when is not None else None
    if problem:
        fragment.error(("when",), problem)


def _regexes(route: Route) -> Iterator[tuple[Steps, str]]:
    for index, host in enumerate(route.hosts):
        if host.regex is not None:
            yield ("hosts", index, "regex"), host.regex
    if route.path.regex is not None:
        yield ("path", "regex"), route.path.regex
    for _, field, name, test in conditions_of(route):
        if test.regex is not None:
            yield (field, name, "regex"), test.regex
