"""Workers accept for a neighbour that stands still or is gone, with a supervisor and without one (R42, R43, R44)."""

import http.client
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.load import Load
from tests.servers.origin import Origin
from tests.servers.processes import is_process

ANSWER_SECONDS = 5.0
"""Ten times the promise of half a second."""
MANY = 40
"""The kernel spreads connections over all sockets: that so many meet none of a dead worker's is out of the question."""


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


def test_r44_a_worker_killed_while_no_supervisor_runs_is_stood_in_for_and_then_replaced() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        port, (victim, other) = gateway.port(), gateway.worker_pids()
        with Load(port, kept=4) as load:
            gateway.signal(signal.SIGKILL)
            gateway.wait(5)
            before = load.losses.answered
            wait_until(lambda: load.losses.answered > before + 100)
            assert (load.losses.lost, load.losses.closed, load.losses.dropped) == ([], 0, 0)
            os.kill(victim, signal.SIGKILL)
            assert statuses(port) == [200] * MANY
            # What it was serving is lost with it, and nothing else.
            assert len(load.losses.lost) + load.losses.dropped <= 5
            lost = len(load.losses.lost)
            gateway.start()
            wait_until(lambda: not is_process(other))
        assert len(load.losses.lost) == lost
        assert gateway.port() == port
        assert not {victim, other} & set(gateway.worker_pids())
        assert statuses(port) == [200] * MANY


def test_all_but_one_of_many_workers_may_be_gone() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url), workers=4) as gateway:
        port, pids = gateway.port(), gateway.worker_pids()
        gateway.signal(signal.SIGKILL)
        gateway.wait(5)
        for pid in pids[1:]:
            os.kill(pid, signal.SIGKILL)
        assert statuses(port) == [200] * MANY
