"""Rates, errors and latencies of the last minutes, asked of a gateway under traffic."""

import http.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.configurations import many_routes
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.origin import Origin

CONFIGURATION = """
kind: Listener
name: web
address: 127.0.0.1:0
---
kind: Upstream
name: shop
endpoints: [{url}]
---
kind: Route
name: busy
path: /busy/*
to: shop
---
kind: Route
name: slow
path: /slow/*
to: shop
---
kind: Route
name: broken
path: /broken/*
to: http://127.0.0.1:1
---
kind: Route
name: idle
path: /idle/*
to: shop
"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with Origin() as origin, GatewayProcess(CONFIGURATION.format(url=origin.url)) as gateway:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port(), timeout=30)
        for path in ["/busy/a"] * 40 + ["/slow/a?sleep=0.2"] * 4 + ["/broken/a"] * 6 + ["/nowhere"]:
            connection.request("GET", path)
            connection.getresponse().read()
        connection.close()
        # Readings that are asked for are a quarter of a second apart.
        wait_until(lambda: gateway.ask("GET", "/api/v1/statistics?window=15m&name=-")[1]["routes"])
        yield gateway


def asked(gateway: GatewayProcess, path: str) -> Any:
    status, data = gateway.ask("GET", path)
    assert status == 200, data
    return data


def named(items: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    return next(one for one in items if one[kind] == name)


def test_statistics_tell_what_each_route_and_endpoint_did(gateway: GatewayProcess) -> None:
    told = asked(gateway, "/api/v1/statistics?window=15m")
    routes = told["routes"]
    assert {one["route"] for one in routes} == {"busy", "slow", "broken", "-"}
    assert [named(routes, "route", name)["requests"] for name in ("busy", "slow", "broken", "-")] == [40, 4, 6, 1]
    assert named(routes, "route", "-")["status"] == {"4xx": 1}
    broken = named(routes, "route", "broken")
    assert (broken["errors"], broken["error_ratio"], broken["status"]) == (6, 1.0, {"5xx": 6})
    slow = named(routes, "route", "slow")["latency_ms"]
    # What is told lies in the bucket of the true value: 200 ms belong to that from 180 to 200, or to a later one.
    assert 180 <= slow["p50"] <= slow["p99"] <= slow["p99.9"]
    busy = named(routes, "route", "busy")
    assert busy["sent_bytes"] > 0
    assert busy["active"] == 0
    assert named(told["endpoints"], "upstream", "shop")["requests"] == 44
    refusing = named(told["endpoints"], "endpoint", "127.0.0.1:1")
    assert (refusing["requests"], refusing["errors"], refusing["connect_failures"]) == (6, 6, 6)
    assert named(told["upstreams"], "upstream", "shop")["requests"] == 44
    assert named(told["listeners"], "listener", "web")["connections"] == 1
    assert told["window_seconds"] <= 900


def test_what_is_at_rest_is_told_when_it_is_asked_for(gateway: GatewayProcess) -> None:
    told = asked(gateway, "/api/v1/statistics?kind=route&name=idle&all=true")
    assert [one["route"] for one in told["routes"]] == ["idle"]
    assert told["routes"][0]["latency_ms"] is None
    assert "endpoints" not in told
    assert asked(gateway, "/api/v1/statistics?kind=route&name=idle")["routes"] == []


@pytest.mark.parametrize(("order", "first"), [("requests", "busy"), ("latency", "slow"), ("errors", "broken")])
def test_top_lists_what_stands_out(gateway: GatewayProcess, order: str, first: str) -> None:
    told = asked(gateway, f"/api/v1/top?window=15m&by={order}&limit=2")
    assert (told["by"], told["items"][0]["route"], len(told["items"])) == (order, first, 2)


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/api/v1/statistics?window=16m", "window: write a time from 1s to 15m"),
        ("/api/v1/statistics?window=60", "window: not a duration"),
        ("/api/v1/statistics?kind=filter", "kind: write one of route, endpoint, upstream, listener"),
        ("/api/v1/top?by=name", "by: write one of requests, latency, errors"),
        ("/api/v1/top?limit=0", "limit: write a number from 1 to 1000"),
        ("/api/v1/top?limit=0000000011001", "limit: write a number from 1 to 1000"),
        (f"/api/v1/top?limit={'1':0>9}{'9' * 5000}", "limit: write a number from 1 to 1000"),
    ],
)
def test_a_query_that_cannot_be_understood_is_told_what_to_write(
    gateway: GatewayProcess, path: str, detail: str
) -> None:
    status, told = gateway.ask("GET", path)
    assert status == 400
    assert detail in told["detail"]


def test_a_request_under_way_is_told_as_active(gateway: GatewayProcess) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port(), timeout=30)
    connection.request("GET", "/slow/a?sleep=1.5")

    def active() -> list[int]:
        found = asked(gateway, "/api/v1/statistics?kind=route&name=slow&window=1s")["routes"]
        return [one["active"] for one in found]

    wait_until(lambda: active() == [1])
    connection.getresponse().read()
    connection.close()
    wait_until(lambda: active() in ([], [0]))


def test_reading_a_thousand_routes_costs_little_of_a_core() -> None:
    with GatewayProcess(many_routes(1000, "a", "http://127.0.0.1:1"), workers=1) as gateway:
        assert gateway.process is not None
        tasks = Path(f"/proc/{gateway.process.pid}/task")
        [sampler] = [one for one in tasks.iterdir() if (one / "comm").read_text() == "sampler\n"]

        def spent() -> tuple[int, int]:
            """Processor time in nanoseconds, and turns."""
            used, _, turns = (sampler / "schedstat").read_text().split()
            return int(used), int(turns)

        before = spent()
        wait_until(lambda: spent()[1] >= before[1] + 5, 60)
        after = spent()
        # One reading each second: 10 ms of it are a hundredth of a core.
        assert (after[0] - before[0]) / (after[1] - before[1]) < 10e6
