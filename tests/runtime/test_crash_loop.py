"""A plan that crashes workers is taken back, and not loaded again (R69)."""

import os
import signal
import time

import pytest

from penstock.runtime.change.crash_guard import CRASHES
from tests.runtime.configurations import forwarding
from tests.runtime.test_reload import mark
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.origin import Origin


def crash(gateway: GatewayProcess) -> None:
    """Let a worker die as one does of itself."""
    restarts = gateway.status()["restarts"]
    os.kill(gateway.worker_pids()[0], signal.SIGABRT)
    wait_until(lambda: gateway.status()["restarts"] == restarts + 1)
    wait_until(lambda: all(worker["is_alive"] and worker["revision"] for worker in gateway.status()["workers"]))


def test_r69_a_plan_that_crashed_three_times_makes_way_for_the_one_before() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url, mark="good"), workers=1) as gateway:
        port = gateway.port()
        gateway.write(forwarding(origin.url, mark="poison"))
        assert gateway.reload().returncode == 0
        assert mark(port) == "poison"
        for _ in range(CRASHES):
            crash(gateway)
        wait_until(lambda: mark(port) == "good")
        ended = gateway.reload()
        assert ended.returncode == 1
        assert "crashed workers before" in ended.stderr
        gateway.write(forwarding(origin.url, mark="cured"))
        assert gateway.reload().returncode == 0
        assert mark(port) == "cured"


@pytest.mark.long
def test_r69_a_new_start_with_the_bad_plan_serves_the_last_good_one() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url, mark="good"), workers=1) as gateway:
        wait_until(gateway.state.last_good.exists, 15)
        gateway.write(forwarding(origin.url, mark="poison"))
        assert gateway.reload().returncode == 0
        for _ in range(CRASHES):
            crash(gateway)
        gateway.signal(signal.SIGTERM)
        assert gateway.wait(5) == 0
        time.sleep(0.1)
        gateway.start()
        assert mark(gateway.port()) == "good"
