"""R7, R46: nodes that share a store give way to their successors while requests are served and changes are made."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.runtime.shared.test_partitions import Writer, whole_history
from tests.servers.etcd import Etcd
from tests.servers.gateway_process import wait_until
from tests.servers.load import Load
from tests.servers.nodes import LISTENER, Node, route

LONGEST_SECONDS = 60.0


@contextmanager
def three_nodes() -> Iterator[dict[str, Node]]:
    """Three nodes of one store, which serve the same."""
    with Etcd("3.4") as etcd, ExitStack() as stack:
        nodes = {name: stack.enter_context(Node(name, etcd)) for name in "abc"}
        first = nodes["a"].api.ask("POST", "/api/v1/apply", [LISTENER, route("load", "1")])
        assert first.status == 200
        for node in nodes.values():
            node.wait_for(1)
        yield nodes


def identities(node: Node) -> dict[str, str]:
    """Who is there, by name."""
    return {one["name"]: one["id"] for one in node.ask("GET", "/api/v1/members")[1]["items"]}


def upgrade(node: Node) -> None:
    """Give way to a successor."""
    owner = node.owner()
    ended = node.command("upgrade", "--state-dir", str(node.state.path))
    assert ended.returncode == 0, (ended.stderr, node.said)
    wait_until(lambda: node.owner() != owner, LONGEST_SECONDS)


def written_on(writers: dict[str, Writer], more: int = 3) -> None:
    """Wait until every writer has got some more done."""
    before = {name: len(one.done) for name, one in writers.items()}
    wait_until(lambda: all(len(one.done) >= before[name] + more for name, one in writers.items()), LONGEST_SECONDS)


def check_history(node: Node, writers: dict[str, Writer]) -> int:
    """What was acknowledged is there once, what was refused is not; the latest revision."""
    history = whole_history(node)
    newest: int = history[0]["revision"]
    assert [one["revision"] for one in history] == list(range(newest, 0, -1))
    found = [one["message"] for one in history if "-" in one["message"]]
    assert len(found) == len(set(found)), "a write was done twice"
    for writer in writers.values():
        assert set(writer.done) <= set(found), "an acknowledged write is lost"
        assert not set(writer.refused) & set(found), "what was refused was done"
    return newest


def test_r7_nodes_that_share_a_store_are_upgraded_while_changes_are_made() -> None:
    with three_nodes() as nodes, ExitStack() as stack:
        before = identities(nodes["a"])
        loads = {name: stack.enter_context(Load(node.port(), kept=2)) for name, node in nodes.items()}
        ending = threading.Event()
        stack.callback(ending.set)
        writers = {name: Writer(node, ending, 0.1) for name, node in nodes.items()}
        for writer in writers.values():
            writer.start()
        for name, node in nodes.items():
            written_on(writers)
            others = [one for other, one in writers.items() if other != name]
            before_it = [(one.refused[:], one.open[:]) for one in others]
            upgrade(node)
            # Where nobody is upgraded, nothing is refused.
            assert [(one.refused, one.open) for one in others] == before_it
            # Its members are the same as before: the same nodes, and no others.
            assert identities(nodes["b" if name == "a" else "a"]) == before
        written_on(writers)
        ending.set()
        for writer in writers.values():
            writer.join(LONGEST_SECONDS)
        newest = check_history(nodes["a"], writers)
        for name, node in nodes.items():
            node.wait_for(newest)
            assert node.fetch("/load") == (200, "1")
            last = writers[name].done[-1]
            assert node.fetch(f"/w-{name}") == (200, last) or writers[name].open
        wait_until(lambda: identities(nodes["c"]) == before)
    for load in loads.values():
        assert load.losses.answered > 100
        assert (load.losses.lost, load.losses.dropped) == ([], 0)
