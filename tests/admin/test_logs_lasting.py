"""Who follows requests goes on to do so whatever becomes of plan and workers."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.admin.api import Api, api_of
from tests.admin.follower import PATIENCE, Follower
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.requests import ask_many, get

FILES = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
{kind: Route, name: hello, path: /hello, steps: [{kind: Respond, status: 200, body: hi}]}
"""


@pytest.fixture
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(FILES, "--admin", "127.0.0.1:0", workers=2) as started:
        yield started


@pytest.fixture
def api(gateway: GatewayProcess) -> Api:
    return api_of(gateway)


def test_a_plan_that_is_changed_shows_its_requests_at_once(api: Api, gateway: GatewayProcess) -> None:
    log = gateway.folder / "access.log"
    with Follower(api) as follower:
        ask_many(gateway.port(), "/hello", 10)
        telemetry = f"---\n{{kind: Telemetry, name: default, access_log: {{path: {log}, fields: {{more: '1'}}}}}}\n"
        gateway.write(FILES.replace("hello", "world") + telemetry)
        assert gateway.reload().returncode == 0
        ask_many(gateway.port(), "/world", 10)
        found = follower.until(20)
    assert [(one["route"], one.get("more")) for one in found] == [("hello", None)] * 10 + [("world", "1")] * 10
    assert len(follower.nodes) == 1


def test_a_worker_in_the_place_of_one_that_died_tells_too(api: Api, gateway: GatewayProcess) -> None:
    with Follower(api) as follower:
        assert follower.nodes[-1]["workers"] == 2
        before = gateway.worker_pids()
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: [one["workers"] for one in follower.nodes] == [2, 1, 2], PATIENCE)
        assert set(gateway.worker_pids()) != set(before)
        assert ask_many(gateway.port(), "/hello", 40) == {200: 40}
        assert len({one["id"] for one in follower.until(40)}) == 40


def test_an_upgrade_ends_it_and_a_successor_goes_on_with_requests_of_both(api: Api, gateway: GatewayProcess) -> None:
    with Follower(api) as follower:
        get(gateway.port(), "/hello")
        follower.until(1)
        assert gateway.command("upgrade", "--state-dir", str(gateway.state.path)).returncode == 0
        assert follower.has_ended.wait(PATIENCE)
    with Follower(api) as follower:
        assert ask_many(gateway.port(), "/hello", 40) == {200: 40}
        assert len({one["id"] for one in follower.until(40)}) == 40


def test_nothing_of_a_listener_stays_in_the_workers(api: Api, gateway: GatewayProcess) -> None:
    def tapping() -> int:
        names = [name.read_text() for pid in gateway.worker_pids() for name in Path(f"/proc/{pid}/task").glob("*/comm")]
        return names.count("control\n")

    before = tapping()
    with Follower(api):
        wait_until(lambda: tapping() > before, PATIENCE)
    # The threads that told of requests end with the connections that asked for it.
    wait_until(lambda: tapping() <= before, PATIENCE)
