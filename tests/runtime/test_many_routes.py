"""One change among very many routes (R4): what it costs the workers and their clients, and what stays in memory."""

import statistics
import sys
import time

import pytest

from tests.runtime.configurations import many_routes
from tests.runtime.test_reload_under_load import Watcher
from tests.servers.gateway_process import GatewayProcess
from tests.servers.load import Load, percentile
from tests.servers.processes import main_thread_seconds, resident_kib

STALL_SECONDS = 0.02
"""A thread that computes for less than this cannot stand still for longer of its own doing."""
NOWHERE = "http://127.0.0.1:1"


def check(routes: int, changes: int) -> str:
    """Change one route again and again; gives the figures."""
    began = time.monotonic()
    with GatewayProcess(many_routes(routes, "first", NOWHERE)) as gateway:
        started = time.monotonic() - began
        assert gateway.process is not None
        workers = gateway.worker_pids()
        memory = [sum(map(resident_kib, (gateway.process.pid, *workers)))]
        computed: list[float] = []
        effects: list[float] = []
        # Tiny requests all the time, on connections to both workers: what a swap holds up, they wait for.
        probes = Load(gateway.port(), kept=4, fresh=0, pause=0.003, path="/probe")
        with Watcher(gateway.port(), "/probe") as watcher, probes:
            for number in range(changes):
                before = [main_thread_seconds(pid) for pid in workers]
                gateway.write(many_routes(routes, f"m{number}", NOWHERE))
                effects.append(watcher.wait_for(f"m{number}", 0.02))
                computed += [main_thread_seconds(pid) - used for pid, used in zip(workers, before, strict=True)]
                memory.append(sum(map(resident_kib, (gateway.process.pid, *workers))))
        # The first changes leave room that later ones use.
        assert memory[-1] <= memory[len(memory) // 4] * 1.05
        assert max(computed) < STALL_SECONDS
        stalls = [worker["longest_stall_seconds"] for worker in gateway.status()["workers"]]
        # Wall time: a busy machine may hold a thread up, but not for ten times the figure.
        assert max(stalls) < STALL_SECONDS * 10
        seen = probes.losses
        assert seen.answered > changes * 10
        assert (seen.lost, seen.closed, seen.dropped) == ([], 0, 0)
        assert gateway.status()["restarts"] == 0
        return (
            f"\nR4, {routes} routes: served {started:.1f} s after the start; write to effect least "
            f"{min(effects) * 1000:.0f} ms, median {statistics.median(effects) * 1000:.0f} ms; "
            f"a worker's thread computes {max(computed) * 1000:.1f} ms at most and stands still for "
            f"{max(stalls) * 1000:.1f} ms at most; {seen.answered} probes meanwhile, 0 lost, p50 "
            f"{percentile(seen.seconds, 0.5) * 1000:.1f} ms, p99 {percentile(seen.seconds, 0.99) * 1000:.1f} ms, max "
            f"{seen.slowest * 1000:.1f} ms; memory {memory[0]} KiB, after the first change {memory[1]}, after "
            f"{changes} {memory[-1]}, {(memory[-1] / memory[0] - 1) * 100:+.1f} %\n"
        )


def test_r4_one_change_among_many_routes_holds_no_worker_up_and_leaves_no_memory() -> None:
    check(routes=2_000, changes=12)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_r4_one_change_among_ten_thousand_routes(capsys: pytest.CaptureFixture[str]) -> None:
    figures = check(routes=10_000, changes=50)
    with capsys.disabled():
        sys.stderr.write(figures)
