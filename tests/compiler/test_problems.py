"""What is wrong between resources, and inside pipelines: each problem with its path and its words."""

from collections.abc import Iterator

import pytest

from penstock.base.problem import Problem
from penstock.compiler import Remembered, compile_resources
from penstock.filters import PluginDescription
from penstock.model.loading import load_resources
from tests.filters.catalogue_fake import FakeCatalogue

UPSTREAM = "---\nkind: Upstream\nname: orders\nendpoints: [http://127.0.0.1:9001]\n"
FORWARD = "{kind: Forward, to: orders}"
AGAIN = "{kind: Forward, name: again, to: orders}"


def check(text: str) -> list[Problem]:
    loaded = load_resources(text)
    compiled = compile_resources(loaded.resources, FakeCatalogue(), unusable=loaded.unusable)
    return [*loaded.problems, *compiled.problems]


def shown(text: str) -> list[str]:
    return [f"{one.severity} {one.path_text}: {one.message}" for one in check(text)]


def pipeline(*steps: str) -> str:
    lines = "".join(f"  - {step}\n" for step in steps)
    return f"kind: Pipeline\nname: a\nsteps:\n{lines}{UPSTREAM}"


STEPS = [
    (["{kind: Fward, to: orders}"], ["error steps[0].kind: no filter is called `Fward`"]),
    (["{kind: Forward, to: order}"], ["error steps[0].to: no upstream is called `order`"]),
    (["{kind: Forward, to: Orders}"], ["error steps[0].to: no upstream is called `Orders`"]),
    (["{kind: Forward, to: 'ftp://x'}"], ["error steps[0].to: ftp endpoints are not built yet"]),
    (
        ["{kind: Forward, to: 'http://unix:/run/a.sock:'}"],
        ["error steps[0].to: not a URL: 'http://unix:/run/a.sock:'; write unix:/run/a.sock"],
    ),
    (
        ["{kind: Forward, to: 'http://::1:80'}"],
        ["error steps[0].to: not a host name: '::1'; write an IPv6 address in brackets: [::1]"],
    ),
    (["{kind: Forward, to: 'http://127.1'}"], ["error steps[0].to: not an IP address: '127.1'"]),
    (
        ["{kind: Forward, to: [{upstream: orders}, {upstream: ordres}]}"],
        ["error steps[0].to[1].upstream: no upstream is called `ordres`"],
    ),
    (["{kind: Forward, to: orders, too: x}"], ["error steps[0].too: unknown key `too`"]),
    (["{kind: Forward, to: orders, when: broken}"], ["error steps[0].when: not an expression"]),
    ([FORWARD, FORWARD], [
        "error steps[1]: `Forward` is used twice here",
        "warning steps[1]: `Forward` cannot send a body",
    ]),
    (
        ["{kind: Forward, to: orders, name: x}", "{kind: SetHeaders, name: x}"],
        ["error steps[1].name: two steps are called `x`"],
    ),
    (
        ["{kind: Forward, to: orders, on: {faild: end}}"],
        ["error steps[0].on.faild: `Forward` has no result `faild`"],
    ),
    (["{kind: Forward, to: orders, on: {failed: x}}"], ["error steps[0].on.failed: no step is called `x`"]),
    (
        [FORWARD, "{kind: MaxBodySize, on: {too_large: Forward}}"],
        ["error steps[1].on.too_large: step `Forward` is not behind this one"],
    ),
    (["{kind: SetHeaders}"], ["error steps[0]: the pipeline ends without an answer"]),
    (["{kind: SetHeaders}", "end", FORWARD], [
        "warning steps[2]: step `Forward` can never run",
        "error steps[2]: the pipeline ends without an answer",
    ]),
    (["{kind: Respond}", FORWARD], ["warning steps[1]: step `Forward` can never run"]),
    (["{kind: Respond, when: request.id}", FORWARD], []),
    (["{kind: MaxBodySize, on: {too_large: Respond}}", FORWARD, "end", "{kind: Respond}"], []),
    (["{kind: MaxBodySize}"], []),
    ([FORWARD, "{kind: SetHeaders}", "{kind: end, when: request.id}"], []),
    ([FORWARD, AGAIN], ["warning steps[1]: `again` cannot send a body: an earlier `Forward` has sent it"]),
    (["{kind: Forward, to: orders, on: {server_error: again}}", "end", AGAIN], [
        "warning steps[2]: `again` cannot send a body",
    ]),
    (["{kind: Forward, to: orders, on: {failed: again, timed_out: again}}", "end", AGAIN], []),
    (["{kind: Buffered}", FORWARD, AGAIN], []),
    ([FORWARD, "{kind: Forward, name: again, to: orders, when: request.id}"], []),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "expected"), STEPS, ids=[" ".join(steps)[:60] for steps, _ in STEPS])
def test_problems_of_steps(steps: list[str], expected: list[str]) -> None:
    found = shown(pipeline(*steps))
    assert len(found) == len(expected)
    assert all(one.startswith(start) for one, start in zip(found, expected, strict=True)), found


def test_a_second_forward_of_a_route_whose_requests_have_no_body_is_fine() -> None:
    for methods, expected in [("[GET, OPTIONS]", 0), ("[GET, PUT]", 1), ("null", 1)]:
        text = f"{{kind: Route, name: a, methods: {methods}, steps: [{FORWARD}, {AGAIN}]}}\n{UPSTREAM}"
        assert len(shown(text.replace("methods: null, ", ""))) == expected, methods


TO = "to: 'http://127.0.0.1:1'"
RESOURCES = [
    ("{kind: Route, name: a, pipeline: b}", ["error pipeline: no pipeline is called `b`"]),
    ("{kind: Route, name: a, listeners: [web], %s}", ["error listeners[0]: no listener is called `web`"]),
    ("{kind: Route, name: a, to: [{upstream: x}]}", ["error to[0].upstream: no upstream is called `x`"]),
    ("{kind: Route, name: a, path: {regex: broken}, %s}", ["error path.regex: not a regular expression"]),
    ("{kind: Route, name: a, hosts: [{regex: broken}], %s}", ["error hosts[0].regex: not a regular expression"]),
    ("{kind: Route, name: a, query: {q: {regex: broken}}, %s}", ["error query.q.regex: not a regular expression"]),
    ("{kind: Route, name: a, when: broken, %s}", ["error when: not an expression"]),
    (
        "{kind: Route, name: a, path: /a, %s}\n---\n{kind: Route, name: a, path: /b, %s}",
        ["error name: a Route called `a` is already there"],
    ),
    (
        "{kind: Upstream, name: a, endpoints: [{url: 'http://127.0.0.1:1', weight: 0}]}",
        ["error endpoints: every endpoint has weight 0"],
    ),
    ("{kind: Pipeline, name: route.a, steps: [{kind: Respond}]}", ["error : names that begin with `route.`"]),
    (
        "{kind: Listener, name: a, address: '127.0.0.1:0', before: [{kind: Forward, to: 'http://a'}]}",
        ["error before[0]: `Forward` belongs into a route's pipeline"],
    ),
    ("{kind: Plugin, name: a, python: filters/}", ["error python: the plugin's files could not be read"]),
    (
        "{kind: Route, name: a, pipeline: b}\n---\n{kind: Pipeline, name: b, enabled: false, steps: [{kind: Respond}]}",
        ["error pipeline: pipeline `b` is there but not enabled"],
    ),
    ("{kind: Route, name: a, to: b}\n---\n{kind: Upstream, name: b}", ["error : `endpoints` is missing"]),
]


METRICS = [
    ("metrics: {}", ["error metrics: nobody takes the metrics"]),
    ("metrics: {otlp: {endpoint: http://127.0.0.1:4317}}", []),
    ("otlp: {endpoint: http://127.0.0.1:4317}\nmetrics: {interval: 5s}", []),
    (
        "metrics: {otlp: {endpoint: https://a.test, tls: {certificate: own}}}",
        [
            "error metrics.otlp.tls.certificate: metrics are sent without a certificate",
            "error metrics.otlp.tls.certificate: no certificate is called `own`",
        ],
    ),
    (
        "metrics: {otlp: {endpoint: https://a.test, tls: {insecure: true}}}",
        [
            "error metrics.otlp.tls.insecure: metrics are sent over gRPC to nobody who is not known",
            "warning metrics.otlp.tls.insecure: anybody between here and the collector can read and change all of it",
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), METRICS, ids=[text[:60] for text, _ in METRICS])
def test_problems_of_metrics_that_are_sent_away(text: str, expected: list[str]) -> None:
    assert sorted(shown(f"kind: Telemetry\nname: default\n{text}\n")) == expected


@pytest.mark.parametrize(("text", "expected"), RESOURCES, ids=[text[:60] for text, _ in RESOURCES])
def test_problems_between_resources(text: str, expected: list[str]) -> None:
    found = shown(text.replace("%s", TO))
    assert len(found) == len(expected)
    assert all(one.startswith(start) for one, start in zip(found, expected, strict=True)), found


TWINS = "error : no request can tell this route from `a`"
HIDDEN = "warning : this route never serves: `a` takes every request first"
OVERLAPS = [
    ("path: /x", "path: /x", [TWINS]),
    ("path: '/x/{a}'", "path: '/x/{b}'", [TWINS]),
    ("hosts: [a.b, c.d]", "hosts: [c.d, A.B]", [TWINS]),
    ("methods: [GET]", "methods: [GET, HEAD]", [TWINS]),
    ("headers: {a: '1', b: '2'}", "headers: {B: '2', A: '1'}", [TWINS]),
    ("path: /x", "path: /y", []),
    ("path: /x", "path: /x, priority: 1", ["warning : this route never serves: `b` takes every request first"]),
    ("path: /x, priority: 1", "path: /x", [HIDDEN]),
    ("path: /x/*, priority: 1", "path: /x/y", [HIDDEN]),
    ("path: /*, priority: 1", "path: {regex: a}", [HIDDEN]),
    ("path: /*", "path: {regex: a}", []),
    ("path: '/{x}/*'", "path: /x/*", []),
    ("hosts: ['*.b'], priority: 1", "hosts: [x.a.b]", [HIDDEN]),
    ("hosts: ['*.b'], priority: 1", "hosts: [x.a.b, c]", []),
    ("path: /x/*, priority: 1, methods: [GET]", "path: /x/y", []),
    ("path: /x", "path: /x, when: request.id", [HIDDEN]),
    ("path: /x, when: request.id", "path: /x", []),
    ("path: /x", "path: /x, headers: {a: '1'}", []),
    ("path: /x", "path: /x, methods: [GET]", []),
    ("path: /x", "path: /x, cookies: {a: '1'}", [HIDDEN]),
    ("path: /x", "path: /x, client_ip: [10.0.0.0/8]", [HIDDEN]),
    ("client_ip: [10.0.0.0/8]", "client_ip: [10.1.0.0/16]", [HIDDEN]),
    ("client_ip: [10.1.0.0/16]", "client_ip: [10.0.0.0/8]", []),
    ("hosts: [a.b]", "hosts: [a.b, c.d]", []),
    ("hosts: [a.b, c.d]", "hosts: [a.b]", [HIDDEN]),
    ("path: {regex: a}", "path: {regex: b}", []),
    ("path: {regex: a}", "path: {regex: a}", [TWINS]),
]


@pytest.mark.parametrize(("one", "two", "expected"), OVERLAPS)
def test_routes_in_each_others_way(one: str, two: str, expected: list[str]) -> None:
    assert shown(f"{{kind: Route, name: a, {TO}, {one}}}\n---\n{{kind: Route, name: b, {TO}, {two}}}") == expected


def test_remembered_parts_give_the_same_plan() -> None:
    routes = [f"{{kind: Route, name: r{index}, path: /r{index}, {TO}}}" for index in range(20)]
    changed = [*routes[:10], "{kind: Route, name: new, path: /r3, when: request.id, to: orders}", *routes[11:]]
    remembered = Remembered()
    for documents in (routes, changed, routes):
        resources = load_resources("\n---\n".join(documents) + UPSTREAM).resources
        again = compile_resources(resources, FakeCatalogue(), remembered)
        assert again == compile_resources(resources, FakeCatalogue())


def test_a_new_route_changes_no_other_part() -> None:
    routes = [f"{{kind: Route, name: r{index}, path: /r{index}, {TO}}}" for index in range(20)]
    before = parts_of(routes)
    after = parts_of([*routes[:10], f"{{kind: Route, name: new, path: /new, {TO}}}", *routes[10:]])
    assert {key for key in after if after[key] != before.get(key)} == {"route/new", "pipeline/route.new"}


def parts_of(documents: list[str]) -> dict[str, object]:
    return dict(compile_resources(load_resources("\n---\n".join(documents)).resources, FakeCatalogue()).plan["parts"])


def test_a_plugin_is_known_by_its_description() -> None:
    described = {"house": PluginDescription("abc", {"AddTenant": "add_tenant.py"})}
    resources = load_resources("{kind: Plugin, name: house, python: filters/}").resources
    compiled = compile_resources(resources, FakeCatalogue(plugins=described))
    assert compiled.is_usable
    assert compiled.plan["parts"]["plugin/house"]["body"] == {
        "kind": "plugin",
        "name": "house",
        "digest": "abc",
        "filters": [{"name": "AddTenant", "file": "add_tenant.py"}],
    }


def lines(problems: list[Problem]) -> Iterator[str]:
    return (str(problem) for problem in problems)


def test_a_problem_is_printed_with_its_hint() -> None:
    (text,) = lines(check("{kind: Route, name: a, to: ordres}" + f"\n{UPSTREAM}"))
    assert text == "route/a: to: no upstream is called `ordres`\n    did you mean `orders`?"
