"""Workers accept for a neighbour that stands still or is gone, with a supervisor and without one (R42, R43, R44)."""

import http.client
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.runtime.configurations import forwarding
from tests.runtime.test_deaths import Deaths
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.load import Load
from tests.servers.origin import Origin
from tests.servers.processes import is_process

ANSWER_SECONDS = 5.0
"""Ten times the promise of half a second."""
MANY = 40
"""The kernel spreads connections over all sockets: that so many meet none of a dead worker's is out of the question."""
KEPT = 4


def statuses(port: int, count: int = MANY) -> list[int]:
    """The answers to requests on a fresh connection each."""
    return [ask(port) for _ in range(count)]


def ask(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/load", headers={"connection": "close"})
        return connection.getresponse().status
    finally:
        connection.close()


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that stands still."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def accepted(gateway: GatewayProcess) -> list[int]:
    return [int(worker["requests"]) for worker in gateway.status()["workers"]]


def both_accept(gateway: GatewayProcess, before: list[int]) -> bool:
    """Whether each worker has accepted more than before, of some connections made now."""
    assert statuses(gateway.port(), 4) == [200] * 4
    return all(now > then for then, now in zip(before, accepted(gateway), strict=True))


def test_r43_neighbours_answer_for_a_worker_that_stands_still_until_it_goes_on() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        port = gateway.port()
        with stopped(gateway.worker_pids()[1]):
            assert statuses(port) == [200] * MANY
        # It accepts again, and so does its neighbour, each from its own socket.
        before = accepted(gateway)
        wait_until(lambda: both_accept(gateway, before))


def test_r42_with_a_supervisor_that_stands_still_nothing_is_lost_and_a_dead_worker_is_stood_in_for() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        port, victim = gateway.port(), gateway.worker_pids()[0]
        assert gateway.process is not None
        with stopped(gateway.process.pid):
            with Load(port, kept=2) as load:
                wait_until(lambda: load.losses.answered > 100)
            assert (load.losses.lost, load.losses.dropped) == ([], 0)
            os.kill(victim, signal.SIGKILL)
            assert statuses(port) == [200] * MANY
        wait_until(lambda: gateway.status()["restarts"] == 1)


def kill_both(gateway: GatewayProcess) -> Deaths:
    """Kill the supervisor under load, then a worker, and start another supervisor."""
    port, (victim, other) = gateway.port(), gateway.worker_pids()
    with Load(port, kept=KEPT) as load:
        gateway.signal(signal.SIGKILL)
        gateway.wait(5)
        before = load.losses.answered
        wait_until(lambda: load.losses.answered > before + 100)
        assert (load.losses.lost, load.losses.closed, load.losses.dropped) == ([], 0, 0)
        died = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        assert statuses(port) == [200] * MANY
        wait_until(lambda: time.monotonic() > died + 0.5)
        # What it was serving is lost with it, and nothing else.
        lost = len(load.losses.lost)
        assert lost + load.losses.dropped <= KEPT + 1
        began = time.monotonic()
        gateway.start()
        back = time.monotonic() - began
        wait_until(lambda: not is_process(other))
    assert len(load.losses.lost) == lost
    assert gateway.port() == port
    assert not {victim, other} & set(gateway.worker_pids())
    assert statuses(port) == [200] * MANY
    wait_until(lambda: gateway.status()["connections"] == 0)
    wait = load.losses.slowest_fresh(died, died + 0.5)
    return Deaths(load.losses.answered, lost + load.losses.dropped, [wait], [back])


def test_r44_a_worker_killed_while_no_supervisor_runs_is_stood_in_for_and_then_replaced() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        kill_both(gateway)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_r44_twenty_supervisors_killed_and_a_worker_after_each(capsys: pytest.CaptureFixture[str]) -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        each = [kill_both(gateway) for _ in range(20)]
    of_all = Deaths(
        sum(one.answered for one in each),
        sum(one.lost for one in each),
        [wait for one in each for wait in one.waits],
        [back for one in each for back in one.backs],
    )
    with capsys.disabled():
        sys.stderr.write(of_all.told("R44, the supervisor killed under load and then a worker, 20 times"))


def test_all_but_one_of_many_workers_may_be_gone() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url), workers=4) as gateway:
        port, pids = gateway.port(), gateway.worker_pids()
        gateway.signal(signal.SIGKILL)
        gateway.wait(5)
        for pid in pids[1:]:
            os.kill(pid, signal.SIGKILL)
        assert statuses(port) == [200] * MANY
