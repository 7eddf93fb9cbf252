"""R47: the store is away for long, gateways start meanwhile, and what they missed is there soon after it is back."""

import asyncio
import sys
import threading
import time
from dataclasses import dataclass, field

import pytest

from penstock.store import Unavailable
from penstock.store.etcd import Access, open_etcd_store
from tests.servers.etcd import Etcd
from tests.servers.gateway_process import wait_until
from tests.servers.nodes import LISTENER, Node, route

LONG_SECONDS, SHORT_SECONDS = 600.0, 6.0
MISSED = 5


@dataclass
class Asking(threading.Thread):
    """Asks a gateway again and again; what was not answered as it should be."""

    node: Node
    port: int
    ending: threading.Event = field(default_factory=threading.Event)
    asked: int = 0
    wrong: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        while not self.ending.wait(0.02):
            answer = self.node.fetch("/kept", self.port)
            self.asked += 1
            if answer != (200, "kept"):
                self.wrong.append(answer)

    def end(self) -> None:
        """Ask no more; all was answered."""
        self.ending.set()
        self.join(60)
        assert self.asked > 50
        assert self.wrong == []


def until_there(etcd: Etcd) -> None:
    """Return as soon as etcd answers again."""

    async def story() -> None:
        store = await open_etcd_store(Access(etcd.endpoints))
        while True:
            try:
                await store.range()
                break
            except Unavailable:
                continue
        await store.close()

    asyncio.run(story())


def check(seconds: float) -> float:
    """The store goes for so long; how long it took a node to have what it missed, once it was back."""
    with Etcd("3.4", 3) as etcd, Node("a", etcd) as a, Node("b", etcd) as b:
        first = [LISTENER, route("kept", "kept"), route("one", "0")]
        assert a.api.ask("POST", "/api/v1/apply", first).status == 200
        b.wait_for(1)
        b.process.kill()  # type: ignore[union-attr]
        b.wait(10)
        for number in range(1, MISSED + 1):
            assert a.api.ask("PUT", "/api/v1/resources/route/one", route("one", str(number))).status == 200
        for member in etcd.members:
            etcd.kill(member)
        b.start()
        asking = [Asking(node, node.port()) for node in (a, b)]
        for one in asking:
            one.start()
        away = time.monotonic() + seconds
        # What it had before it was killed, though the store had more by then.
        assert b.fetch("/one") == (200, "0")
        wait_until(lambda: a.status()["store"]["absence"] and b.status()["store"]["absence"], 60)
        for node in (a, b):
            assert node.api.ask("PUT", "/api/v1/resources/route/one", route("one", "never")).status == 503
        wait_until(lambda: time.monotonic() > away, seconds + 60, 0.5)
        for member in etcd.members:
            etcd.start(member)
        until_there(etcd)
        began = time.monotonic()
        b.wait_for(MISSED + 1, 60)
        took = time.monotonic() - began
        for one in asking:
            one.end()
        assert (a.fetch("/one"), b.fetch("/one")) == ((200, str(MISSED)), (200, str(MISSED)))
        for node in (a, b):
            # Each once and in order.
            wait_until(lambda node=node: told(node) == list(range(MISSED + 1, 0, -1)))
            wait_until(lambda node=node: not node.status()["store"]["absence"], 60)
        # The same members as before, and changes come to both.
        answer = b.api.ask("PUT", "/api/v1/resources/route/one?deadline=30s", route("one", "last"))
        assert answer.data["nodes"]["waiting"] == []
        return took


def told(node: Node) -> list[int]:
    """The revisions of the store of which a node tells."""
    return [one["store_revision"] for one in node.status()["changes"] if one["store_revision"]]


def test_r47_a_store_that_was_away_is_caught_up_with_in_order() -> None:
    sys.stdout.write(f"caught up after {check(SHORT_SECONDS):.2f} s\n")


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_r47_a_store_that_was_away_for_ten_minutes_is_caught_up_with_in_order() -> None:
    sys.stdout.write(f"caught up after ten minutes away: {check(LONG_SECONDS):.2f} s\n")
