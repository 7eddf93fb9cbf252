"""`penstock whatif`: what another configuration would do with the requests of an access log."""

import gzip
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from penstock.cli.configuration import read_configuration
from penstock.cli.main import main
from penstock.runtime.whatif import comparison as module
from penstock.runtime.whatif.logged import read_lines
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.requests import get

OLD = """
{kind: Listener, name: web, address: "127.0.0.1:8080"}
---
{kind: Route, name: api, path: /api/*, steps: [{kind: Respond, status: 200, body: old}]}
---
{kind: Route, name: home, path: /, steps: [{kind: Respond, status: 200, body: home}]}
"""
NEW = """
{kind: Listener, name: web, address: "127.0.0.1:8080"}
---
kind: Route
name: api
path: /api/*
steps:
  - {kind: SetHeaders, name: mark, when: request.path == "/api/a", response: {set: {x-a: b}}}
  - {kind: Respond, status: 200, body: new}
---
{kind: Route, name: orders, path: /api/orders/*, methods: [GET], steps: [{kind: Respond, status: 200, body: new}]}
---
{kind: Route, name: beta, path: /api/*, headers: {x-beta: "1"}, steps: [{kind: Respond, status: 200, body: beta}]}
---
{kind: Route, name: inside, path: /inside, client_ip: [10.0.0.0/8], steps: [{kind: Respond, status: 200, body: in}]}
"""


def line(path: str, route: str = "", status: int = 200, **more: Any) -> str:
    told = {"listener": "web", "method": "GET", "host": "shop", "path": path, "client": "192.0.2.1"}
    return json.dumps({**told, "route": route, "status": status, **more})


LINES = [
    line("/api/a", "api"),
    line("/api/a", "api", client="192.0.2.2"),
    line("/api/b", "api"),
    line("/api/orders/1", "api"),
    line("/api/orders/1", "api", method="POST"),
    line("/", "home"),
    line("/none", "", 404),
    line("/inside", "", 404, client="10.1.1.1"),
    line("/inside", "", 404),
    line("/bad", "", 400, host="no host"),
    line("", "store", 0, method=""),
    "no JSON",
    "[1]",
    "",
]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "old.yaml").write_text(OLD)
    (tmp_path / "new.yaml").write_text(NEW)
    (tmp_path / "access.log").write_text("\n".join(LINES))
    return tmp_path


def compared(files: Path, *more: str, log: str = "access.log") -> int:
    return main(["whatif", "--log", str(files / log), "-c", str(files / "new.yaml"), *more])


def test_each_request_that_would_be_served_differently_is_listed_once(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compared(files, "-c", str(files / "old.yaml"), "-o", "json") == 2
    told = json.loads(capsys.readouterr().out)
    listed = {(one["method"], one["path"], one["client"]): (one["before"], one["after"]) for one in told["differences"]}
    old = {"route": "api", "steps": ["Respond"], "status": None}
    assert listed[("GET", "/api/a", "192.0.2.1")] == (old, {**old, "steps": ["mark", "Respond"]})
    assert listed[("GET", "/api/orders/1", "192.0.2.1")] == (old, {**old, "route": "orders"})
    assert listed[("GET", "/", "192.0.2.1")] == (
        {**old, "route": "home"},
        {"route": None, "steps": [], "status": 404},
    )
    assert listed[("GET", "/inside", "10.1.1.1")][1]["route"] == "inside"
    assert ("GET", "/inside", "192.0.2.1") not in listed
    assert not {("GET", "/api/b", "192.0.2.1"), ("POST", "/api/orders/1", "192.0.2.1")} & listed.keys()
    assert (told["requests"], told["different"], told["unjudged"], told["unreadable_lines"]) == (10, 5, 1, 3)
    assert told["uncertain"] == {"requests": 4, "routes": ["beta"]}


def test_without_an_old_one_it_is_compared_with_what_the_log_says(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compared(files) == 2
    told = capsys.readouterr().out
    # The log knows no steps: that the new ones do more does not show.
    assert "/api/a" not in told
    rows = [" ".join(row.split()) for row in told.splitlines()]
    assert "1 GET shop/ home 404 of the gateway" in rows
    assert "1 GET shop/api/orders/1 api orders (Respond)" in [row.removesuffix(" perhaps") for row in rows]
    assert "3 of 10 requests would be served differently" in rows
    assert "3 lines left out: no request of a JSON access log" in rows
    assert "the log does not hold these" in told


def test_the_same_configuration_changes_nothing(files: Path) -> None:
    assert compared(files, "-c", str(files / "new.yaml")) == 0


def test_counts_are_of_all_lines_that_are_alike(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "access.log").write_text("\n".join([line("/", "home")] * 1000 + [line("/x", "home")]))
    assert compared(files, "-n", "1") == 2
    told = capsys.readouterr().out
    assert "1000  GET shop/" in told
    assert "and 1 request more; `-o json` lists up to 10,000" in told


def test_logs_are_read_compressed_and_from_standard_input(files: Path) -> None:
    packed = gzip.compress((files / "access.log").read_bytes())
    (files / "access.log.gz").write_bytes(packed)
    assert compared(files, log="access.log.gz") == 2
    command = [sys.executable, "-m", "penstock", "whatif", "--log", "-", "-c", str(files / "new.yaml")]
    for given in (packed, (files / "access.log").read_bytes()):
        told = subprocess.run(command, input=given, capture_output=True, check=False, timeout=60)
        assert (told.returncode, b"3 of 10 requests" in told.stdout) == (2, True), told.stderr
    (files / "cut.gz").write_bytes(packed[:-20])
    assert compared(files, log="cut.gz") == 1


@pytest.mark.parametrize(("content", "said"), [("GET / 200\n", "no line tells of a request"), ("", "no line tells")])
def test_a_log_of_another_form_is_one_line(
    files: Path, content: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "access.log").write_text(content)
    assert compared(files) == 1
    captured = capsys.readouterr()
    assert (captured.out, said in captured.err) == ("", True)
    assert compared(files, log="absent.log") == 1


def test_memory_is_bounded_however_long_the_log(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_KNOWN", 500)
    judge = module.Judge(read_configuration(files / "new.yaml").compiled.plan)
    log = files / "long.log"
    comparison = module.Comparison(judge, most=100)
    peaks = []
    for start in (0, 20_000):
        log.write_text("".join(f"{line(f'/gone/{number}', 'home')}\n" for number in range(start, start + 20_000)))
        tracemalloc.start()
        with log.open("rb") as stream:
            comparison.take(read_lines(stream))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (comparison.requests, comparison.different, len(comparison.differences)) == (40_000, 40_000, 100)
    assert max(peaks) < 4 << 20


def test_a_line_without_an_end_is_passed_over(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "access.log").write_text("x" * 3_000_000 + "\n" + line("/", "home") + "\n" + "y" * 2_000_000)
    assert compared(files, "-o", "json") == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["requests"], told["unreadable_lines"]) == (1, 2)


def test_a_line_with_an_endless_status_is_passed_over(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "access.log").write_text(line("/", "home") + "\n" + '{"method": "GET", "status": 1e999}\n')
    compared(files, "-o", "json")
    told = json.loads(capsys.readouterr().out)
    assert (told["requests"], told["unreadable_lines"]) == (1, 1)


def test_the_log_of_a_gateway_judged_by_its_own_configuration_changes_nothing(tmp_path: Path) -> None:
    """Live traffic and judgement are the same code: what was served is what is told."""
    log = tmp_path / "access.log"
    telemetry = f"---\n{{kind: Telemetry, name: default, access_log: {{path: {log}}}}}\n"
    configuration = NEW.replace(":8080", ":0") + telemetry
    with GatewayProcess(configuration, workers=1) as gateway:
        asked = ["/api/a?x=1", "/api/b", "/api/orders/7", "/none", "/inside", "/", "/a%20b", "/api//c"]
        for path in asked:
            get(gateway.port(), path)
        wait_until(lambda: log.exists() and log.read_text().count("\n") == len(asked))
        told = gateway.command("whatif", "--log", str(log), "-c", str(gateway.file), "-o", "json")
    assert (told.returncode, json.loads(told.stdout)["requests"]) == (0, len(asked)), told.stdout
