"""Killed workers and killed supervisors (R44, and the takeover of design)."""

import os
import signal
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.load import Load, percentile
from tests.servers.origin import Origin
from tests.servers.processes import is_process

KEPT = 6
TABLE = "/memfd:penstock-table (deleted)"


def table_of(pid: int) -> int:
    """What tells the table that a process maps from others."""
    links = Path(f"/proc/{pid}/fd").iterdir()
    return next(link.stat().st_ino for link in links if str(link.readlink()) == TABLE)


@dataclass
class Deaths:
    """What deaths of workers under load came to, in seconds and requests."""

    answered: int
    lost: int
    waits: list[float]
    """After each, the longest wait of a new connection for its answer."""
    backs: list[float]
    """After each, how long until all workers served again."""

    def told(self, of: str) -> str:
        """A line for people."""
        return (
            f"\n{of}: new connections after each answered within p50 {percentile(self.waits, 0.5) * 1000:.0f} ms, max "
            f"{max(self.waits) * 1000:.0f} ms; back within p50 {percentile(self.backs, 0.5) * 1000:.0f} ms, max "
            f"{max(self.backs) * 1000:.0f} ms; lost {self.lost} of {self.answered + self.lost} requests\n"
        )


def kill_workers(deaths: int) -> Deaths:
    """Kill one worker after the other under load; nothing may be lost but what each was serving."""
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        port = gateway.port()
        moments: list[float] = []
        backs: list[float] = []
        with Load(port, kept=KEPT) as load:
            wait_until(lambda: load.losses.answered > KEPT * 10)
            for number in range(deaths):
                victim = gateway.worker_pids()[number % 2]
                moments.append(time.monotonic())
                os.kill(victim, signal.SIGKILL)
                wait_until(lambda number=number: is_whole(gateway, number + 1), 10, step=0.005)
                backs.append(time.monotonic() - moments[-1])
                # A worker that dies young is made to wait.
                time.sleep(0.6)
        # Each client has one request in flight; a death can take no more than those.
        lost = len(load.losses.lost) + load.losses.dropped
        assert lost <= deaths * (KEPT + 1)
        assert load.losses.answered > 100
        # New connections are promised an answer within half a second; the rest is for a busy machine.
        assert load.losses.slowest < 5
        with Load(port) as calm:
            wait_until(lambda: calm.losses.answered > 50)
        assert calm.losses.lost == []
        assert gateway.status()["restarts"] == deaths
        wait_until(lambda: not any(gauges(gateway)))
        waits = [load.losses.slowest_fresh(moment, moment + 0.5) for moment in moments]
        return Deaths(load.losses.answered, lost, waits, backs)


def test_r44_a_killed_worker_costs_its_own_connections_alone_and_comes_back() -> None:
    kill_workers(6)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_r44_a_hundred_killed_workers(capsys: pytest.CaptureFixture[str]) -> None:
    deaths = kill_workers(100)
    with capsys.disabled():
        sys.stderr.write(deaths.told("R44, a worker of two killed under load 100 times"))


def gauges(gateway: GatewayProcess) -> list[int]:
    """Open connections of each worker."""
    return [int(worker["connections"]) for worker in gateway.status()["workers"]]


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV])
def test_r41_a_worker_that_crashes_comes_back_and_nothing_shared_is_stuck(number: signal.Signals) -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        with Load(gateway.port(), kept=2):
            wait_until(lambda: sum(gauges(gateway)) > 0)
            os.kill(gateway.worker_pids()[0], number)
            # Three seconds are the promise.
            wait_until(lambda: is_whole(gateway, 1), 30)
        wait_until(lambda: not any(gauges(gateway)))
        assert gateway.reload().returncode == 0
        with Load(gateway.port(), kept=2) as load:
            wait_until(lambda: load.losses.answered > 20)
        assert load.losses.lost == []


def is_whole(gateway: GatewayProcess, restarts: int) -> bool:
    status = gateway.status()
    return status["restarts"] == restarts and all(
        worker["is_alive"] and worker["revision"] == status["revision"] for worker in status["workers"]
    )


def test_a_killed_supervisor_costs_nothing_and_a_new_one_takes_over() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url, mark="old")) as gateway:
        port = gateway.port()
        before = gateway.worker_pids()
        table = table_of(before[0])
        with Load(port, kept=KEPT) as load:
            gateway.signal(signal.SIGKILL)
            gateway.wait(5)
            time.sleep(0.5)
            assert load.losses.lost == []
            assert (load.losses.closed, load.losses.dropped) == (0, 0)
            gateway.write(forwarding(origin.url, mark="new"))
            gateway.start()
            time.sleep(0.5)
            assert gateway.port() == port
            assert not set(gateway.worker_pids()) & set(before)
            assert {table_of(pid) for pid in gateway.worker_pids()} == {table}
            wait_until(lambda: not any(is_process(pid) for pid in before), 10)
        assert load.losses.lost == []
        assert origin.counts["/load"] == load.losses.answered


def listeners(count: int) -> str:
    """A configuration of many listeners before one route."""
    texts = [f"{{kind: Listener, name: web{number}, address: 127.0.0.1:0}}" for number in range(count)]
    route = "{kind: Route, name: all, path: /*, steps: [{kind: Respond, status: 200, body: served}]}"
    return "\n---\n".join([*texts, route])


def test_a_new_supervisor_takes_over_more_sockets_than_one_message_carries() -> None:
    count = 130
    with GatewayProcess(listeners(count)) as gateway:
        before = {one["name"]: one["bound"] for one in gateway.status()["listeners"]}
        assert len(before) * 2 > 253
        gateway.signal(signal.SIGKILL)
        gateway.wait(5)
        gateway.start()
        assert {one["name"]: one["bound"] for one in gateway.status()["listeners"]} == before
        for bound in before.values():
            with urllib.request.urlopen(f"http://{bound}/", timeout=5) as answer:
                assert answer.read() == b"served"


@pytest.mark.long
def test_r43_a_worker_that_stands_still_is_left_out_of_a_change_and_then_replaced() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        victim, other = gateway.worker_pids()
        os.kill(victim, signal.SIGSTOP)
        gateway.write(forwarding(origin.url, mark="later"))
        assert gateway.command("reload", "--state-dir", str(gateway.state.path)).returncode == 0
        wait_until(lambda: is_whole(gateway, 1), 30)
        assert not is_process(victim)
        assert gateway.worker_pids()[1] == other
        assert gateway.status()["revision"] == 2


def test_a_takeover_drops_no_connection_that_its_client_believes_open() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway, Load(gateway.port(), kept=KEPT) as load:
        gateway.signal(signal.SIGKILL)
        gateway.wait(5)
        gateway.start()
        time.sleep(1)
        assert load.losses.dropped == 0


def test_a_start_that_fails_leaves_earlier_workers_serving() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        port = gateway.port()
        gateway.signal(signal.SIGKILL)
        gateway.wait(5)
        gateway.write("kind: Listener\nname: [\n")
        with Load(port, kept=2) as load:
            for _ in range(2):
                assert gateway.spawn().wait(10) == 1
            gateway.write(forwarding(origin.url))
            gateway.start()
            assert gateway.port() == port
        assert load.losses.lost == []
