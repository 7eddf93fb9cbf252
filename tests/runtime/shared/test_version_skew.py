"""Two versions beside each other on one store (R12): what only the later one knows stays as it was written."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.store.etcd import Access, open_etcd_store
from tests.servers.etcd import Etcd
from tests.servers.gateway_process import wait_until
from tests.servers.nodes import LISTENER, Node, route
from tests.servers.other_version import OTHER, later_version

REMARKED = {**route("remarked", "later"), "remark": "only a later version knows this"}
MEMO = {"kind": "Memo", "name": "think", "text": "of this"}
KEPT = ("route/remarked", "memo/think")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a later version."""
    return later_version(tmp_path_factory.mktemp("later"))


@pytest.fixture
def etcd() -> Iterator[Etcd]:
    with Etcd("3.4") as found:
        yield found


def stored(etcd: Etcd) -> dict[str, Any]:
    """What the store holds, as data."""

    async def story() -> dict[str, Any]:
        store = await open_etcd_store(Access(etcd.endpoints))
        try:
            return {key: json.loads(one.value) for key, one in (await store.range()).entries.items() if key in KEPT}
        finally:
            await store.close()

    return asyncio.run(story())


def later_node(name: str, etcd: Etcd, python: Path) -> Node:
    node = Node(name, etcd)
    node.python = str(python)
    return node


def test_r12_an_older_node_keeps_what_a_later_one_wrote_and_serves_all_else(etcd: Etcd, python: Path) -> None:
    with later_node("later", etcd, python) as later, Node("older", etcd) as older:
        written = later.api.ask("POST", "/api/v1/apply", [LISTENER, route("plain", "1"), REMARKED, MEMO])
        assert written.status == 200, written.text
        wait_until(lambda: later.fetch("/remarked") == (200, "later"))
        wait_until(lambda: older.fetch("/plain") == (200, "1"))
        assert older.fetch("/remarked")[0] == 404
        told = older.status()["left_out"]
        assert all(any(key in one for one in told) for key in KEPT), told
        assert later.status()["left_out"] == []
        told = {one["name"]: one["version"] for one in older.api.ask("GET", "/api/v1/members").data["items"]}
        assert told.keys() == {"later", "older"}
        # The older one writes beside it, in every way that there is.
        api = older.api
        assert api.ask("PUT", "/api/v1/resources/route/plain", route("plain", "2")).status == 200
        assert api.ask("POST", "/api/v1/apply", [route("more", "3")]).status == 200
        assert api.ask("DELETE", "/api/v1/resources/route/more").status in {200, 204}
        patched = api.ask(
            "PATCH", "/api/v1/resources/route/remarked", {"priority": 5}, content_type="application/merge-patch+json"
        )
        assert patched.status == 422, patched.text
        assert "remark" in patched.text
        assert stored(etcd) == {"route/remarked": REMARKED, "memo/think": MEMO}
        wait_until(lambda: (later.fetch("/plain"), later.fetch("/remarked")) == ((200, "2"), (200, "later")))
        assert api.ask("POST", "/api/v1/history/1/rollback").status == 200
        assert stored(etcd) == {"route/remarked": REMARKED, "memo/think": MEMO}
        wait_until(lambda: (later.fetch("/plain"), later.fetch("/remarked")) == ((200, "1"), (200, "later")))
        # What it cannot read it does not bring back either.
        assert later.api.ask("DELETE", "/api/v1/resources/memo/think").status in {200, 204}
        older.wait_for(later.status()["store_revision"])
        assert api.ask("POST", "/api/v1/history/1/rollback").status == 422
        assert stored(etcd) == {"route/remarked": REMARKED}


def test_r12_a_version_back_serves_what_it_knows_and_a_version_on_has_everything_again(
    etcd: Etcd, python: Path
) -> None:
    with later_node("one", etcd, python) as node:
        assert node.api.ask("POST", "/api/v1/apply", [LISTENER, route("plain", "1"), REMARKED, MEMO]).status == 200
        wait_until(lambda: node.fetch("/remarked") == (200, "later"))
        state = str(node.state.path)
        assert node.command("upgrade", "--state-dir", state).returncode == 0
        wait_until(lambda: node.fetch("/plain") == (200, "1"))
        wait_until(lambda: any("memo/think" in one for one in node.status()["left_out"]))
        assert stored(etcd) == {"route/remarked": REMARKED, "memo/think": MEMO}
        command = [str(python), "-P", "-m", "penstock", "upgrade", "--state-dir", state]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert f"version {OTHER} serves" in ended.stdout, ended.stderr
        wait_until(lambda: node.fetch("/remarked") == (200, "later"))
        wait_until(lambda: node.status()["left_out"] == [])
