"""A rate of all nodes: each has an equal part of it, which grows when others go (E6, R50)."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.test_counting import samples
from tests.runtime.test_deaths import table_of
from tests.runtime.upgrade.test_other_table import REFUSING
from tests.runtime.upgrade.test_versions import upgraded
from tests.servers.etcd import Etcd
from tests.servers.gateway_process import wait_until
from tests.servers.nodes import LISTENER, Node
from tests.servers.other_version import changed_version
from tests.servers.requests import ask_many

BURST = 60


def limited(name: str, **settings: Any) -> dict[str, Any]:
    """A route that so many requests may come to at once; with five an hour beside it nothing comes back."""
    limit = {"kind": "RateLimit", "rate": "5/h", "burst": BURST, **settings}
    return {"kind": "Route", "name": name, "path": f"/{name}", "steps": [limit, {"kind": "Respond", "body": "fine"}]}


@pytest.fixture
def etcd() -> Iterator[Etcd]:
    with Etcd("3.4") as found:
        yield found


@pytest.fixture
def nodes(etcd: Etcd) -> Iterator[list[Node]]:
    with ExitStack() as stack:
        started = [stack.enter_context(Node(name, etcd)) for name in "abc"]
        routes = [limited(name) for name in ("first", "second", "third")]
        resources = [LISTENER, *routes, limited("each", scope="each_node")]
        assert started[0].api.ask("POST", "/api/v1/apply", resources).status == 200
        for node in started:
            node.wait_for(1)
            wait_until(lambda node=node: parts(node) == len(started), 60)
        yield started


def parts(node: Node) -> float:
    """Among how many nodes it divides rates."""
    return sum(samples(node, "penstock_rate_limit_nodes").values())


def admitted(node: Node, name: str) -> int:
    return ask_many(node.port(), f"/{name}", BURST + 10).get(200, 0)


def test_e6_three_nodes_admit_the_rate_together_and_who_stays_has_the_part_of_who_goes(nodes: list[Node]) -> None:
    a, b, _ = nodes
    assert [admitted(node, "first") for node in nodes] == [20, 20, 20]
    assert [admitted(node, "each") for node in nodes] == [BURST] * 3
    # One that is drained leaves its part to the others though it is there.
    assert a.api.ask("POST", "/api/v1/members/c/drain").status == 200
    wait_until(lambda: [parts(node) for node in (a, b)] == [2, 2])
    assert [admitted(node, "second") for node in (a, b)] == [30, 30]
    assert [admitted(node, "first") for node in (a, b)] == [0, 0], "an empty bucket is as empty as before"
    # What is known of the others stays while the supervisor is dead, and while nobody hears of them.
    b.signal(signal.SIGKILL)
    b.wait(5)
    wait_until(lambda: parts(a) == 1, 60)
    assert admitted(a, "third") == BURST


def test_a_node_that_comes_has_no_more_than_its_part_from_its_first_request(nodes: list[Node], etcd: Etcd) -> None:
    with Node("d", etcd) as comes:
        assert parts(comes) == 4
        comes.wait_for(1)
        wait_until(lambda: [parts(node) for node in nodes] == [4, 4, 4], 60)
        assert [admitted(node, "first") for node in (comes, *nodes)] == [BURST // 4] * 4


def test_r50_a_node_that_hears_of_the_others_no_more_keeps_its_part(nodes: list[Node], etcd: Etcd) -> None:
    for member in etcd.members:
        etcd.kill(member)
    wait_until(lambda: nodes[0].status()["store"]["absence"], 60)
    assert [admitted(node, "first") for node in nodes] == [20, 20, 20]
    assert [parts(node) for node in nodes] == [3, 3, 3]


def test_r12_a_successor_with_another_table_divides_as_before_though_the_store_is_away(
    nodes: list[Node], etcd: Etcd, tmp_path: Path
) -> None:
    for member in etcd.members:
        etcd.kill(member)
    wait_until(lambda: nodes[0].status()["store"]["absence"], 60)
    table = table_of(nodes[0].worker_pids()[0])
    upgraded(nodes[0], changed_version(tmp_path, REFUSING))
    assert table_of(nodes[0].worker_pids()[0]) != table
    assert (parts(nodes[0]), admitted(nodes[0], "first")) == (3, 20)
