"""What becomes of a request, and of the worker, when a filter fails (J6)."""

import re
from collections.abc import Iterator

import pytest

from tests.sdk.probing import ask, probing
from tests.servers.gateway_process import GatewayProcess, wait_until

FAILING = ("exit", "interrupted", "recurse", "unspeakable", "wrong_value", "wrong_type")
STEPS = """
kind: Route
name: lenient
path: /lenient
steps: [{kind: Lenient}, {kind: Respond, status: 200, body: passed}]
---
kind: Route
name: prepared
path: /prepared
steps: [{kind: Prepared}, {kind: Respond, status: 200, body: passed}]
---
kind: Route
name: by-step
path: /by-step
steps: [{kind: Prepared, on_error: 502}, {kind: Respond, status: 200, body: passed}]
---
kind: Route
name: out
path: /out
steps: [{kind: Stamp}, {kind: Respond, status: 200, body: mine}]
"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with probing([*FAILING, "nothing"], STEPS) as running:
        yield running


@pytest.mark.parametrize("action", FAILING)
def test_j6_whatever_a_filter_raises_costs_its_request_alone(gateway: GatewayProcess, action: str) -> None:
    pids = gateway.worker_pids()
    answer = ask(gateway, f"/{action}")
    assert (answer.status, answer.headers["content-type"]) == (500, "application/problem+json")
    assert '"reason":"filter_failed"' in answer.text
    assert ask(gateway, "/nothing").text == "passed"
    assert gateway.worker_pids() == pids


@pytest.mark.parametrize(
    ("target", "status", "body"),
    [("/lenient", 200, "passed"), ("/prepared", 503, "later"), ("/by-step", 502, "")],
)
def test_on_error_says_what_becomes_of_the_request(
    gateway: GatewayProcess, target: str, status: int, body: str
) -> None:
    answer = ask(gateway, target)
    assert (answer.status, answer.text) == (status, body)


def test_a_failure_on_the_way_out_replaces_the_answer(gateway: GatewayProcess) -> None:
    answer = ask(gateway, "/out?wish=fail")
    assert (answer.status, answer.headers["x-status"]) == (500, None)
    assert '"reason":"filter_failed"' in answer.text


def test_a_failure_is_logged_once_a_second_with_the_frames_of_the_author() -> None:
    with probing(["wrong_type", "exit"]) as gateway:
        port = gateway.port()
        for _ in range(20):
            ask(gateway, "/exit", port=port)
        wait_until(lambda: "filter Probe failed: SystemExit: 3" in gateway.said)
        lines = gateway.said.splitlines()
        assert sum("filter Probe failed" in line for line in lines) <= 2
        frames = [line for line in lines if line.startswith("  ")]
        assert frames
        assert all(line.lstrip().startswith(("probe.py:", "request ")) for line in frames)
        assert re.search(r"^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z ERROR filter Probe failed: ", gateway.said, re.MULTILINE)
        assert re.search(r"^ +request [0-9a-f]{32}, route \w+$", gateway.said, re.MULTILINE)
