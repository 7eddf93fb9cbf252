"""Of nodes that share a store one orders for all, each proves the names, and all show what came (R10)."""

from typing import Any

import pytest

from tests.runtime.acme.test_ordering import DAY, SECONDS, serial, told
from tests.servers.etcd import Etcd
from tests.servers.gateway_process import wait_until
from tests.servers.moved_clock import MovedClock
from tests.servers.nodes import Node, route
from tests.servers.pebble import Pebble

PLAIN = {"kind": "Listener", "name": "plain", "address": "127.0.0.1:0"}
WEB = {"kind": "Listener", "name": "web", "address": "127.0.0.1:0", "tls": {"certificates": ["first", "second"]}}
ALL = {**route("all", "hello"), "path": "/*"}


def certificate(name: str, pebble: Pebble) -> dict[str, Any]:
    acme = {"names": [f"{name}.test"], "directory": pebble.directory, "ca": pebble.ca}
    return {"kind": "Certificate", "name": name, "acme": acme}


def leader(node: Node) -> list[str]:
    """The nodes that have the duty, as one of them tells it."""
    items = node.ask("GET", "/api/v1/members")[1]["items"]
    return [one["name"] for one in items if "certificates" in one["duties"]]


@pytest.mark.long
def test_r10_one_node_orders_any_proves_and_another_goes_on() -> None:
    with Etcd("3.4") as etcd, Node("a", etcd) as a:
        assert a.api.ask("POST", "/api/v1/apply", [PLAIN, ALL]).status == 200
        wait_until(lambda: a.status().get("listeners"))
        with Pebble(a.port("plain")) as at_a:
            assert a.api.ask("POST", "/api/v1/apply", [certificate("first", at_a)]).status == 200
            wait_until(lambda: told(a, "first")["state"] == "issued", SECONDS)
            b = Node("b", etcd)
            clock = MovedClock(b.folder)
            b.before = clock.command
            with b, Pebble(b.port("plain")) as at_b:
                # The authority looks at b, and a has the duty: who orders is not who proves.
                both = [certificate("second", at_b), WEB]
                assert a.api.ask("POST", "/api/v1/apply", both).status == 200
                wait_until(lambda: told(b, "second")["state"] == "issued", SECONDS)
                assert leader(b) == ["a"]
                assert serial(a, at_b, "second.test") == serial(b, at_b, "second.test")
                assert serial(a, at_a, "first.test") == serial(b, at_a, "first.test")
                assert (at_a.orders, at_b.orders) == (1, 1)
                before = serial(b, at_b, "second.test")
                assert a.process is not None
                a.process.kill()
                wait_until(lambda: leader(b) == ["b"], SECONDS)
                assert (at_a.orders, at_b.orders) == (1, 1), "what is good is not ordered anew by whoever goes on"
                clock.move(65 * DAY)
                wait_until(lambda: at_b.orders > 1, SECONDS)
                wait_until(lambda: told(b, "second")["state"] == "issued", SECONDS)
                assert serial(b, at_b, "second.test") != before
