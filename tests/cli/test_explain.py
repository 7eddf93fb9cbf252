"""`penstock explain`: what becomes of a request, and why."""

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
endpoints: [http://127.0.0.1:9001]
---
kind: Route
name: beta
path: /orders/{id}
headers: {x-beta: "1"}
methods: [GET]
steps:
  - {kind: SetHeaders, name: mark, when: request.host == "other", request: {set: {x-a: b}}}
  - {kind: Forward, to: orders}
---
kind: Route
name: plain
path: /orders/*
methods: [POST]
to: orders
---
kind: Route
name: inside
path: /inside
client_ip: [10.0.0.0/8]
to: orders
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(CONFIGURATION)
    return path


def explain(file: Path, *arguments: str) -> int:
    return main(["explain", "-c", str(file), *arguments])


def test_the_chosen_route_its_steps_and_its_endpoint_are_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(file, "GET", "http://shop/orders/7", "-H", "X-Beta: 1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[4] == "ROUTE   VERDICT   WHY"
    assert "beta    chosen" in lines
    assert "plain   rejected  method: expected POST, found GET" in lines
    assert "parameter id = 7" in lines
    assert "step      mark (its condition does not hold)" in lines
    assert "step      Forward" in lines
    assert "upstream  orders" in lines
    assert "endpoint  127.0.0.1:9001" in lines


def test_the_first_condition_that_failed_is_told_of_each_route(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(file, "GET", "http://shop/orders/7", "-o", "json") == 1
    told = json.loads(capsys.readouterr().out)
    verdicts = {route["name"]: route["failed"]["condition"] for route in told["routes"]}
    assert verdicts == {"beta": "header", "plain": "method", "inside": "path"}
    assert told["chosen"] is None
    assert (told["status"], told["allow"]) == (405, "POST")


def test_a_path_alone_is_of_the_host_that_the_headers_name(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for host, words in (("localhost", ()), ("other", ("-H", "host: other"))):
        assert main(["explain", "-c", str(file), "GET", "/orders/7", "-H", "x-beta: 1", *words, "-o", "json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["host"], found["chosen"]["route"]) == (host, "beta")
        assert found["chosen"]["steps"][0]["runs"] is (host == "other")


def test_options_of_the_whole_server_is_answered_without_a_route(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(file, "OPTIONS", "http://shop") == 0
    told = capsys.readouterr().out.splitlines()
    assert "path      *" in told
    assert "status    200 from the gateway itself" in told
    assert explain(file, "OPTIONS", "http://shop/") == 1


@pytest.mark.parametrize(("client", "code"), [("10.1.2.3", 0), ("192.0.2.1", 1)])
def test_the_client_may_be_imagined(file: Path, client: str, code: int) -> None:
    assert explain(file, "GET", "http://shop/inside", "--from", client) == code


@pytest.mark.parametrize(
    "arguments",
    [("GET", "nonsense"), ("GET", "http://shop/", "--from", "x"), ("GET", "http://shop/", "--listener", "x")],
)
def test_what_is_no_request_is_one_line(
    file: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(file, *arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith("penstock: ")
    assert said.count("\n") == 1


def test_a_broken_configuration_explains_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("kind: Route\nname: a\nto: nobody\n")
    assert explain(file, "GET", "http://shop/") == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "nobody" in captured.err


def test_a_route_that_matches_too_is_told_apart(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(f"{CONFIGURATION}---\nkind: Route\nname: rest\npath: /*\nto: orders\n")
    assert explain(file, "POST", "http://shop/orders/7") == 0
    assert "rest    hidden    matches too, and goes behind the chosen one" in capsys.readouterr().out.splitlines()


def test_of_very_many_routes_those_for_other_paths_are_only_counted(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = "".join(f"---\nkind: Route\nname: r{index}\npath: /r{index}\nto: orders\n" for index in range(100))
    file.write_text(CONFIGURATION + more)
    assert explain(file, "GET", "http://shop/orders/7") == 1
    told = capsys.readouterr().out
    assert "101 routes for other hosts and paths; `-o json` lists all\n" in told
    assert ("beta   rejected  header x-beta: expected 1" in told, "r7 " in told) == (True, False)


@pytest.mark.parametrize(
    ("url", "noted"),
    [("http://shop:8080/", ""), ("http://shop/", ""), ("http://shop:81/", "penstock: no listener is on port 81")],
)
def test_a_port_that_nobody_listens_on_is_noted(
    file: Path, capsys: pytest.CaptureFixture[str], url: str, noted: str
) -> None:
    explain(file, "GET", url)
    said = capsys.readouterr().err
    assert (said.startswith(noted), bool(said)) == (True, bool(noted))


CARRIED = """
{kind: Listener, name: web, address: "127.0.0.1:8080"}
---
{kind: Listener, name: db, address: "127.0.0.1:5432", protocols: [tcp]}
---
{kind: Listener, name: dns, address: "127.0.0.1:5432", protocols: [udp]}
---
{kind: TcpRoute, name: stores, to: "tcp://10.0.0.1:5432"}
---
{kind: UdpRoute, name: names, to: "udp://10.0.0.2:53"}
"""


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("tcp://localhost:5432", ("db", "stores", "10.0.0.1:5432")),
        ("udp://localhost:5432", ("dns", "names", "10.0.0.2:53")),
    ],
)
def test_what_is_carried_as_it_is_has_a_route_and_an_endpoint(
    url: str, expected: tuple[str, str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(CARRIED)
    assert main(["explain", "-c", str(file), "CONNECT", url, "-o", "json"]) == 0
    explained = json.loads(capsys.readouterr().out)
    chosen = explained["chosen"]
    assert (explained["listener"], chosen["route"], chosen["endpoint"]) == expected
    assert main(["explain", "-c", str(file), "CONNECT", url]) == 0
    assert f"route     {expected[1]} carries its bytes as they are" in capsys.readouterr().out


def test_a_request_is_not_explained_by_a_listener_that_has_none(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(CARRIED)
    assert main(["explain", "-c", str(file), "GET", "http://localhost:8080/"]) == 1


PROXIED = """
kind: Listener
name: proxy
address: 127.0.0.1:3128
---
kind: Route
name: out
path: /*
steps:
  - {kind: ForwardProxy, allow: ["*.example.com", "10.0.0.0/8:5432"]}
"""


@pytest.mark.parametrize(
    ("method", "url", "expected"),
    [
        ("CONNECT", "https://a.example.com", "looks a.example.com up, and connects to the first of its addresses"),
        ("GET", "http://a.example.com/x", "looks a.example.com up, and connects to the first of its addresses"),
        ("CONNECT", "http://10.1.2.3:5432", "connects to 10.1.2.3:5432"),
        ("CONNECT", "http://127.0.0.1:443", "refuses 127.0.0.1:443"),
        ("CONNECT", "https://0x7f.1", "refuses 0x7f.1:443"),
        ("GET", "http://example.org/", "refuses example.org:80"),
    ],
)
def test_what_a_proxy_does_with_a_destination_is_told(
    method: str, url: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(PROXIED)
    assert main(["explain", "-c", str(file), "--listener", "proxy", method, url]) == 0
    assert f"step      ForwardProxy: {expected}" in capsys.readouterr().out


def test_connect_is_refused_where_there_is_no_step_for_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(file, "CONNECT", "http://shop:443") != 0
    assert "would refuse it with 501" in capsys.readouterr().err
