"""A change that is watched is taken back where errors or latency jump, and kept where they do not."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from penstock.runtime.change.watching import Bounds, Seen, harm, touched_routes
from tests.admin.api import Api, api_of
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.requests import get

FILES = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
{kind: Route, name: other, path: /other, steps: [{kind: Respond, status: 500, body: always}]}
"""
LONG = 20.0


class Fickle:
    """An origin that goes bad when it is told to."""

    def __init__(self) -> None:
        self.status = 200
        self.may_answer = threading.Event()
        self.may_answer.set()


@contextmanager
def fickle() -> Iterator[tuple[Fickle, str]]:
    state = Fickle()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            state.may_answer.wait(LONG)
            self.send_response(state.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield state, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(FILES, "--admin", "127.0.0.1:0", workers=1) as started:
        yield started


@pytest.fixture
def api(gateway: GatewayProcess) -> Api:
    return api_of(gateway)


def route(name: str, url: str) -> dict[str, Any]:
    return {"kind": "Route", "name": name, "path": f"/{name}", "to": url}


def state_of(api: Api, revision: int) -> dict[str, Any]:
    found: dict[str, Any] = next(
        one for one in api.ask("GET", "/api/v1/watches").data["items"] if one["revision"] == revision
    )
    return found


def ask_until(gateway: GatewayProcess, path: str, holds: Callable[[], bool]) -> None:
    def asked() -> bool:
        for _ in range(10):
            get(gateway.port(), path)
        return holds()

    wait_until(asked, 60.0)


def test_a_change_after_which_requests_fail_is_taken_back(gateway: GatewayProcess, api: Api) -> None:
    with fickle() as (_, good), fickle() as (bad_state, bad):
        bad_state.status = 503
        assert api.ask("PUT", "/api/v1/resources/route/shop", route("shop", good)).status == 201
        assert all(get(gateway.port(), "/shop")[0] == 200 for _ in range(30))
        made = api.ask("PUT", "/api/v1/resources/route/shop?watch=10m&max_errors=10%25", route("shop", bad))
        revision = made.data["revision"]
        assert (made.status, made.data["watch"]["state"]) == (200, "watching")
        # What other routes answer is none of it.
        for _ in range(30):
            assert get(gateway.port(), "/other")[0] == 500
        assert state_of(api, revision)["failed"] == 0
        ask_until(gateway, "/shop", lambda: state_of(api, revision)["state"] != "watching")
        watched = state_of(api, revision)
        assert (watched["state"], watched["routes"]) == ("taken back", ["shop"])
        wait_until(lambda: get(gateway.port(), "/shop")[0] == 200)
        newest = api.ask("GET", "/api/v1/history?limit=1").data["items"][0]
        assert (newest["author"], newest["source"], newest["put"]) == ("penstock", "watch", ["route/shop"])
        assert newest["message"].startswith(f"revision {revision} taken back: ")
        assert "requests failed (100.0%), 0.0% before of shop" in newest["message"]
        assert f"revision {revision} is taken back by revision {newest['revision']}" in gateway.said


def test_an_upstream_that_goes_bad_later_counts_for_the_routes_that_use_it(gateway: GatewayProcess, api: Api) -> None:
    with fickle() as (state, url):
        upstream = {"kind": "Upstream", "name": "stock", "endpoints": [url], "idle_connections": 3}
        made = api.ask("POST", "/api/v1/apply", [upstream, {**route("stock", "stock")}])
        assert made.status == 200
        for _ in range(30):
            get(gateway.port(), "/stock")
        changed = {**upstream, "idle_connections": 4}
        watched = api.ask("PUT", "/api/v1/resources/upstream/stock?watch=10m", changed).data
        assert watched["watch"]["routes"] == ["stock"]
        for _ in range(30):
            get(gateway.port(), "/stock")
        assert state_of(api, watched["revision"])["state"] == "watching"
        state.status = 500
        ask_until(gateway, "/stock", lambda: state_of(api, watched["revision"])["state"] == "taken back")
        assert api.ask("GET", "/api/v1/resources/upstream/stock").data["idle_connections"] == 3


def test_a_change_that_does_no_harm_is_kept(gateway: GatewayProcess, api: Api) -> None:
    with fickle() as (_, url):
        made = api.ask("PUT", "/api/v1/resources/route/calm?watch=1s&max_latency=1000x", route("calm", url)).data
        for _ in range(30):
            assert get(gateway.port(), "/calm")[0] == 200
        wait_until(lambda: state_of(api, made["revision"])["state"] == "kept")
        assert api.ask("GET", "/api/v1/resources/route/calm").status == 200


def test_what_somebody_has_changed_since_is_left_to_them(gateway: GatewayProcess, api: Api) -> None:
    with fickle() as (state, url):
        made = api.ask("PUT", "/api/v1/resources/route/busy?watch=10m", route("busy", url)).data
        later = {**route("busy", url), "labels": {"by": "hand"}}
        assert api.ask("PUT", "/api/v1/resources/route/busy", later).status == 200
        state.status = 500
        ask_until(gateway, "/busy", lambda: state_of(api, made["revision"])["state"] == "superseded")
        assert api.ask("GET", "/api/v1/resources/route/busy").data["labels"] == {"by": "hand"}


def test_the_command_watches_and_tells_what_became_of_it(gateway: GatewayProcess) -> None:
    file = gateway.folder / "made.yaml"
    file.write_text("{kind: Route, name: told, path: /told, steps: [{kind: Respond, status: 200}]}")
    words = ("apply", "-f", str(file), "--state-dir", str(gateway.state.path))
    made = gateway.command(*words, "--watch", "1s", "--max-errors", "1%", "--wait")
    assert (made.returncode, made.stdout.splitlines()[-1]) == (0, "it is kept: nothing jumped within 1s")
    refused = gateway.command(*words, "--max-errors", "1%")
    assert (refused.returncode, "say for how long by `watch`" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    "query", ["watch=x", "watch=0s", "watch=25h", "max_errors=5%25", "watch=1m&max_errors=5", "watch=1m&max_latency=2",
              "watch=1m&wait=none"]
)  # fmt: skip
def test_what_cannot_be_watched_is_refused_before_anything_changes(api: Api, query: str) -> None:
    assert api.ask("PUT", f"/api/v1/resources/route/none?{query}", route("none", "http://127.0.0.1:1")).status == 400
    assert api.ask("GET", "/api/v1/resources/route/none").status == 404


CALM = Seen(1000, 10, 1000, 10.0)
HARMS = [
    (Bounds(60), CALM, Seen(19, 19, 19, 1.0), False),
    (Bounds(60), CALM, Seen(20, 2, 20, 1.0), True),
    (Bounds(60), CALM, Seen(20, 1, 20, 1.0), False),
    (Bounds(60), Seen(1000, 900, 1000, 10.0), Seen(100, 90, 100, 1.0), False),
    (Bounds(60, latency=2), CALM, Seen(100, 0, 100, 2.0), False),
    (Bounds(60, latency=2), CALM, Seen(100, 0, 100, 2.1), True),
    (Bounds(60, latency=2), Seen(10, 0, 10, 0.1), Seen(100, 0, 100, 100.0), False),
    (Bounds(60), CALM, Seen(100, 0, 100, 100.0), False),
]


@pytest.mark.parametrize(("bounds", "before", "after", "is_harm"), HARMS)
def test_only_a_jump_of_enough_requests_is_harm(bounds: Bounds, before: Seen, after: Seen, is_harm: object) -> None:
    assert bool(harm(bounds, before, after)) is is_harm


def test_the_routes_of_a_change_are_found_where_they_can_be_told() -> None:
    def pipeline(upstream: str) -> dict[str, Any]:
        return {"body": {"steps": [{"settings": {"to": [{"upstream": f"upstream/{upstream}"}]}}]}}

    parts = {
        "route/a": {"body": {"name": "a", "pipeline": "pipeline/p"}},
        "route/b": {"body": {"name": "b", "pipeline": "pipeline/q"}},
        "pipeline/p": pipeline("one"),
        "pipeline/q": pipeline("two"),
    }
    assert touched_routes(["upstream/one"], parts) == {"a"}
    assert touched_routes(["pipeline/q"], parts) == {"b"}
    assert touched_routes(["route/gone", "upstream/two"], parts) == {"gone", "b"}
    assert touched_routes(["upstream/one", "listener/web"], parts) is None
