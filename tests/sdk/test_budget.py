"""A filter that takes too long is stopped, and suspended when it does so again and again (J7, J8)."""

import http.client
import os
import re
import signal
import time
from collections.abc import Mapping
from contextlib import ExitStack
from types import MappingProxyType
from typing import Self

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


LOOPING = {"x-loop": "1"}


class OneEach:
    """A kept connection to each worker of a gateway."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self._gateway, self._port = gateway, gateway.port()
        self._by_worker: dict[int, http.client.HTTPConnection] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        before = self._requests()
        while len(self._by_worker) < len(before):
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
            self._open.callback(connection.close)
            self._ask(connection, "/nothing", {})
            # Counted when the answer has gone out.
            wait_until(lambda before=before: sum(self._requests()) > sum(before))
            after = self._requests()
            (served,) = (index for index, count in enumerate(after) if count > before[index])
            self._by_worker.setdefault(served, connection)
            before = after
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def ask(self, worker: int, target: str, headers: Mapping[str, str] = MappingProxyType({})) -> int:
        """The status of one worker's answer."""
        return self._ask(self._by_worker[worker], target, headers)

    @staticmethod
    def _ask(connection: http.client.HTTPConnection, target: str, headers: Mapping[str, str]) -> int:
        connection.request("GET", target, headers=dict(headers))
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def _requests(self) -> list[int]:
        return [int(worker["requests"]) for worker in self._gateway.status()["workers"]]


def state(gateway: GatewayProcess) -> tuple[int, bool]:
    """Overruns of the only filter that has any, and whether it is suspended; the metrics agree."""
    (shown,) = gateway.status()["filters"]
    labels = f'pipeline="{shown["pipeline"]}",step="{shown["step"]}"'
    text = gateway.ask("GET", "/metrics")[1]
    assert f"penstock_filter_overruns_total{{{labels}}} {shown['overruns']}\n" in text
    assert f"penstock_filter_suspended{{{labels}}} {int(shown['is_suspended'])}\n" in text
    return shown["overruns"], shown["is_suspended"]


def test_j7_overruns_count_over_all_workers_and_a_probe_ends_what_they_began() -> None:
    target = "/loop_if_asked"
    with probing(["loop_if_asked", "nothing"], workers=2) as gateway, OneEach(gateway) as workers:
        assert [workers.ask(worker, target, LOOPING) for worker in (0, 1)] == [500, 500]
        assert state(gateway) == (2, False)
        assert [workers.ask(worker, target) for worker in (0, 1)] == [200, 200]
        assert workers.ask(0, target, LOOPING) == 500
        suspended = time.monotonic()
        assert state(gateway) == (3, True)
        # Nobody calls it now, neither the worker that overran twice nor the one that did once.
        assert [workers.ask(worker, target) for worker in (0, 1)] == [500, 500]
        shown = gateway.command("status", "--state-dir", str(gateway.state.path)).stdout
        assert re.search(r"^Probe +route\.loop-if-asked +3 +suspended$", shown, re.MULTILINE)
        assert gateway.said.count("is suspended") == 1
        # The first call after the pause is the probe: it overruns, and the others wait twice as long.
        wait_until(lambda: workers.ask(1, target, LOOPING) == 500 and state(gateway)[0] == 4, 20, step=0.2)
        assert time.monotonic() - suspended > 9
        assert [workers.ask(worker, target, LOOPING) for worker in (0, 1, 0, 1)] == [500] * 4
        assert state(gateway) == (4, True)
        assert [workers.ask(worker, "/nothing") for worker in (0, 1)] == [200, 200]


def test_j7_a_probe_that_keeps_its_budget_ends_the_suspension_for_all_workers() -> None:
    target = "/loop_if_asked"
    with probing(["loop_if_asked", "nothing"], workers=2) as gateway, OneEach(gateway) as workers:
        assert [workers.ask(worker, target, LOOPING) for worker in (0, 1, 1)] == [500] * 3
        assert state(gateway) == (3, True)
        assert [workers.ask(worker, target) for worker in (0, 1)] == [500, 500]
        wait_until(lambda: workers.ask(0, target) == 200, 20, step=0.2)
        assert [workers.ask(worker, target) for worker in (0, 1)] == [200, 200]
        assert state(gateway) == (3, False)
        wait_until(lambda: "is called again" in gateway.said)


def test_j7_new_settings_end_a_suspension_and_a_new_worker_does_not() -> None:
    with probing(["loop", "nothing"], workers=1) as gateway:
        port, pids = gateway.port(), gateway.worker_pids()
        for _ in range(3):
            ask(gateway, "/loop", port=port)
        assert gateway.status()["filters"][0]["is_suspended"]
        os.kill(pids[0], signal.SIGKILL)
        wait_until(lambda: gateway.worker_pids() not in (pids, []) and ask_or_none(gateway, port))
        assert gateway.status()["filters"][0]["is_suspended"]
        assert seconds(gateway, "/loop", 500) < BUDGET
        gateway.write(gateway.file.read_text().replace("does: loop}", "does: loop, on_error: 503}"))
        wait_until(lambda: not any(one["is_suspended"] for one in gateway.status()["filters"]))
        assert ask(gateway, "/loop", port=port).status == 503


def ask_or_none(gateway: GatewayProcess, port: int) -> bool:
    try:
        return ask(gateway, "/nothing", port=port).text == "passed"
    except (OSError, http.client.HTTPException):
        return False


def test_j8_a_filter_that_costs_three_workers_is_suspended() -> None:
    with probing(["deaf", "nothing"], workers=1) as gateway:
        port = gateway.port()
        for _ in range(3):
            wait_until(lambda: ask_or_none(gateway, port))
            with pytest.raises((OSError, http.client.HTTPException)):
                ask(gateway, "/deaf", port=port)
        wait_until(lambda: ask_or_none(gateway, port))
        pids = gateway.worker_pids()
        assert [ask(gateway, "/deaf", port=port).status for _ in range(5)] == [500] * 5
        assert gateway.worker_pids() == pids
        assert gateway.status()["filters"][0]["overruns"] == 3


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
