"""R51: the node that leads and etcd's leader stand still at once; nothing is done in the name of what they were."""

import asyncio
import signal
import time
from contextlib import ExitStack

import pytest

from penstock.store import Author, Held, Lost, Retention, Transaction, Unavailable
from penstock.store.etcd import Access, open_etcd_store
from tests.servers.etcd import Etcd
from tests.servers.gateway_process import wait_until
from tests.servers.nodes import LISTENER, Node, route
from tests.store.etcd.test_faults import leader

ME = Author("me", "test")
DUTY = "leaders/history"


async def duty(etcd: Etcd) -> Held | None:
    """Who holds the duty, as a majority knows."""
    store = await open_etcd_store(Access(etcd.endpoints))
    try:
        return (await store.held(DUTY)).get(DUTY)
    except Unavailable:
        return None
    finally:
        await store.close()


async def act_as(stale: Held, endpoint: str, newest: int) -> None:
    """What is tried in the name of a duty that has gone, at the member that stood still, is refused."""
    store = await open_etcd_store(Access((endpoint,), patience_seconds=30), Retention(1))
    # What it tells is no older than what was acknowledged while it stood still.
    assert (await store.range()).revision >= newest
    before = [one.revision for one in await store.history(100)]
    with pytest.raises(Lost):
        await store.transaction(Transaction(ME, {"stale": "1"}, while_held=stale))
    with pytest.raises(Lost):
        await store.collect(stale)
    assert [one.revision for one in await store.history(100)][-len(before) :] == before
    assert "stale" not in (await store.range()).entries
    await store.close()


def check(seconds: float) -> None:
    """Both stand still for at least so long."""
    with Etcd("3.4", 3, ("--pre-vote",)) as etcd, ExitStack() as stack:
        nodes = {name: stack.enter_context(Node(name, etcd)) for name in "abc"}
        assert nodes["a"].api.ask("POST", "/api/v1/apply", [LISTENER, route("one", "0")]).status == 200
        wait_until(lambda: asyncio.run(duty(etcd)) is not None, 60)
        stale = asyncio.run(duty(etcd))
        assert stale is not None
        first, member = nodes[stale.value], asyncio.run(leader(etcd))
        others = [node for node in nodes.values() if node is not first]
        first.signal(signal.SIGSTOP)
        etcd.stop(member)
        until = time.monotonic() + seconds

        wait_until(lambda: _is_later(asyncio.run(duty(etcd)), stale), 100, 0.2)
        for number in range(1, 5):
            path = "/api/v1/resources/route/one?wait=none"
            wait_until(
                lambda number=number, path=path: (
                    others[0].api.ask("PUT", path, route("one", str(number))).status == 202
                ),
                60,
            )
        newest = others[0].api.ask("GET", "/api/v1/history").data["items"][0]["revision"]
        wait_until(lambda: time.monotonic() > until, seconds + 60, 0.2)
        first.signal(signal.SIGCONT)
        etcd.go_on(member)
        endpoint = etcd.endpoints[etcd.members.index(member)]
        asyncio.run(act_as(stale, endpoint, newest))
        wait_until(lambda: "no longer has the duty history" in first.said, 60)
        for node in nodes.values():
            wait_until(lambda node=node: node.fetch("/one") == (200, "4"), 60)
        history = first.api.ask("GET", "/api/v1/history").data["items"]
        assert [one["revision"] for one in history] == list(range(history[0]["revision"], 0, -1))
        # Somebody has it, by a later fence: etcd that wakes up may end leases that it believes to be over.
        wait_until(lambda: _is_later(asyncio.run(duty(etcd)), stale), 60, 0.2)


def _is_later(now: Held | None, stale: Held) -> bool:
    return now is not None and now.fence > stale.fence


def test_r51_nothing_is_done_in_the_name_of_leaders_that_stood_still() -> None:
    check(0)


@pytest.mark.long
def test_r51_nothing_is_done_in_the_name_of_leaders_that_stood_still_for_30_seconds() -> None:
    check(30)
