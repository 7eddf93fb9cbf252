"""`penstock get`, `apply` and `delete` before a running gateway."""

import json
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.servers.gateway_process import GatewayProcess
from tests.servers.requests import get

FILES = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
{kind: Route, name: owned, path: /owned, labels: {team: shop}, steps: [{kind: Respond, status: 200, body: owned}]}
"""
MADE = """
# Comments stay in the file.
kind: Route
name: made
path: /made
steps: [{kind: Respond, status: 200, body: "%s"}]
---
{kind: Upstream, name: orders, endpoints: ["http://127.0.0.1:1"]}
---
{kind: Route, name: orders, path: /orders, to: orders}
"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(FILES, workers=1) as started:
        yield started


def told(gateway: GatewayProcess, *words: str) -> "CompletedProcess[str]":
    return gateway.command(*words, "--state-dir", str(gateway.state.path))


def test_resources_are_applied_listed_and_deleted(gateway: GatewayProcess, tmp_path: Path) -> None:
    file = tmp_path / "made.yaml"
    file.write_text(MADE % "first")
    tried = told(gateway, "apply", "-f", str(file), "--dry-run")
    assert (tried.returncode, "+++ route/made" in tried.stdout) == (2, True)
    applied = told(gateway, "apply", "-f", str(file), "-m", "orders move in")
    assert (applied.returncode, applied.stdout) == (
        0,
        "route/made created\nroute/orders created\nupstream/orders created\nrevision 2 is applied\n",
    )
    assert get(gateway.port(), "/made") == (200, b"first")
    assert told(gateway, "apply", "-f", str(file)).stdout == "nothing differs\n"
    assert told(gateway, "apply", "-f", str(file), "--dry-run").returncode == 0
    listed = told(gateway, "get", "routes").stdout.splitlines()
    assert [line.split()[:3] for line in listed[1:]] == [
        ["route/made", "api", "r2"],
        ["route/orders", "api", "r2"],
        ["route/owned", "files", "r1"],
    ]
    assert [one["name"] for one in json.loads(told(gateway, "get", "-l", "team=shop", "-o", "json").stdout)] == [
        "owned"
    ]
    assert "path: /made\n" in told(gateway, "get", "route/made", "-o", "yaml").stdout
    refused = told(gateway, "delete", "upstream/orders")
    assert (refused.returncode, "`cascade=true` deletes them too" in refused.stderr) == (1, True)
    gone = told(gateway, "delete", "upstream/orders", "--cascade")
    assert gone.stdout == "route/orders deleted\nupstream/orders deleted\nrevision 3 is applied\n"
    assert get(gateway.port(), "/orders")[0] == 404


WRONG = [
    (("get", "rout"), 2, "no kind is called 'rout'; did you mean `route`?"),
    (("get", "route/nobody"), 1, "there is no route/nobody"),
    (("delete", "owned"), 2, "'owned': write a resource as KIND/NAME, such as route/api"),
    (("delete", "route/owned"), 1, "route/owned is owned by files: change it there"),
    (("delete", "route/../x"), 2, "write a resource as KIND/NAME"),
    (("apply", "-f", "/nonexistent.yaml"), 1, "no such file or directory"),
]


@pytest.mark.parametrize(("words", "code", "expected"), WRONG, ids=[" ".join(words) for words, _, _ in WRONG])
def test_what_is_wrong_is_said_with_what_to_write_instead(
    gateway: GatewayProcess, words: tuple[str, ...], code: int, expected: str
) -> None:
    refused = told(gateway, *words)
    assert (refused.returncode, refused.stdout) == (code, "")
    assert expected in refused.stderr


def test_problems_of_what_is_applied_name_their_place(gateway: GatewayProcess, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("kind: Route\nname: a\npaht: /\n")
    refused = told(gateway, "apply", "-f", str(file))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"{file}:3:1: ")
    assert "unknown key `paht`" in refused.stderr
    file.write_text("kind: Route\nname: a\npath: /a\nto: nobody\n")
    refused = told(gateway, "apply", "-f", str(file))
    assert (refused.returncode, "no upstream is called `nobody`" in refused.stderr) == (1, True)


def test_a_gateway_that_does_not_run_is_one_line(tmp_path: Path) -> None:
    gateway = GatewayProcess(FILES)
    try:
        for words in (("get",), ("delete", "route/a")):
            refused = gateway.command(*words, "--state-dir", str(tmp_path))
            assert (refused.returncode, refused.stdout) == (1, "")
            assert refused.stderr.startswith(f"penstock: no gateway answers at {tmp_path}/admin.sock")
    finally:
        gateway.__exit__()
