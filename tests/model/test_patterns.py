"""Short forms of hosts, paths and conditions, and what is refused."""

from typing import Any

import pytest

from penstock.model.loading import load_data

PATHS: list[tuple[Any, tuple[str, str]]] = [
    ("/orders", ("exact", "/orders")),
    ("/", ("exact", "/")),
    ("/orders/", ("exact", "/orders/")),
    ("/orders/*", ("prefix", "/orders")),
    ("/*", ("prefix", "")),
    ("/orders/{id}", ("template", "/orders/{id}")),
    ("/orders/{id}/*", ("template", "/orders/{id}/*")),
    ("/caf\u00e9", ("exact", "/caf%C3%A9")),
    ("/a%2db%3a", ("exact", "/a-b%3A")),
    ({"regex": "^/[a-z]+$"}, ("regex", "^/[a-z]+$")),
]
NO_PATHS = [
    "orders", "", "/a//b", "/a/../b", "/./a", "/a/..", "/a*", "/*/b", "/a/{id", "/a/x{id}", "/{a}/{a}", "/{rest}/*",
    "/{}", "/{1a}", "/a?b=1", "/a#b", "/%zz", "/a\n", 5, None, [], {"exact": "/a"}, {"regex": ""}, {"regex": None}, {},
]  # fmt: skip
HOSTS: list[tuple[Any, tuple[str, str]]] = [
    ("Shop.Example.com.", ("exact", "shop.example.com")),
    ("*.example.com", ("wildcard", "example.com")),
    ("[::1]", ("exact", "[::1]")),
    ({"regex": "^a"}, ("regex", "^a")),
]
NO_HOSTS = ["*", "a.*.b", "*a.b", "a:80", "http://a", "", "é.example", {"exact": "a"}, 5]


def load(**fields: Any) -> Any:
    loaded = load_data([{"kind": "Route", "name": "a", "to": "http://127.0.0.1:1", **fields}])
    return loaded.resources[0].resource if loaded.resources else [problem.path_text for problem in loaded.problems]


@pytest.mark.parametrize(("path", "given"), PATHS, ids=str)
def test_a_path_is_read(path: Any, given: tuple[str, str]) -> None:
    assert load(path=path).path.given == given


@pytest.mark.parametrize("path", NO_PATHS, ids=str)
def test_what_no_request_can_have_as_path_is_refused(path: Any) -> None:
    assert load(path=path)[0].startswith("path")


@pytest.mark.parametrize(("host", "given"), HOSTS, ids=str)
def test_a_host_is_read(host: Any, given: tuple[str, str]) -> None:
    assert load(hosts=[host]).hosts[0].given == given


@pytest.mark.parametrize("host", NO_HOSTS, ids=str)
def test_what_is_no_host_is_refused(host: Any) -> None:
    assert load(hosts=[host])[0].startswith("hosts[0]")


@pytest.mark.parametrize(
    ("test", "read"),
    [
        ("1", ("exact", "1")),
        ({"prefix": "a"}, ("prefix", "a")),
        ({"suffix": "a"}, ("suffix", "a")),
        ({"regex": "a"}, ("regex", "a")),
        ({"present": True}, ("present", True)),
        ({"absent": True}, ("absent", True)),
    ],
    ids=str,
)
def test_a_condition_is_read(test: Any, read: tuple[str, Any]) -> None:
    assert load(headers={"X-A": test}).headers["x-a"].test == read


@pytest.mark.parametrize(
    "test", [1, True, None, [], {}, {"exact": "a", "prefix": "b"}, {"present": False}, {"is": "a"}]
)
def test_what_is_no_condition_is_refused(test: Any) -> None:
    assert load(query={"a": test})[0].startswith("query.a")


@pytest.mark.parametrize(
    "fields",
    [
        {"methods": ["get"]},
        {"methods": ["GE T"]},
        {"headers": {"a b": "x"}},
        {"timeout": "0s"},
        {"priority": 1.5},
        {"priority": True},
        {"client_ip": ["10.0.0.010"]},
        {"listeners": []},
        {"steps": [], "to": None},
        {"to": None},
        {"pipeline": "other"},
        {"labels": {"a": 1}},
        {"path": "/a", "paths": "/b"},
    ],
    ids=str,
)
def test_a_wrong_route_is_refused(fields: dict[str, Any]) -> None:
    assert isinstance(load(**fields), list)


def test_what_is_written_out_is_read_back_the_same() -> None:
    fields = {"hosts": ["a.b", "*.c", {"regex": "x"}], "path": "/a/*", "headers": {"a": {"present": True}}}
    route = load(**fields, timeout="5s", client_ip=["10.0.0.0/8"])
    again = load_data([route.model_dump(mode="json", exclude_defaults=True)]).resources[0].resource
    assert again == route
