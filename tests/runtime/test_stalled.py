"""A worker that stands still is counted, written down and replaced, and its neighbours go on (R43)."""

import os
import signal

from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.load import Load
from tests.servers.origin import Origin
from tests.servers.processes import is_process


def test_r43_a_worker_that_stands_still_is_written_down_and_replaced() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url), "--stalled-after", "1s") as gateway:
        victim, other = gateway.worker_pids()
        os.kill(victim, signal.SIGSTOP)
        with Load(gateway.port(), kept=0) as load:
            wait_until(lambda: not is_process(victim), 20)
            wait_until(lambda: gateway.status()["restarts"] == 1)
            wait_until(lambda: all(worker["revision"] for worker in gateway.status()["workers"]))
        # A request on its way to the stopped worker is not lost before that is ended.
        assert len(load.losses.lost) <= 1
        assert gateway.worker_pids()[1] == other
        assert gateway.status()["lags"] >= 1
        assert f"worker 0, process {victim}, has stood still for" in gateway.said
        assert f"  {victim} python" in gateway.said, "its threads are listed by number and name"
        assert "T (stopped)" in gateway.said
        assert "is replaced" in gateway.said


def test_r43_python_says_where_it_is_when_asked_and_goes_on() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        asked = gateway.worker_pids()[0]
        os.kill(asked, signal.SIGUSR2)
        wait_until(lambda: "most recent call first" in gateway.said and "penstock/cli/worker.py" in gateway.said)
        assert asked in gateway.worker_pids()


def test_a_time_that_is_too_short_to_judge_by_is_refused() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        for text in ("500ms", "2h", "soon"):
            ended = gateway.command("run", "-c", str(gateway.file), "--stalled-after", text)
            assert ended.returncode == 2
            assert "--stalled-after" in ended.stderr
