"""What is counted is one over all workers, and outlives them (R44, and the shared table of the design)."""

import http.client
import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.load import Load
from tests.servers.origin import Origin
from tests.servers.processes import is_process

GAUGES = ("penstock_open_connections", "penstock_open_tunnels", "penstock_requests_in_flight")
SAMPLE = re.compile(r"^(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>[0-9.e+-]+)$", re.MULTILINE)


OF_SUPERVISOR = ("penstock_changes", "penstock_worker_restarts", "penstock_store_operation")
"""What begins anew with a supervisor."""


def samples(gateway: GatewayProcess, name: str) -> dict[str, float]:
    """The samples of a metric by their labels."""
    status, text = gateway.ask("GET", "/metrics")
    assert status == 200
    return {one["labels"] or "": float(one["value"]) for one in SAMPLE.finditer(text) if one["name"] == name}


def summed(gateway: GatewayProcess, name: str) -> float:
    return sum(samples(gateway, name).values())


def counters(gateway: GatewayProcess) -> dict[str, float]:
    """Everything that must never fall, by name and labels; what is counted of one process begins with it."""
    text = gateway.ask("GET", "/metrics")[1]
    growing = re.compile(r"_(total|bucket|sum|count)$")
    return {
        f"{one['name']}{one['labels']}": float(one["value"])
        for one in SAMPLE.finditer(text)
        if growing.search(one["name"]) and not one["name"].startswith(("penstock_process_", "penstock_worker_requests"))
    }


def fallen(before: dict[str, float], after: dict[str, float]) -> dict[str, tuple[float, float | None]]:
    """What is less than it was, or gone."""
    return {key: (value, after.get(key)) for key, value in before.items() if after.get(key, -1.0) < value}


def kill_workers(gateway: GatewayProcess, deaths: int) -> dict[str, float]:
    """Kill one worker after the other and look at the counters between; they never fall."""
    seen = counters(gateway)
    first = gateway.status()["restarts"]
    for number in range(deaths):
        os.kill(gateway.worker_pids()[number % 2], signal.SIGKILL)
        wait_until(lambda number=number: gateway.status()["restarts"] == first + number + 1)
        latest = counters(gateway)
        assert not fallen(seen, latest)
        seen = latest
        # A worker that dies young is made to wait.
        time.sleep(0.6)
    return seen


def test_r44_counters_never_fall_and_gauges_are_exact_when_workers_are_killed() -> None:
    deaths_under_load(4)


@pytest.mark.long
def test_r44_counters_never_fall_and_gauges_are_exact_when_workers_are_killed_50_times() -> None:
    deaths_under_load(50)


def deaths_under_load(deaths: int) -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        with Load(gateway.port(), kept=8, fresh=4, pause=0.0) as load:
            wait_until(lambda: load.losses.answered > 200)
            kill_workers(gateway, deaths)
        wait_until(lambda: all(summed(gateway, gauge) == 0 for gauge in GAUGES))
        # A request whose worker died before it was logged is not counted; no other is left out.
        answered, lost = load.losses.answered, len(load.losses.lost) + load.losses.dropped
        status = gateway.status()
        assert answered - deaths * 12 <= status["requests"] <= answered + lost
        assert status["connections"] == 0
        with Load(gateway.port(), kept=5, fresh=0) as load:
            wait_until(lambda: summed(gateway, "penstock_open_connections") == 5)
            assert sum(worker["connections"] for worker in gateway.status()["workers"]) == 5


def test_numbers_survive_changes_and_a_takeover() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        with Load(gateway.port(), kept=4, pause=0.001) as load:
            wait_until(lambda: load.losses.answered > 100)
            seen = counters(gateway)
            for mark in range(3):
                gateway.write(forwarding(origin.url, mark=str(mark)))
                assert gateway.reload().returncode == 0
                latest = counters(gateway)
                assert not fallen(seen, latest)
                seen = latest
            before = gateway.worker_pids()
            gateway.signal(signal.SIGKILL)
            gateway.wait(5)
            gateway.start()
            latest = counters(gateway)
            changes = [key for key in seen if key.startswith(OF_SUPERVISOR)]
            assert not {key: value for key, value in fallen(seen, latest).items() if key not in changes}
            wait_until(lambda: not any(is_process(pid) for pid in before))
        wait_until(lambda: all(summed(gateway, gauge) == 0 for gauge in GAUGES))
        assert gateway.status()["requests"] == load.losses.answered
        assert load.losses.lost == []


def test_nobody_waits_for_a_worker_that_stands_still_to_read_what_was_counted() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        with Load(gateway.port()) as load:
            wait_until(lambda: load.losses.answered > 50)
        for pid in gateway.worker_pids():
            os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        assert gateway.status()["requests"] == load.losses.answered
        assert summed(gateway, "penstock_requests_total") == load.losses.answered
        assert time.monotonic() - began < 2.0, "asking a worker takes five seconds"
        for pid in gateway.worker_pids():
            os.kill(pid, signal.SIGCONT)


EVERYTHING = """
kind: Plugin
name: house
python: {filters}
---
kind: Listener
name: web
address: 127.0.0.1:0
before: [{{kind: Slow, name: first, only: /before}}]
after: [{{kind: Slow, name: last, only: /after}}]
---
kind: Upstream
name: two
endpoints: ["{url}", "http://127.0.0.1:1"]
---
kind: Route
name: short
path: /short/*
to: {url}
---
kind: Pipeline
name: shared
steps:
  - {{kind: Slow, name: middle, only: /pipeline}}
  - {{kind: Forward, to: two}}
---
kind: Route
name: long
path: /*
pipeline: shared
"""
SLOW = '''
from penstock.sdk import Field, Filter, FilterConfig


class Slow(Filter):
    """Takes too long for one path."""

    example = """
        kind: Slow
        only: /slow
    """

    class Config(FilterConfig):
        only: str = Field(description="The path.")

    def on_request(self, request):
        while request.path == self.config.only:
            pass
'''


def test_whatever_a_plan_names_is_counted_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    with Origin() as origin:
        configuration = EVERYTHING.format(filters=tmp_path / "slow.py", url=origin.url)
        with GatewayProcess(configuration, workers=1) as gateway:
            address = origin.url.removeprefix("http://")
            for path in ("/short/a", "/long", "/before", "/pipeline", "/after"):
                ask(gateway, path)
            overruns = samples(gateway, "penstock_filter_overruns_total")
            steps = {"listener:web:before": "first", "shared": "middle", "listener:web:after": "last"}
            assert overruns == {
                **{f'pipeline="{pipeline}",step="{step}"': 1.0 for pipeline, step in steps.items()},
                'pipeline="*",step="*"': 0.0,
            }
            attempts = samples(gateway, "penstock_upstream_attempts_total")
            assert attempts[f'upstream="{origin.url}"'] == 1
            assert attempts['upstream="two"'] >= 2
            in_flight = samples(gateway, "penstock_requests_in_flight")
            assert set(in_flight) == {
                f'upstream="two",endpoint="{address}"',
                'upstream="two",endpoint="127.0.0.1:1"',
                f'upstream="{origin.url}",endpoint="{address}"',
                'upstream="*",endpoint="*"',
            }
            text = gateway.ask("GET", "/metrics")[1]
            strangers = [one for one in SAMPLE.finditer(text) if '"*"' in (one["labels"] or "") and float(one["value"])]
            assert strangers == [], "everything has its own place"
            requests = samples(gateway, "penstock_requests_total")
            assert requests['route="short",class="2xx"'] == 1
            assert requests['route="-",class="5xx"'] == 1, "stopped before it was routed"


def ask(gateway: GatewayProcess, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port(), timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    return answer.status


def test_a_limit_of_connections_holds_over_all_workers_and_a_dead_worker_gives_its_part_back() -> None:
    with Origin() as origin:
        limited = forwarding(origin.url).replace(
            "address: 127.0.0.1:0", "address: 127.0.0.1:0\nlimits: {connections: 12}"
        )
        with GatewayProcess(limited) as gateway, Load(gateway.port(), kept=12, fresh=0, pause=0.01):
            wait_until(lambda: summed(gateway, "penstock_open_connections") == 12)
            with pytest.raises((OSError, http.client.HTTPException)):
                ask(gateway, "/")
            assert summed(gateway, "penstock_connections_refused_total") >= 1
            os.kill(gateway.worker_pids()[0], signal.SIGKILL)
            wait_until(lambda: gateway.status()["restarts"] == 1)
            wait_until(lambda: summed(gateway, "penstock_open_connections") == 12)
