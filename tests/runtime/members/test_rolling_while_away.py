"""Changes that roll and nodes that are drained while the store goes: said at once, and gone on with when it is back."""

import signal
import threading
from contextlib import ExitStack
from typing import Any

from tests.admin.api import Answer
from tests.servers.etcd import Etcd
from tests.servers.gateway_process import wait_until
from tests.servers.nodes import LISTENER, Node, route


def test_a_change_that_rolls_goes_on_in_its_order_when_the_store_is_back() -> None:
    with Etcd("3.4") as etcd, ExitStack() as stack:
        [member] = etcd.members
        nodes = a, b, c = [stack.enter_context(Node(name, etcd)) for name in "abc"]
        assert a.api.ask("POST", "/api/v1/apply", [LISTENER, route("one", "1")]).status == 200
        for node in nodes:
            node.wait_for(1)
        # The second in the order stands still: the first has the change, and the third waits for the second.
        b.signal(signal.SIGSTOP)
        answers: list[Answer] = []

        def roll() -> None:
            path = "/api/v1/resources/route/one?rolling=true&deadline=60s"
            answers.append(a.api.ask("PUT", path, route("one", "2")))

        asking = threading.Thread(target=roll, daemon=True)
        asking.start()
        wait_until(lambda: a.fetch("/one") == (200, "2"))
        wait_until(lambda: c.status()["is_held_up"])
        etcd.kill(member)
        for node in (a, c):
            wait_until(lambda node=node: node.status()["store"]["absence"], 60)
        b.signal(signal.SIGCONT)
        wait_until(lambda: b.status()["store"]["absence"], 60)
        # All serve what they ran, and none goes on by itself; whoever asks for more is told why at once.
        assert [node.fetch("/one") for node in nodes] == [(200, "2"), (200, "1"), (200, "1")]
        for method, path, data in ASKED:
            refused = c.api.ask(method, path, data)
            assert (refused.status, refused.headers["retry-after"]) == (503, "2"), path
        said = a.command("drain", "b", "--state-dir", str(a.state.path))
        assert said.returncode == 1
        assert "what runs goes on, and nothing can be changed until the store is back" in said.stderr
        shown = c.command("members", "--state-dir", str(c.state.path))
        assert "the store is away: these are the nodes that it told of last" in shown.stderr
        assert [line.split()[0] for line in shown.stdout.splitlines()[1:]] == ["a", "b", "c*"]
        etcd.start(member)
        etcd.wait(member)
        for node in nodes:
            wait_until(lambda node=node: node.fetch("/one") == (200, "2"), 60)
            wait_until(lambda node=node: not node.status()["is_held_up"], 60)
        asking.join(100)
        assert answers
        assert a.command("drain", "b", "--state-dir", str(a.state.path)).returncode == 0
        assert b.ask("GET", "/-/ready") == (503, "drained\n")


ASKED: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/api/v1/members/b/drain", None),
    ("POST", "/api/v1/members/b/undrain", None),
    ("PUT", "/api/v1/resources/route/one?rolling=true", route("one", "3")),
    ("PUT", "/api/v1/resources/route/one", route("one", "3")),
)
