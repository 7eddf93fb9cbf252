"""What the admin API tells of the gateway at work."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from penstock.model.kinds import KINDS
from tests.admin.api import Api, api_of
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.origin import Origin
from tests.servers.requests import get

FILES = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
{kind: Upstream, name: orders, endpoints: [{url: "ORIGIN", tags: [v2]}, {url: "http://localhost:1", weight: 0}]}
---
{kind: Route, name: orders, path: /orders/*, headers: {x-beta: "1"}, to: orders}
---
{kind: Route, name: all, path: /all, to: orders}
"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with (
        Origin() as origin,
        GatewayProcess(FILES.replace("ORIGIN", origin.url), "--admin", "127.0.0.1:0", workers=2) as started,
    ):
        yield started


@pytest.fixture
def api(gateway: GatewayProcess) -> Api:
    return api_of(gateway)


def test_a_request_is_explained_as_by_the_command(gateway: GatewayProcess, api: Api) -> None:
    asked = {"method": "GET", "url": "http://shop/orders/7", "headers": [["x-beta", "1"]], "from": "192.0.2.1"}
    told = api.ask("POST", "/api/v1/explain", asked)
    assert (told.status, told.data["chosen"]["route"], told.data["chosen"]["upstream"]) == (200, "orders", "orders")
    words = ("explain", "-c", str(gateway.file), "GET", asked["url"], "-H", "x-beta: 1", "-o", "json")
    by_command = json.loads(gateway.command(*[str(word) for word in words]).stdout)
    assert told.data == by_command
    assert api.ask("POST", "/api/v1/explain", {**asked, "headers": []}).data["status"] == 404
    refused: list[Any] = [
        {"method": "GET"},
        [],
        {**asked, "url": "x"},
        {**asked, "url": "/x", "headers": 5},
        {**asked, "url": "/x", "headers": ["host", ["host", 5]]},
        {**asked, "listener": "none"},
        {**asked, "a": 1},
    ]
    for wrong in refused:
        assert api.ask("POST", "/api/v1/explain", wrong).status == 400
    # What runs later is what is explained later.
    route = {"path": "/orders/7", "steps": [{"kind": "Respond", "status": 200}], "priority": 1}
    assert api.ask("PUT", "/api/v1/resources/route/first", route).status == 201
    assert api.ask("POST", "/api/v1/explain", asked).data["chosen"]["route"] == "first"
    assert api.ask("DELETE", "/api/v1/resources/route/first").status == 200


def test_upstreams_listeners_and_workers_are_told_with_what_was_counted(gateway: GatewayProcess, api: Api) -> None:
    before = upstream(api)["attempts_total"]
    for _ in range(3):
        assert get(gateway.port(), "/all")[0] == 200
    wait_until(lambda: upstream(api)["attempts_total"] == before + 3)
    found = upstream(api)
    first, second = found["endpoints"]
    assert (first["tags"], first["weight"], second["weight"]) == (["v2"], 1, 0)
    assert (second["address"], set(second["addresses"]) <= {"127.0.0.1", "::1"}) == ("localhost:1", True)
    assert (found["balance"], found["protocol"]) == ("round_robin", "http1")
    # An attempt is counted before its exchange has ended.
    wait_until(lambda: upstream(api)["endpoints"][0]["requests_in_flight"] == 0)
    (listener,) = api.ask("GET", "/api/v1/listeners").data["items"]
    assert (listener["name"], listener["bound"]) == ("web", f"127.0.0.1:{gateway.port()}")
    assert listener["connections_total"] >= 3
    told = api.ask("GET", "/api/v1/workers").data["items"]
    assert [one["pid"] for one in told] == gateway.worker_pids()
    assert all(0 < one["pss_bytes"] <= one["rss_bytes"] for one in told)


def upstream(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.ask("GET", "/api/v1/upstreams").data["items"][0]
    return found


def test_what_is_not_well_is_told_by_name(gateway: GatewayProcess, api: Api) -> None:
    told = api.ask("GET", "/api/v1/health").data
    assert (told["state"], told["is_ready"]) == ("well", True)
    assert {one["name"] for one in told["checks"]} >= {"workers", "plan", "configuration", "certificates"}
    right = gateway.file.read_text()
    gateway.write("kind: Route\nname: a\nto: nobody\n")
    wait_until(lambda: api.ask("GET", "/api/v1/health").data["state"] == "degraded")
    wrong = [one for one in api.ask("GET", "/api/v1/health").data["checks"] if not one["is_well"]]
    assert [one["name"] for one in wrong] == ["configuration"]
    assert "no upstream is called `nobody`" in wrong[0]["detail"]
    gateway.write(right)
    wait_until(lambda: api.ask("GET", "/api/v1/health").data["state"] == "well")


def test_filters_and_schemas_are_told(api: Api) -> None:
    names = [one["name"] for one in api.ask("GET", "/api/v1/filters").data["items"]]
    assert {"Forward", "Respond", "SetHeaders"} <= set(names)
    one = api.ask("GET", "/api/v1/filters/Respond").data
    assert (one["name"], "status" in one["schema"]["properties"]) == ("Respond", True)
    absent = api.ask("GET", "/api/v1/filters/Respnd")
    assert (absent.status, "did you mean `Respond`?" in absent.data["detail"]) == (404, True)
    assert set(api.ask("GET", "/api/v1/schemas").data["$defs"]) >= set(KINDS)
    for kind in KINDS:
        assert api.ask("GET", f"/api/v1/schemas/{kind.lower()}").data["properties"]["kind"]["const"] == kind
    assert api.ask("GET", "/api/v1/schemas/nothing").status == 404


def test_the_level_of_the_log_is_changed_while_it_runs(gateway: GatewayProcess, api: Api) -> None:
    assert api.ask("GET", "/api/v1/log-level").data == {"level": "info"}
    assert api.ask("PUT", "/api/v1/log-level", {"level": "error"}).data == {"level": "error"}
    before = gateway.said.count(" INFO ")
    assert api.ask("POST", "/-/reload").status == 200
    assert gateway.said.count(" INFO ") == before
    assert api.ask("PUT", "/api/v1/log-level", {"level": "info"}).status == 200
    refused: list[Any] = [{"level": "loud"}, {}, [], {"level": "info", "for": 1}]
    for wrong in refused:
        assert api.ask("PUT", "/api/v1/log-level", wrong).status == 400


def test_i23_profiles_are_off_unless_asked_for_at_the_start(api: Api) -> None:
    for what in ("processor", "memory", "threads"):
        refused = api.ask("GET", f"/api/v1/debug/{what}")
        assert (refused.status, "--debug" in refused.data["detail"]) == (403, True)


def test_i23_profiles_tell_where_time_and_memory_go() -> None:
    with GatewayProcess(FILES.replace("ORIGIN", "http://127.0.0.1:1"), "--debug", workers=1) as gateway:
        status, stacks = gateway.ask("GET", "/api/v1/debug/processor?seconds=1")
        assert status == 200
        assert any(line.startswith("MainThread;") and "run_forever" in line for line in stacks.splitlines())
        assert all(line.rpartition(" ")[2].isdigit() for line in stacks.splitlines())
        told = gateway.ask("GET", "/api/v1/debug/memory?seconds=1")[1]
        assert [one["name"] for one in told["processes"]] == ["supervisor", "worker 0"]
        assert all(one["rss_bytes"] > 1 << 20 for one in told["processes"])
        (worker,) = gateway.ask("GET", "/api/v1/debug/threads?seconds=1")[1]["items"]
        assert worker["pid"] in gateway.worker_pids()
        assert len(worker["threads"]) > 1
        for seconds in ("0", "00011000000"):
            assert gateway.ask("GET", f"/api/v1/debug/threads?seconds={seconds}")[0] == 400
