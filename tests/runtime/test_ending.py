"""Ending a gateway by signals (R5, R6)."""

import http.client
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.origin import Origin
from tests.servers.processes import is_process


class SlowRequest(threading.Thread):
    """One request that takes a while; `outcome` is its status, or what went wrong."""

    def __init__(self, port: int, seconds: float) -> None:
        super().__init__(daemon=True)
        self.port, self.seconds = port, seconds
        self.outcome: int | str = "unfinished"
        self.will_close = False
        self.start()

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", f"/slow?sleep={self.seconds}")
            answer = connection.getresponse()
            answer.read()
            self.outcome, self.will_close = answer.status, answer.will_close
        except (OSError, http.client.HTTPException) as problem:
            self.outcome = type(problem).__name__
        finally:
            connection.close()


def is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 2).close()
    except OSError:
        return True
    return False


def test_r5_sigterm_lets_requests_finish_that_take_less_than_the_grace_time() -> None:
    with (
        Origin() as origin,
        GatewayProcess(forwarding(origin.url), "--grace", "5s", "--shutdown-delay", "500ms") as gateway,
    ):
        port = gateway.port()
        slow = [SlowRequest(port, seconds) for seconds in (0.2, 1.0, 2.0)]
        wait_until(lambda: origin.counts.get("/slow") == 3)
        assert gateway.ask("GET", "/-/ready")[0] == 200
        began = time.monotonic()
        gateway.signal(signal.SIGTERM)
        wait_until(lambda: gateway.ask("GET", "/-/ready")[0] == 503, 0.4)
        assert not is_refused(port)
        wait_until(lambda: is_refused(port), 1.0)
        assert gateway.wait(8) == 0
        assert time.monotonic() - began < 4
        for one in slow:
            one.join(5)
        assert [one.outcome for one in slow] == [200, 200, 200]
        assert slow[-1].will_close
        assert list(gateway.state.worker_sockets()) == []
        assert "ending in 0.5 s: requests in flight have 5 s; a second signal leaves them one\n" in gateway.said
        assert gateway.said.endswith(" ended\n")


def test_r5_a_request_that_takes_longer_than_the_grace_time_is_cut() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url), "--grace", "500ms") as gateway:
        slow = SlowRequest(gateway.port(), 8)
        wait_until(lambda: origin.counts.get("/slow") == 1)
        began = time.monotonic()
        gateway.signal(signal.SIGTERM)
        assert gateway.wait(5) == 0
        assert time.monotonic() - began < 2.5
        slow.join(5)
        assert slow.outcome != 200


def test_r5_of_requests_of_200_ms_5_s_and_60_s_those_end_well_that_the_grace_time_has_room_for() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url), "--grace", "7s") as gateway:
        slow = [SlowRequest(gateway.port(), seconds) for seconds in (0.2, 5.0, 60.0)]
        wait_until(lambda: origin.counts.get("/slow") == 3)
        began = time.monotonic()
        gateway.signal(signal.SIGTERM)
        assert gateway.wait(20) == 0
        assert 6.5 < time.monotonic() - began < 14
        for one in slow:
            one.join(5)
        assert [one.outcome for one in slow] == [200, 200, "RemoteDisconnected"]


def test_r5_a_gateway_that_drains_says_what_is_left() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url), "--grace", "30s", workers=1) as gateway:
        slow = [SlowRequest(gateway.port(), seconds) for seconds in (1.0, 60.0)]
        wait_until(lambda: origin.counts.get("/slow") == 2)
        gateway.signal(signal.SIGTERM)
        wait_until(lambda: gateway.status()["phase"] == "draining")
        slow[0].join(10)

        def open_connections() -> int:
            (worker,) = gateway.status()["workers"]
            return int(worker["connections"])

        wait_until(lambda: open_connections() == 1)
        assert slow[0].outcome == 200


def test_r6_a_second_signal_leaves_a_second_to_what_still_runs() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url), "--grace", "30s") as gateway:
        slow = [SlowRequest(gateway.port(), seconds) for seconds in (0.2, 5.0, 60.0)]
        wait_until(lambda: origin.counts.get("/slow") == 3)
        gateway.signal(signal.SIGTERM)
        slow[0].join(5)
        gateway.signal(signal.SIGTERM)
        assert gateway.wait(10) == 0
        for one in slow:
            one.join(5)
        assert [one.outcome for one in slow] == [200, "RemoteDisconnected", "RemoteDisconnected"]
        assert "cannot be told" not in gateway.said


def is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


HASTE = [
    ((signal.SIGTERM, signal.SIGTERM), 3.0),
    ((signal.SIGINT, signal.SIGINT), 3.0),
    ((signal.SIGTERM, signal.SIGINT), 3.0),
    ((signal.SIGQUIT,), 1.5),
    ((signal.SIGTERM, signal.SIGQUIT), 1.5),
]


@pytest.mark.parametrize(("signals", "most_seconds"), HASTE)
def test_r6_who_is_asked_twice_hurries(signals: tuple[signal.Signals, ...], most_seconds: float) -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url), "--grace", "30s") as gateway:
        SlowRequest(gateway.port(), 9)
        wait_until(lambda: origin.counts.get("/slow") == 1)
        pids = gateway.worker_pids()
        began = time.monotonic()
        for number in signals:
            gateway.signal(number)
            time.sleep(0.1)
        assert gateway.wait(8) == 0
        assert time.monotonic() - began < most_seconds
        assert [pid for pid in pids if is_process(pid)] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_r6_an_idle_gateway_ends_at_once(number: signal.Signals) -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        began = time.monotonic()
        gateway.signal(number)
        assert gateway.wait(5) == 0
        assert time.monotonic() - began < 2


DURING_START = [
    (signal.SIGTERM,),
    (signal.SIGINT,),
    (signal.SIGQUIT,),
    (signal.SIGTERM, signal.SIGTERM),
    (signal.SIGHUP, signal.SIGTERM),
]


@pytest.mark.parametrize("seconds", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("signals", DURING_START)
def test_r6_a_signal_during_the_start_ends_it_and_leaves_no_worker(
    signals: tuple[signal.Signals, ...], seconds: float
) -> None:
    gateway = GatewayProcess(forwarding("http://127.0.0.1:1"))
    try:
        gateway.spawn()
        time.sleep(seconds)
        for number in signals:
            gateway.signal(number)
        # Before it has begun to note signals they do what they do to any process; an interrupt is 130 by then.
        early = {-number for number in signals} | ({128 + signal.SIGINT} if signal.SIGINT in signals else set())
        assert gateway.wait(10) in {0} | early
        wait_until(lambda: not any(is_answered(path) for path in gateway.state.worker_sockets()))
    finally:
        gateway.__exit__()


@pytest.mark.parametrize("seconds", [0.3, 0.6])
def test_r6_a_wish_to_reload_during_the_start_ends_nothing(seconds: float) -> None:
    gateway = GatewayProcess(forwarding("http://127.0.0.1:1"))
    try:
        process = gateway.spawn()
        time.sleep(seconds)
        if not list(gateway.state.worker_sockets()):
            # It has not begun to note signals: this one would end any process.
            wait_until(lambda: list(gateway.state.worker_sockets()) or process.poll() is not None)
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: gateway.status().get("phase") == "serving")
        assert process.poll() is None
    finally:
        gateway.__exit__()
