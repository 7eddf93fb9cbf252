"""A filter that takes too long is stopped, and suspended when it does so again and again (J7, J8)."""

import http.client
import time

import pytest

from tests.sdk.probing import ask, probing
from tests.servers.gateway_process import GatewayProcess, wait_until

BUDGET = 0.020
TO_STOP = 0.016
BUSY_MACHINE = 0.050
"""What a machine that runs other tests too may add to one request."""


def seconds(gateway: GatewayProcess, target: str, status: int) -> float:
    port = gateway.port()
    began = time.monotonic()
    assert ask(gateway, target, port=port).status == status
    return time.monotonic() - began


@pytest.mark.parametrize("action", ["loop", "sleep", "regex", "big_number"])
def test_j7_a_call_over_its_budget_is_interrupted(action: str) -> None:
    with probing([action, "nothing"]) as gateway:
        pids = gateway.worker_pids()
        ask(gateway, "/nothing")
        # Two overruns do not suspend; the better one says what the machine was not to blame for.
        taken = min(seconds(gateway, f"/{action}", 500) for _ in range(2))
        assert BUDGET * 0.9 < taken < BUDGET + TO_STOP + BUSY_MACHINE
        assert ask(gateway, "/nothing").text == "passed"
        assert gateway.worker_pids() == pids


def test_j7_three_overruns_suspend_the_filter() -> None:
    with probing(["loop", "nothing"]) as gateway:
        for _ in range(3):
            seconds(gateway, "/loop", 500)
        wait_until(lambda: "is suspended" in gateway.said)
        assert min(seconds(gateway, "/loop", 500) for _ in range(5)) < BUDGET * 0.9
        assert ask(gateway, "/nothing").text == "passed"


def test_j7_a_filter_that_swallows_the_interrupt_is_interrupted_again_and_counts_as_overrun() -> None:
    with probing(["stubborn", "nothing"]) as gateway:
        for _ in range(3):
            ask(gateway, "/stubborn")
        wait_until(lambda: "is suspended" in gateway.said)
        assert ask(gateway, "/nothing").text == "passed"


@pytest.mark.parametrize("action", ["end_process", "crash", "deaf"])
def test_j8_a_filter_that_cannot_be_stopped_costs_the_worker_which_is_back_within_a_second(action: str) -> None:
    with probing([action, "nothing"]) as gateway:
        port, pids = gateway.port(), gateway.worker_pids()
        began = time.monotonic()
        with pytest.raises((OSError, http.client.HTTPException)):
            ask(gateway, f"/{action}", port=port)
        lost = time.monotonic()
        assert lost - began < (BUDGET + 1.0 + TO_STOP + 1.0 if action == "deaf" else 1.0)
        assert ask(gateway, "/nothing", port=port).text == "passed"
        assert time.monotonic() - lost < 1.0 + 20 * BUSY_MACHINE
        wait_until(lambda: gateway.worker_pids() not in (pids, []))
