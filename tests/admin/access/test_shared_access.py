"""Rights on nodes that share a store in etcd: taken everywhere at once, and not for ever without it (4.4, I18)."""

import os
import time
from collections.abc import Iterator

import pytest

from tests.admin.api import Api
from tests.servers.etcd import Etcd
from tests.servers.gateway_process import wait_until
from tests.servers.nodes import LISTENER, Node, route

PASSWORD = "correct-horse-battery"


@pytest.fixture(scope="module")
def etcd() -> Iterator[Etcd]:
    with Etcd("3.4") as found:
        yield found


@pytest.fixture(scope="module")
def nodes(etcd: Etcd) -> Iterator[tuple[Node, Node]]:
    with Node("a", etcd) as one, Node("b", etcd) as two:
        assert one.api.ask("POST", "/api/v1/apply", [LISTENER, route("hello", "hi")]).status == 200
        yield one, two


def token(node: Node, name: str) -> str:
    made = node.api.ask("POST", "/api/v1/tokens", {"name": name, "role": "viewer"})
    assert made.status == 201, made.text
    return str(made.data["token"])


def whoami(node: Node, text: str) -> int:
    return Api(node.api.port, text).ask("GET", "/api/v1/whoami").status


def test_what_is_taken_at_one_node_is_taken_at_all_with_the_next_request(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    for number in range(5):
        text = token(one, f"ci-{number}")
        assert whoami(two, text) == 200
        assert one.api.ask("DELETE", f"/api/v1/tokens/ci-{number}").status == 200
        assert whoami(two, text) == 401
    assert one.api.ask("PUT", "/api/v1/users/alice", {"role": "viewer", "password": PASSWORD}).status == 201
    come = two.api.ask("POST", "/api/v1/session?form=token", {"name": "alice", "password": PASSWORD}, authorization="")
    assert come.status == 201
    assert whoami(two, come.data["token"]) == 200
    assert one.api.ask("PUT", "/api/v1/users/alice", {"role": "viewer", "enabled": False}).status == 200
    assert whoami(two, come.data["token"]) == 401


def test_i18_whoever_comes_in_at_one_node_has_come_in_at_all_and_goes_out_at_all(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    assert one.api.ask("PUT", "/api/v1/users/bob", {"role": "viewer", "password": PASSWORD}).status == 201
    come = one.api.ask("POST", "/api/v1/session?form=token", {"name": "bob", "password": PASSWORD}, authorization="")
    text = come.data["token"]
    assert whoami(two, text) == 200
    assert Api(two.api.port, text).ask("DELETE", "/api/v1/session").status == 200
    assert (whoami(one, text), whoami(two, text)) == (401, 401)


def metric(node: Node, name: str) -> float:
    lines = str(node.ask("GET", "/metrics")[1]).splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).rpartition(" ")[2])


def test_tokens_count_for_an_age_while_the_store_is_away(etcd: Etcd, nodes: tuple[Node, Node]) -> None:
    patient = nodes[0]
    with Node("c", etcd, None, "--access-age", "2s") as strict:
        text = token(patient, "program")
        assert whoami(strict, text) == 200
        wait_until(lambda: strict.status()["store_revision"] == patient.status()["store_revision"])
        assert metric(strict, "penstock_access_age_seconds") == 0
        etcd.stop(etcd.members[0])
        try:
            wait_until(lambda: patient.status()["store"]["absence"] and metric(strict, "penstock_access_refused"), 60)
            assert metric(strict, "penstock_access_age_seconds") > 2
            refused = Api(strict.api.port, text).ask("GET", "/api/v1/whoami")
            assert refused.status == 503
            assert "--access-age" in refused.data["detail"]
            assert whoami(patient, text) == 200
            # What does not come from the store stays good: the token of the machine itself, and its socket.
            assert strict.api.ask("GET", "/api/v1/whoami").status == 200
            assert strict.ask("GET", "/api/v1/whoami")[0] == 200
            assert strict.fetch("/hello") == (200, "hi")
            # A start in between makes nothing younger.
            strict.process.kill()  # type: ignore[union-attr]
            strict.wait(10)
            then = time.time() - 3600
            os.utime(strict.state.applied, (then, then))
            strict.start()
            assert whoami(strict, text) == 503
            assert 3600 < metric(strict, "penstock_access_age_seconds") < 7200
        finally:
            etcd.go_on(etcd.members[0])
        wait_until(lambda: whoami(strict, text) == 200, 60)
        assert metric(strict, "penstock_access_refused") == 0
