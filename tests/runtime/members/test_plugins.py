"""A plugin that is pushed to one node filters on all: kept in etcd, and on each node for when that is away (I16)."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from penstock.filters.plugin_archive import Packed, pack
from tests.admin.test_plugins import ROUTE, plugin, push, saying
from tests.servers.etcd import Etcd
from tests.servers.gateway_process import wait_until
from tests.servers.nodes import LISTENER, Node

SAID = {version: (200, f"{version}!") for version in ("one", "two", "large")}


@pytest.fixture
def etcd() -> Iterator[Etcd]:
    with Etcd("3.4") as found:
        yield found


@pytest.fixture
def nodes(etcd: Etcd) -> Iterator[list[Node]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Node(name, etcd)) for name in "abc"]


def serve(node: Node, packed: Packed, query: str = "") -> int:
    """Bring an archive to a node and let the plugin name it; the revision."""
    assert push(node.api, packed.content).status in {200, 201}
    applied = node.api.ask("POST", f"/api/v1/apply{query}", [LISTENER, plugin(packed.digest), ROUTE])
    assert applied.status == 200, applied.data
    assert applied.data["nodes"] == {"applied": ["a", "b", "c"], "refused": {}, "waiting": []}
    return int(applied.data["revision"])


def test_what_is_pushed_to_one_node_filters_on_all_also_without_etcd_and_back_again(
    nodes: list[Node], etcd: Etcd, tmp_path: Path
) -> None:
    a, b, c = nodes
    wait_until(lambda: len(a.ask("GET", "/api/v1/members")[1]["items"]) == len(nodes))
    one, two = (pack(saying(tmp_path, version)) for version in ("one", "two"))
    first = serve(a, one)
    assert [node.fetch("/say") for node in nodes] == [SAID["one"]] * 3
    # Larger than one request to etcd, by another node, and one node after the other.
    large = saying(tmp_path, "large")
    (large / "tables.py").write_text(f"TABLE = {'x' * 3_000_000!r}\n")
    serve(b, pack(large), "?rolling=true")
    assert [node.fetch("/say") for node in nodes] == [SAID["large"]] * 3
    serve(c, two)
    # Back to the first, which b has lost meanwhile, and the store's history alone knows.
    assert b.api.ask("DELETE", f"/api/v1/plugins/{one.digest}").status == 200
    shutil.rmtree(b.state.path / "archives")
    back = c.command("rollback", f"r{first}", "--state-dir", str(c.state.path))
    assert back.returncode == 0, back.stderr
    for node in nodes:
        wait_until(lambda node=node: node.fetch("/say") == SAID["one"], 20)
    # A start without etcd serves what this node has.
    for member in etcd.members:
        etcd.kill(member)
    for node in (a, b):
        assert node.process is not None
        node.process.kill()
        node.wait(10)
        node.start()
        assert node.fetch("/say") == SAID["one"]
    for member in etcd.members:
        etcd.start(member)
        etcd.wait(member)
    wait_until(lambda: not a.status()["store"]["absence"], 60)
    serve(a, two)
    assert [node.fetch("/say") for node in nodes] == [SAID["two"]] * 3


def test_a_node_that_cannot_have_an_archive_refuses_the_change_and_stops_it_and_goes_on_later(
    nodes: list[Node], tmp_path: Path
) -> None:
    a, b, _ = nodes
    wait_until(lambda: len(a.ask("GET", "/api/v1/members")[1]["items"]) == len(nodes))
    one, two = (pack(saying(tmp_path, version)) for version in ("one", "two"))
    serve(a, one)
    # Where the archives of b should be is a file.
    archives = b.state.path / "archives"
    shutil.rmtree(archives)
    archives.write_text("in the way")
    assert push(a.api, two.content).status == 201
    rolled = a.api.ask("PUT", "/api/v1/resources/plugin/house?rolling=true", plugin(two.digest))
    assert rolled.status == 409
    assert "node b refuses it" in rolled.data["detail"]
    assert "cannot be kept on this node" in rolled.data["detail"]
    assert "taken back" in rolled.data["detail"]
    wait_until(lambda: [node.fetch("/say") for node in nodes] == [SAID["one"]] * 3, 30)
    # Not in turn, the others go on; b serves what it had, and follows by itself as soon as it can.
    told = a.api.ask("PUT", "/api/v1/resources/plugin/house", plugin(two.digest)).data["nodes"]
    assert (told["applied"], set(told["refused"])) == (["a", "c"], {"b"})
    assert [node.fetch("/say") for node in nodes] == [SAID["two"], SAID["one"], SAID["two"]]
    archives.unlink()
    wait_until(lambda: b.fetch("/say") == SAID["two"], 60)
