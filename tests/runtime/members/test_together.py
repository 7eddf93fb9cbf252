"""Nodes that share a store know each other: what each runs, who leads, who is drained, whose turn it is."""

import asyncio
import http.client
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from penstock.store import Retention
from penstock.store.etcd import Access, open_etcd_store
from tests.servers.etcd import Etcd
from tests.servers.gateway_process import wait_until
from tests.servers.nodes import LISTENER, Node, route


@pytest.fixture
def etcd() -> Iterator[Etcd]:
    with Etcd("3.4") as found:
        yield found


@pytest.fixture
def nodes(etcd: Etcd) -> Iterator[list[Node]]:
    with ExitStack() as stack:
        started = [stack.enter_context(Node(name, etcd)) for name in "abc"]
        first = started[0].api.ask("POST", "/api/v1/apply", [LISTENER, route("one", "1")])
        assert first.status == 200
        wait_until(lambda: len(members(started[0])) == len(started))
        for node in started:
            node.wait_for(1)
        yield started


def members(node: Node) -> dict[str, Any]:
    """What a node tells of all of them, by name."""
    return {one["name"]: one for one in node.ask("GET", "/api/v1/members")[1]["items"]}


def leader(node: Node) -> str | None:
    return next((name for name, one in members(node).items() if "history" in one["duties"]), None)


def test_every_node_tells_what_it_runs_and_a_write_waits_for_all(nodes: list[Node]) -> None:
    a, b, c = nodes
    answer = b.api.ask("PUT", "/api/v1/resources/route/one", route("one", "2"))
    assert answer.data["nodes"] == {"applied": ["a", "b", "c"], "refused": {}, "waiting": []}
    # All of them, at once when it is answered.
    assert [node.fetch("/one") for node in nodes] == [(200, "2")] * 3
    told = members(a)
    assert [(one["desired"], one["applied"], one["lag"], one["workers"]) for one in told.values()] == [(2, 2, 0, 1)] * 3
    assert [name for name, one in told.items() if one["is_self"]] == ["a"]
    assert told["b"]["addresses"] == [f"127.0.0.1:{b.port()}"]
    shown = c.command("members", "--state-dir", str(c.state.path))
    assert [line.split()[:3] for line in shown.stdout.splitlines()[1:]] == [
        ["a", "2", "0"],
        ["b", "2", "0"],
        ["c*", "2", "0"],
    ]
    metrics = a.ask("GET", "/metrics")[1]
    for line in ("penstock_members 3", "penstock_store_lag 0", "penstock_store_applied_revision 2"):
        assert f"\n{line}\n" in metrics
    # Who stands still is told, and then no member any more.
    c.signal(signal.SIGSTOP)
    slow = a.api.ask("PUT", "/api/v1/resources/route/one?deadline=1s", route("one", "3"))
    assert (slow.status, slow.data["nodes"]["waiting"]) == (200, ["c"])
    wait_until(lambda: set(members(a)) == {"a", "b"}, 60)
    c.signal(signal.SIGCONT)
    wait_until(lambda: set(members(a)) == {"a", "b", "c"}, 60)
    wait_until(lambda: c.fetch("/one") == (200, "3"))
    # One that ends in order is gone at once.
    c.signal(signal.SIGTERM)
    assert c.wait(30) == 0
    assert set(members(a)) == {"a", "b"}


def test_a_node_that_starts_again_is_the_same_member_and_a_namesake_is_none(nodes: list[Node], etcd: Etcd) -> None:
    a, b, _ = nodes
    before = members(a)["b"]
    b.process.kill()  # type: ignore[union-attr]
    b.wait(10)
    b.start()
    wait_until(lambda: members(a)["b"]["boot"] != before["boot"])
    assert members(a)["b"]["id"] == before["id"]
    with Node("a", etcd) as other:
        assert "another node is called a" in other.said
        assert members(b)["a"]["id"] == members(a)["a"]["id"]
        assert other.fetch("/one") == (200, "1")


def test_another_version_takes_over_and_is_the_same_member(nodes: list[Node]) -> None:
    a, b, _ = nodes
    before = members(a)["b"]
    taken = b.command("upgrade", "--state-dir", str(b.state.path))
    assert taken.returncode == 0, taken.stderr
    wait_until(lambda: members(a)["b"]["boot"] != before["boot"], 30)
    assert members(a)["b"]["id"] == before["id"]
    assert a.api.ask("PUT", "/api/v1/resources/route/one", route("one", "2")).data["nodes"]["waiting"] == []
    assert b.fetch("/one") == (200, "2")


def test_a_drained_node_serves_nobody_and_stays_a_member(nodes: list[Node]) -> None:
    a, b, _ = nodes
    port = b.port()
    kept = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    kept.request("GET", "/one")
    assert kept.getresponse().read() == b"1"
    drained = a.command("drain", "b", "--state-dir", str(a.state.path))
    assert drained.stdout == "b takes no connections any more; what it is asked already, it finishes\n", drained.stderr
    assert b.ask("GET", "/-/ready") == (503, "drained\n")
    assert b.fetch("/one", port)[0] == 0
    assert members(a)["b"]["is_drained"]
    assert a.fetch("/one") == (200, "1")
    # It hears of changes all the same, and is drained after a start too.
    assert a.api.ask("PUT", "/api/v1/resources/route/one", route("one", "2")).data["nodes"]["waiting"] == []
    b.process.kill()  # type: ignore[union-attr]
    b.wait(10)
    b.start()
    assert b.ask("GET", "/-/ready") == (503, "drained\n")
    history = a.api.ask("GET", "/api/v1/history").data["items"]
    assert [one["message"] for one in history][:2] == ["", "node b drained"]
    # Going back to a revision from before says nothing of nodes.
    assert a.api.ask("POST", "/api/v1/history/1/rollback").status == 200
    assert members(a)["b"]["is_drained"]
    undrained = b.command("undrain", "--state-dir", str(b.state.path))
    assert undrained.stdout == "b serves again\n"
    assert b.ask("GET", "/-/ready")[0] == 200
    assert b.fetch("/one") == (200, "1")
    nobody = a.command("drain", "nobody", "--state-dir", str(a.state.path))
    assert nobody.stderr.startswith("penstock: no node is called nobody")
    kept.close()


def test_a_change_that_rolls_stops_at_the_first_node_that_refuses_it(nodes: list[Node]) -> None:
    a, b, c = nodes
    answer = b.api.ask("PUT", "/api/v1/resources/route/one?rolling=true", route("one", "2"))
    assert answer.data["nodes"] == {"applied": ["a", "b", "c"], "refused": {}, "waiting": []}
    assert [node.fetch("/one") for node in nodes] == [(200, "2")] * 3
    # A port that only the first of them can have.
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    narrow = {"kind": "Listener", "name": "narrow", "address": f"127.0.0.1:{port}"}
    before = {node.name: node.status()["revision"] for node in nodes}
    refused = c.api.ask("PUT", "/api/v1/resources/listener/narrow?rolling=true", narrow)
    assert refused.status == 409
    assert "node a refuses it" in refused.data["detail"]
    assert "taken back" in refused.data["detail"]
    for node in nodes:
        node.wait_for(4)
        assert [one["name"] for one in node.status()["listeners"]] == ["web"]
        assert node.fetch("/one") == (200, "2")
    # The second in the order has never had it.
    assert [node.status()["revision"] - before[node.name] for node in nodes] == [0, 0, 2]
    results = {one["revision"]: one["results"] for one in a.api.ask("GET", "/api/v1/history").data["items"]}
    assert {one["node"] for one in results[3] if one["problems"]} == {"a"}
    # And the next change is applied by all at once.
    assert a.api.ask("PUT", "/api/v1/resources/route/one", route("one", "3")).data["nodes"]["waiting"] == []


def test_r51_who_leads_is_another_once_it_stood_still_and_changes_nothing(nodes: list[Node], etcd: Etcd) -> None:
    by_name = {node.name: node for node in nodes}
    wait_until(lambda: leader(nodes[0]) is not None, 30)
    first = by_name[str(leader(nodes[0]))]
    others = [node for node in nodes if node is not first]

    async def stale() -> None:
        store = await open_etcd_store(Access(etcd.endpoints), Retention(1))
        held = (await store.held("leaders/history"))["leaders/history"]
        first.signal(signal.SIGSTOP)
        async with asyncio.timeout(60):
            async for now in store.watch_held("leaders/history"):
                if now.get("leaders/history", held).fence != held.fence:
                    break
        before = await store.history(10)
        with pytest.raises(Exception, match="no longer held"):
            await store.collect(held)
        assert await store.history(10) == before
        later = (await store.held("leaders/history"))["leaders/history"]
        assert later.fence > held.fence
        assert later.value in {node.name for node in others}
        await store.close()

    for number in range(4):
        assert first.api.ask("PUT", "/api/v1/resources/route/one", route("one", str(number))).status == 200
    asyncio.run(stale())
    first.signal(signal.SIGCONT)
    wait_until(lambda: set(members(others[0])) == set(by_name), 60)
    assert leader(others[0]) != first.name
    wait_until(lambda: "no longer has the duty history" in first.said, 60)
