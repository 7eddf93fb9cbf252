"""R49: a store that tells of changes late, twice, wrongly or not at all is read anew; nodes serve what it holds."""

import asyncio

from penstock.store.etcd import Access
from penstock.store.etcd.client import Client
from penstock.store.etcd.messages import TXN
from penstock.store.etcd.operations import get
from tests.servers.etcd import Etcd
from tests.servers.etcd_misbehaving import MISDEEDS, MisbehavingEtcd
from tests.servers.gateway_process import wait_until
from tests.servers.nodes import LISTENER, Node, route
from tests.store.etcd.test_faults import COMPACT

CHANGES_EACH_TIME, MOST_TIMES = 10, 30


def compact(etcd: Etcd) -> None:
    """Let etcd forget everything but what there is now."""

    async def story() -> None:
        client = Client(Access(etcd.endpoints))
        client.open()
        answer = await client.ask(TXN, {"success": [get(b"/")]})
        await client.ask(COMPACT, {"revision": answer["header"]["revision"], "physical": True})
        await client.close()

    asyncio.run(story())


def test_r49_watches_that_are_told_wrongly_miss_nothing_in_the_end() -> None:
    with Etcd("3.4") as etcd, MisbehavingEtcd(etcd) as bad, Node("a", bad) as a, Node("b", etcd) as b:  # type: ignore[arg-type]
        assert b.api.ask("POST", "/api/v1/apply", [LISTENER, route("one", "0")]).status == 200
        a.wait_for(1)
        number = 0
        for _ in range(MOST_TIMES):
            for _ in range(CHANGES_EACH_TIME):
                number += 1
                path = "/api/v1/resources/route/one?wait=none"
                assert b.api.ask("PUT", path, route("one", str(number))).status == 202
            compact(etcd)
            # It ends up with what there is, whatever it was told on the way there.
            a.wait_for(number + 1, 60)
            assert a.fetch("/one") == (200, str(number))
            if all(bad.done[misdeed] for misdeed in MISDEEDS):
                break
        assert all(bad.done[misdeed] for misdeed in MISDEEDS), bad.done
        told = [one["store_revision"] for one in a.status()["changes"]]
        assert told == sorted(set(told), reverse=True), "a node went back"
        # It is a member all the while, and knows the others.
        for node in (a, b):
            wait_until(lambda node=node: set(told_by(node)) == {"a", "b"}, 60)
        # What it writes itself comes to the other.
        assert a.api.ask("PUT", "/api/v1/resources/route/one", route("one", "last")).status == 200
        wait_until(lambda: b.fetch("/one") == (200, "last"))


def told_by(node: Node) -> dict[str, int]:
    """The members that a node tells, with what they run."""
    return {one["name"]: one["applied"] for one in node.ask("GET", "/api/v1/members")[1]["items"]}
