"""`penstock test`: what becomes of requests, against what is expected."""

import json
from pathlib import Path

import pytest

from penstock.cli.main import main

CONFIGURATION = """
kind: Listener
name: web
address: 127.0.0.1:8080
---
kind: Upstream
name: orders
endpoints: [http://example.invalid:9001/base, "https://other.invalid"]
---
kind: Route
name: beta
path: /orders/{id}
headers: {x-beta: "1"}
steps:
  - {kind: SetHeaders, name: mark, request: {set: {x-a: b}}, response: {set: {x-served: beta}}}
  - {kind: SetHeaders, name: never, when: request.host == "other", request: {set: {x-b: b}}}
  - {kind: Forward, to: orders}
---
kind: Route
name: inside
path: /orders/*
methods: [GET]
client_ip: [10.0.0.0/8]
to: https://example.invalid/x
---
{kind: Route, name: teapot, path: /tea, steps: [{kind: Respond, status: 418, body: short and stout}]}
"""
BETA = '{url: "http://shop/orders/7?a=b", method: POST, headers: {x-beta: "1"}, body: hello}'
ANSWERS = "{orders: {status: 201, body: seven, headers: {x-y: z}}}"
INSIDE = '{url: "http://shop/orders/7", client_ip: 10.1.2.3}'
TEA = '{url: "http://shop/tea"}'
PASSING = [
    (BETA, '{route: beta, listener: web, upstream: orders, params: {id: "7"}, steps: [mark, Forward]}'),
    (BETA, "{status: 201, body: {contains: eve}, headers: {x-served: beta, x-y: {prefix: z}, x-no: {absent: true}}}"),
    (BETA, "{forwarded: {upstream: orders, method: POST, path: {suffix: /orders/7?a=b}, body: hello}}"),
    (BETA, "{forwarded: {headers: {x-a: b, x-b: {absent: true}, host: shop, x-real-ip: 127.0.0.1}}}"),
    (INSIDE, "{route: inside, status: 200, body: '', forwarded: {path: /x/orders/7}}"),
    (INSIDE, "{forwarded: {headers: {x-forwarded-for: 10.1.2.3, x-forwarded-proto: http}}}"),
    ('{url: "http://shop/orders/7", client_ip: "2001:db8::1"}', "{status: 404}"),
    ('{url: "http://shop/orders/7", method: DELETE, client_ip: 10.1.2.3}', "{status: 405}"),
    (TEA, "{route: teapot, status: 418, body: short and stout}"),
    ("{url: /tea?a=b}", "{route: teapot, status: 418, body: short and stout}"),
    ('{url: "/orders/7", method: POST, headers: {host: shop, x-beta: "1"}}', "{forwarded: {headers: {host: shop}}}"),
]
FAILING = [
    (BETA, "{route: inside}", "expect.route: expected inside, found beta", "inside: "),
    (BETA, "{route: betta}", "expected betta, found beta", "no route is called betta; did you mean `beta`?"),
    (BETA, "{steps: [never, Forward]}", "found mark, Forward", "the condition of never does not hold"),
    (BETA, '{params: {id: "8"}}', "expect.params: expected id=8, found id=7", ""),
    (BETA, "{status: 200}", "expect.status: expected 200, found 201", "seven"),
    (BETA, "{forwarded: {headers: {x-a: c}}}", "expect.forwarded.headers.x-a: expected 'c', found 'b'", ""),
    (BETA, "{headers: {x-served: {absent: true}}}", "expect.headers.x-served: expected absent, found 'beta'", ""),
    (TEA, "{forwarded: {method: GET}}", "expected a request at an upstream, found none", "the gateway itself answers"),
    ('{url: "http://shop/no"}', "{status: 200}", "expect.status: expected 200, found 404", ""),
    ('{url: "http://shop/no"}', "{upstream: orders}", "expected orders, found nothing", ""),
    ('{url: "http://shop/no", listener: wob}', "{status: 404}", "request: expected a request, found none", "wob"),
]


def outcome(folder: Path, *tests: tuple[str, str], flags: tuple[str, ...] = ()) -> int:
    documents = [
        f"---\nkind: Test\nname: t{number}\nrequest: {request}\nanswers: {ANSWERS}\nexpect: {expect}\n"
        for number, (request, expect) in enumerate(tests)
    ]
    (folder / "gateway.yaml").write_text(CONFIGURATION + "".join(documents))
    return main(["test", "-c", str(folder / "gateway.yaml"), *flags])


def test_what_is_as_expected_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = outcome(tmp_path, *PASSING)
    told = capsys.readouterr().out
    assert (code, told) == (0, "11 tests passed, 0 failed; 8 sent through a gateway\n3 of 3 routes tested, 100 %\n"), (
        told
    )


def test_what_is_not_is_told_with_its_place_and_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(tmp_path, *((request, expect) for request, expect, _, _ in FAILING)) == 1
    told = capsys.readouterr().out
    for number, (_, _, mismatch, why) in enumerate(FAILING):
        part = told.partition(f"test/t{number} failed\n")[2].partition("\ntest/t")[0]
        assert f"{tmp_path}/gateway.yaml:" in part.splitlines()[0]
        assert mismatch in part.splitlines()[0]
        assert why in part
    assert "  | beta    chosen" in told
    assert f"0 tests passed, {len(FAILING)} failed" in told


def test_routes_without_a_test_are_told_and_may_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tests = [(TEA, "{route: teapot}"), (INSIDE, "{route: beta}")]
    assert outcome(tmp_path, tests[0], flags=("--coverage-below", "33.4")) == 1
    captured = capsys.readouterr()
    assert "1 of 3 routes tested, 33.3 %\nwithout a test: beta, inside\n" in captured.out
    assert captured.err == "penstock: 33.4 % of the routes should have a test\n"
    assert outcome(tmp_path, tests[0], flags=("--coverage-below", "33.3")) == 0
    assert outcome(tmp_path, *tests, flags=("-o", "json")) == 1
    told = json.loads(capsys.readouterr().out.partition("\n{")[2].join(["{", ""]))
    # A route that only a failed test asks for is not tested.
    assert told["coverage"] == {"percent": 33.3, "routes": 3, "untested": ["beta", "inside"]}
    assert [(one["name"], one["passed"], one["route"]) for one in told["tests"]] == [
        ("t0", True, "teapot"),
        ("t1", False, "inside"),
    ]
    assert told["tests"][1]["mismatches"][0]["expected"] == "beta"


def test_files_of_the_current_folder_are_no_part_of_the_gateway_of_the_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's folder, such as a repository that was just fetched, may hold anything."""
    (tmp_path / "ssl.py").write_text("raise SystemExit('taken over')\n")
    monkeypatch.chdir(tmp_path)
    assert outcome(tmp_path, PASSING[1]) == 0


def test_some_tests_alone_are_run_by_their_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(tmp_path, (TEA, "{status: 200}"), (TEA, "{status: 418}"), flags=("t1",)) == 0
    assert outcome(tmp_path, (TEA, "{status: 200}"), flags=("other",)) == 1
    assert "no test is called other" in capsys.readouterr().err


def test_a_test_that_is_not_enabled_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(tmp_path, (TEA, "{status: 200}\nenabled: false")) == 0
    assert capsys.readouterr().out.startswith("0 tests passed, 0 failed\n")


@pytest.mark.parametrize(
    ("expect", "message"),
    [("{}", "nothing is expected"), ("{status: 99}", "expected at least 100, found 99"), ("{rout: a}", "did you mean")],
)
def test_a_test_that_cannot_be_is_a_problem(
    tmp_path: Path, expect: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert outcome(tmp_path, (TEA, expect)) == 1
    assert message in capsys.readouterr().err


PLUGIN = """
import os
from penstock.sdk import Filter, Request, Response

class Bouncer(Filter):
    \"\"\"Lets nobody in.\"\"\"

    example = "kind: Bouncer"

    def on_request(self, request: Request) -> Response | None:
        print("never on standard output")
        if request.headers.get("x-end"):
            os._exit(7)
        return Response(403, body="out")
"""


def test_python_filters_are_run_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bouncer.py").write_text(PLUGIN)
    end = '{url: "http://shop/door", headers: {x-end: "1"}}'
    door = "{status: 403, body: out}\n---\n{kind: Plugin, name: house, python: bouncer.py}\n---\n"
    door += "{kind: Route, name: door, path: /door, steps: [{kind: Bouncer}]}"
    assert outcome(tmp_path, ('{url: "http://shop/door"}', door)) == 0, capsys.readouterr()
    assert outcome(tmp_path, (end, door)) == 1
    assert "the gateway of the tests ended with 7" in capsys.readouterr().out


def test_what_cannot_be_run_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    routes = "---\n{kind: Route, name: proxy, path: /out, steps: [{kind: ForwardProxy, allow: [example.invalid]}]}"
    assert outcome(tmp_path, ('{url: "http://shop/out"}', f"{{status: 200}}\n{routes}")) == 1
    assert "a forward proxy asks whom it likes, and is not run" in capsys.readouterr().out
