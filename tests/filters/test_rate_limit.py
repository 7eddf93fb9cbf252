"""`RateLimit` on a node with two workers: one bucket for a key, whoever asks it how (E6)."""

import http.client
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from tests.runtime.test_counting import samples
from tests.runtime.upgrade.test_versions import upgraded
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.http2_client import Http2Client
from tests.servers.origin import Origin
from tests.servers.other_version import changed_version
from tests.servers.requests import ask_many, get

BURST = 100
"""With five an hour beside it, nothing comes back while a test runs."""
CLIENT = "key: client_ip"
TENANT = """key: "{{ request.headers['x-tenant'] }}" """
PATH = 'key: "{{ request.path }}"'
SENTENCE = b"429 Too Many Requests: too many requests; come again later\n"


def limited(key: str = "", mark: str = "1", burst: int = BURST) -> str:
    """A route that so many requests may come to at once."""
    return f"""
kind: Listener
name: web
address: 127.0.0.1:0
protocols: [http1, h2c]
---
kind: Route
name: other
path: /other
steps: [{{kind: Respond, body: "{mark}"}}]
---
kind: Route
name: shop
path: /*
steps:
  - kind: RateLimit
    rate: 5/h
    burst: {burst}
    {key}
  - {{kind: Respond, body: fine}}
"""


def statuses(port: int, headers: Callable[[int], dict[str, str]], paths: Sequence[str]) -> list[int]:
    """Of requests on fresh connections, more than may pass."""
    found = []
    for number in range(BURST + 20):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", paths[number % len(paths)], headers=headers(number))
        found.append(connection.getresponse().status)
        connection.close()
    return found


def over_http2(port: int, count: int) -> list[int]:
    """Of streams of one connection."""
    with Http2Client(port) as client:
        return [client.get("/").status for _ in range(count)]


def made_up(number: int) -> dict[str, str]:
    return {"x-forwarded-for": f"10.1.2.{number}", "forwarded": f"for=10.1.3.{number}"}


ATTACKS: Mapping[str, tuple[str, Callable[[int], dict[str, str]], Sequence[str]]] = {
    "new connections": (CLIENT, lambda _: {}, ["/"]),
    "addresses that a stranger makes up": (CLIENT, made_up, ["/"]),
    "the case of a header": (TENANT, lambda number: {("X-Tenant", "x-tenant", "x-TENANT")[number % 3]: "a"}, ["/"]),
    "white space around a value": (TENANT, lambda number: {"x-tenant": " " * (number % 3) + "a"}, ["/"]),
    "no header at all": (TENANT, lambda number: {} if number % 2 else {"x-tenant": ""}, ["/"]),
    "spellings of a path": (PATH, lambda _: {}, ["/a", "/./a", "/x/../a", "/%61", "//a"]),
}
"""What is the key, and by which headers and paths somebody wants more of it."""


@pytest.mark.parametrize("attack", ATTACKS)
def test_e6_nobody_gets_more_by(attack: str) -> None:
    key, headers, paths = ATTACKS[attack]
    with GatewayProcess(limited(key)) as gateway:
        assert statuses(gateway.port(), headers, paths) == [200] * BURST + [429] * 20


def test_e6_http2_gives_no_more_than_http1_and_all_workers_have_one_bucket() -> None:
    with GatewayProcess(limited(CLIENT)) as gateway:
        port = gateway.port()
        assert ask_many(port, "/", BURST // 2) == {200: BURST // 2}
        assert over_http2(port, BURST // 2) == [200] * (BURST // 2)
        assert over_http2(port, 2) == [429] * 2
        assert ask_many(port, "/", 40) == {429: 40}
        assert all(worker["requests"] for worker in gateway.status()["workers"]), "both were asked"


JUMPED = """
kind: Listener
name: web
address: 127.0.0.1:0
---
kind: Route
name: shop
path: /*
steps:
  - {{kind: MaxBodySize, limit: 3B, on: {{too_large: large}}}}
  - {{kind: Respond, body: small}}
  - {{kind: RateLimit, name: large, rate: 5/h, burst: 1}}
  - {{kind: Forward, to: shop}}
---
kind: Upstream
name: shop
endpoints: ["{origin}"]
"""


def test_who_is_limited_goes_no_further_though_another_step_had_answered_before() -> None:
    with Origin() as origin, GatewayProcess(JUMPED.format(origin=origin.url)) as gateway:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port(), timeout=20)
        found = []
        for _ in range(3):
            connection.request("POST", "/", b"large")
            answer = connection.getresponse()
            found.append((answer.status, b"too many" in answer.read()))
        connection.close()
        assert found == [(200, False), (429, True), (429, True)]
        assert origin.counts == {"/": 1}


def test_what_is_limited_is_told_when_to_come_again_and_counted() -> None:
    with GatewayProcess(limited(burst=1)) as gateway:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port(), timeout=20)
        assert get(gateway.port(), "/") == (200, b"fine")
        connection.request("POST", "/", b"x" * 1000, {"accept": "text/plain"})
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (429, SENTENCE)
        assert 0 < int(answer.headers["retry-after"]) <= 720
        # Its body was read to its end: what follows is the next request.
        connection.request("GET", "/other")
        assert connection.getresponse().status == 200
        connection.close()
        counted = samples(gateway, "penstock_rate_limit_requests_total")
        told = {labels: value for labels, value in counted.items() if 'pipeline="*"' not in labels}
        assert sorted(told.values()) == [1, 1]
        assert all('pipeline="' in labels and 'outcome="' in labels for labels in told)
        assert sum(samples(gateway, "penstock_rate_limit_overflows_total").values()) == 0
        refused = samples(gateway, "penstock_failures_total")
        assert [value for labels, value in refused.items() if 'reason="rate_limited"' in labels] == [1]


def test_a_jump_may_answer_otherwise() -> None:
    steps = """
  - {kind: RateLimit, rate: 5/h, burst: 1, on: {limited: tell}}
  - {kind: Respond, body: fine}
  - end
  - {kind: Respond, name: tell, status: 503, body: later}
"""
    with GatewayProcess(limited().partition("\n  - kind: RateLimit")[0] + steps) as gateway:
        assert [get(gateway.port(), "/")[0] for _ in range(2)] == [200, 503]


def test_a_bucket_outlives_changes_of_something_else_workers_supervisors_and_versions(tmp_path: Path) -> None:
    with GatewayProcess(limited()) as gateway:
        assert ask_many(gateway.port(), "/", BURST - 1) == {200: BURST - 1}
        gateway.write(limited(mark="2"))
        assert gateway.reload().returncode == 0
        assert get(gateway.port(), "/other") == (200, b"2")
        for process in gateway.worker_pids():
            restarts = gateway.status()["restarts"]
            os.kill(process, signal.SIGKILL)
            wait_until(lambda restarts=restarts: gateway.status()["restarts"] == restarts + 1)
        # One that does not serve yet gives no table.
        wait_until(lambda: all(worker["revision"] for worker in gateway.status()["workers"]))
        gateway.signal(signal.SIGKILL)
        gateway.wait(5)
        gateway.start()
        assert [get(gateway.port(), "/")[0] for _ in range(3)] == [200, 429, 429]
        upgraded(gateway, changed_version(tmp_path, {}))
        assert get(gateway.port(), "/")[0] == 429


def test_a_limit_that_was_made_stricter_goes_on_with_its_bucket() -> None:
    with GatewayProcess(limited(burst=4)) as gateway:
        assert ask_many(gateway.port(), "/", 3) == {200: 3}
        gateway.write(limited(burst=3))
        assert gateway.reload().returncode == 0
        assert get(gateway.port(), "/")[0] == 429
