"""`penstock history`, `show`, `diff` and `blame`: the same from the store and over the admin API; `diff` of files."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.admin.api import Api, api_of
from tests.servers.etcd import Etcd
from tests.servers.gateway_process import GatewayProcess
from tests.servers.nodes import Node, route

CONFIGURATION = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
kind: Certificate
name: shop
certificate: ${file:%s/shop.pem}
key: ${file:%s/shop.key}
"""
CERTIFICATES = Path(__file__).parent.parent / "certificates"
ROUTE = {"path": "/a", "steps": [{"kind": "Respond", "status": 200, "body": "first"}]}


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    text = CONFIGURATION % (CERTIFICATES, CERTIFICATES)
    with GatewayProcess(text, "--admin", "127.0.0.1:0", workers=1) as started:
        yield started


@pytest.fixture(scope="module")
def api(gateway: GatewayProcess) -> Api:
    api = api_of(gateway)
    for name, body in (("a", "first"), ("a", "second"), ("b", "first"), ("team-a.c", "first")):
        sent = {**ROUTE, "path": f"/{name}", "steps": [{"kind": "Respond", "status": 200, "body": body}]}
        assert api.ask("PUT", f"/api/v1/resources/route/{name}?message=as%20{body}", sent).status in {200, 201}
    assert api.ask("DELETE", "/api/v1/resources/route/b").status == 200
    return api


def elsewhere(api: Api, *words: str) -> "CompletedProcess[str]":
    command = [sys.executable, "-m", "penstock", *words, "--server", f"http://127.0.0.1:{api.port}"]
    around = {**os.environ, "PENSTOCK_TOKEN": api.token}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=around)


ASKED = [
    ("history",),
    ("history", "-n", "2"),
    ("history", "route/a"),
    ("show", "r1"),
    ("show", "r3"),
    ("show", "r6"),
    ("diff", "r2"),
    ("diff", "r2", "r3"),
    ("diff", "r3", "r3"),
    ("blame", "route/a"),
    ("blame", "certificate/shop"),
]


@pytest.mark.parametrize("words", ASKED, ids=" ".join)
def test_the_store_and_the_api_tell_the_same(gateway: GatewayProcess, api: Api, words: tuple[str, ...]) -> None:
    for form in ("json", "table"):
        near = gateway.command(*words, "-o", form, "--state-dir", str(gateway.state.path))
        far = elsewhere(api, *words, "-o", form)
        assert (far.returncode, far.stdout, far.stderr) == (near.returncode, near.stdout, near.stderr)
        assert near.returncode == (2 if words[0] == "diff" and words[1:] != ("r3", "r3") else 0)
        # I15: nobody is shown a private key.
        assert "PRIVATE KEY" not in far.stdout


MISSING = [
    (("blame", "route/nobody"), 1, "there is no route/nobody"),
    (("blame", "route"), 2, "write a resource as KIND/NAME"),
    (("history", "rout/a"), 2, "did you mean `route`?"),
    (("show", "r99"), 1, "99"),
    (("diff", "r99"), 1, "99"),
]


@pytest.mark.parametrize(("words", "code", "expected"), MISSING, ids=str)
def test_what_is_not_there_is_said(
    gateway: GatewayProcess, api: Api, words: tuple[str, ...], code: int, expected: str
) -> None:
    near = gateway.command(*words, "--state-dir", str(gateway.state.path))
    for refused in (near, elsewhere(api, *words)):
        assert (refused.returncode, refused.stdout, expected in refused.stderr) == (code, "", True), refused.stderr


def test_nobody_is_told_of_what_they_may_not_read(api: Api) -> None:
    assert api.ask("PUT", "/api/v1/namespaces/team-a", {"hosts": ["*"]}).status == 201
    made = api.ask("POST", "/api/v1/tokens", {"name": "of-a", "role": "viewer", "namespace": "team-a"})
    team = Api(api.port, made.data["token"])
    assert team.ask("GET", "/api/v1/resources/route/a/blame").status == 403
    assert team.ask("GET", "/api/v1/resources/route/nobody/blame").status == 403
    assert team.ask("GET", "/api/v1/history?resource=route/a").status == 403
    assert [one["field"] for one in team.ask("GET", "/api/v1/resources/route/team-a.c/blame").data["items"]][:2] == [
        "kind", "name"
    ]  # fmt: skip
    differs = team.ask("GET", "/api/v1/history/1/difference").data["changes"]
    assert [(one["key"], one["action"]) for one in differs] == [("route/team-a.c", "create")]
    assert team.ask("GET", "/api/v1/certificates").status == 403


def test_two_configurations_are_compared_without_a_gateway(gateway: GatewayProcess, tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text("{kind: Upstream, name: a, endpoints: ['http://127.0.0.1:1']}\n---\n{kind: Upstream, name: gone}\n")
    old.write_text(old.read_text().replace("name: gone", "name: gone, endpoints: ['http://127.0.0.1:1']"))
    new.write_text("{kind: Upstream, name: a, endpoints: ['http://127.0.0.1:2']}\n")
    differs = gateway.command("diff", "-f", str(new), "-f", str(old))
    assert differs.returncode == 2
    assert '-      "url": "http://127.0.0.1:1"\n+      "url": "http://127.0.0.1:2"\n' in differs.stdout
    told = json.loads(gateway.command("diff", "-f", str(new), "-f", str(old), "-o", "json").stdout)["changes"]
    assert [(one["key"], one["action"]) for one in told] == [("upstream/a", "replace"), ("upstream/gone", "delete")]
    same = gateway.command("diff", "-f", str(new), "-f", str(new))
    assert (same.returncode, same.stdout) == (0, "")


def test_a_store_in_etcd_is_read_without_any_gateway() -> None:
    with Etcd("3.4") as etcd:
        where = ("--etcd", *etcd.endpoints)
        with Node("a", etcd, CONFIGURATION % (CERTIFICATES, CERTIFICATES)) as node:
            assert node.api.ask("POST", "/api/v1/resources/route", route("made", "1")).status == 201
        found = json.loads(node.command("blame", "route/made", *where, "-o", "json").stdout)
        assert {(one["revision"], one["author"]) for one in found} == {(2, "admin")}
        listed = json.loads(node.command("history", *where, "-o", "json").stdout)
        assert listed[0]["resources"] == [{"key": "route/made", "change": "created"}]
        shown = node.command("show", "r2", *where)
        assert (shown.returncode, "+++ route/made" in shown.stdout) == (0, True)
        assert node.command("diff", "r1", "r2", *where).returncode == 2
