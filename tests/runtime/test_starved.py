"""A gateway that gets next to no processor time still answers who asks how it is (R59)."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.admin.api import api_of
from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.load import Load
from tests.servers.origin import Origin

LONGEST_SECONDS = 10.0
"""Ten times the second that is promised: a hang."""
ROUNDS = 20


@contextmanager
def a_fifth_of_the_time(pids: list[int]) -> Iterator[None]:
    """Let processes run for a fifth of the time, in turns of a tenth of a second, as a quota does."""
    text = (
        "import os, signal, sys, time\n"
        "pids = [int(word) for word in sys.argv[1:]]\n"
        "while True:\n"
        "    for number, seconds in ((signal.SIGSTOP, 0.08), (signal.SIGCONT, 0.02)):\n"
        "        for pid in pids:\n"
        "            os.kill(pid, number)\n"
        "        time.sleep(seconds)\n"
    )
    with subprocess.Popen([sys.executable, "-c", text, *map(str, pids)]) as quota:
        try:
            yield
        finally:
            quota.kill()
            quota.wait()
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


def test_r59_health_and_the_admin_api_answer_on_a_fifth_of_the_time_and_nobody_is_taken_for_dead() -> None:
    with (
        Origin() as origin,
        GatewayProcess(forwarding(origin.url), "--admin", "127.0.0.1:0") as gateway,
        Load(gateway.port(), kept=4) as load,
    ):
        api, workers = api_of(gateway), gateway.worker_pids()
        assert api.ask("GET", "/api/v1/resources/route").status == 200
        with a_fifth_of_the_time([gateway.owner(), *workers]):
            for _ in range(ROUNDS):
                for path in ("/-/ready", "/-/live", "/metrics", "/api/v1/resources/route"):
                    began = time.monotonic()
                    assert api.ask("GET", path).status == 200
                    assert time.monotonic() - began < LONGEST_SECONDS
            before = load.losses.answered
            wait_until(lambda: load.losses.answered > before + 50, 60)
        assert (gateway.worker_pids(), gateway.status()["restarts"]) == (workers, 0)
    assert (load.losses.lost, load.losses.closed, load.losses.dropped) == ([], 0, 0)
