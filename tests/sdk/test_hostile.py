"""What filters do that none should, and what it costs the others (J6, J7, J8, J9, R42)."""

import http.client
import signal
from pathlib import Path

import pytest

from tests.sdk.probing import ask
from tests.servers.gateway_process import GatewayProcess, wait_until

PLUGIN = Path(__file__).parent / "hostile"
BASE = f"""
kind: Listener
name: web
address: 127.0.0.1:0
---
kind: Plugin
name: hostile
python: {PLUGIN}
---
kind: Route
name: plain
path: /plain
steps: [{{kind: Respond, status: 200, body: plain}}]
---
kind: Route
name: out
path: /out
steps: [{{kind: HostileOut}}, {{kind: Respond, status: 200, body: mine}}]
"""
ROUTE = """
kind: Route
name: {name}
path: /{action}
steps: [{{kind: Hostile, does: {action}}}, {{kind: Respond, status: 200, body: passed}}]
"""


def hostile(*actions: str, workers: int = 1) -> GatewayProcess:
    routes = [ROUTE.format(name=action.replace("_", "-"), action=action) for action in actions]
    return GatewayProcess("---".join([BASE, *routes]), workers=workers)


@pytest.mark.parametrize("action", ["memory", "deep", "cancelled", "closing", "own", "group"])
def test_j6_what_goes_wrong_costs_its_request_alone(action: str) -> None:
    with hostile(action) as gateway:
        pids = gateway.worker_pids()
        assert ask(gateway, f"/{action}").status == 500
        assert ask(gateway, "/plain").text == "plain"
        assert gateway.worker_pids() == pids


def test_j8_a_fork_serves_nobody() -> None:
    with hostile("fork") as gateway:
        (pid,) = gateway.worker_pids()
        for _ in range(3):
            assert ask(gateway, "/fork").text == str(pid)
        wait_until(lambda: processes_of(pid) == [pid])
        assert ask(gateway, "/plain").text == "plain"


def processes_of(pid: int) -> list[int]:
    """A process and its children that have not ended."""
    found = [pid]
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(path.parent.name))
    return found


def test_what_everybody_uses_may_be_changed_and_requests_are_served() -> None:
    with hostile("patch") as gateway:
        pids = gateway.worker_pids()
        assert [ask(gateway, "/patch").text for _ in range(2)] == ["patched", "patched"]
        assert ask(gateway, "/plain").text == "plain"
        gateway.file.write_text(gateway.file.read_text().replace("body: plain", "body: changed"))
        wait_until(lambda: ask(gateway, "/plain").text == "changed")
        assert gateway.worker_pids() == pids


def test_j8_a_loop_without_the_watchdogs_signal_costs_the_worker() -> None:
    with hostile("deaf_to_signals") as gateway:
        port, pids = gateway.port(), gateway.worker_pids()
        with pytest.raises((OSError, http.client.HTTPException)):
            ask(gateway, "/deaf_to_signals", port=port)
        wait_until(lambda: gateway.worker_pids() not in (pids, []))
        assert ask(gateway, "/plain", port=port).text == "plain"


def test_threads_of_a_filter_slow_requests_down_and_neither_stop_them_nor_the_end() -> None:
    with hostile("threads", "kept") as gateway:
        port = gateway.port()
        assert ask(gateway, "/threads", port=port).text == "started"
        for _ in range(10):
            assert ask(gateway, "/plain", port=port).text == "plain"
            assert ask(gateway, "/kept", port=port).text == "0"
        gateway.signal(signal.SIGTERM)
        assert gateway.wait(20) == 0


def test_r42_no_request_without_a_python_filter_waits_for_the_interpreter() -> None:
    with hostile("hold") as gateway:
        port, pids = gateway.port(), gateway.worker_pids()
        assert ask(gateway, "/hold", port=port).text == "started"
        wait_until(lambda: "holding" in gateway.said)
        for _ in range(100):
            assert ask(gateway, "/plain", port=port).text == "plain"
        gateway.write(gateway.file.read_text().replace("body: plain", "body: changed"))
        wait_until(lambda: ask(gateway, "/plain", port=port).text == "changed")
        assert "let go" not in gateway.said, "the interpreter was not held all the time"
        assert gateway.worker_pids() == pids


def test_a_thread_reaches_no_request_neither_in_the_call_nor_after_it() -> None:
    with hostile("thread_writes", "late_thread", "kept") as gateway:
        port = gateway.port()
        assert ask(gateway, "/thread_writes", port=port).text == (
            "this request belongs to another thread: copy what you need"
        )
        for _ in range(20):
            answer = ask(gateway, "/late_thread", port=port)
            assert (answer.text, answer.headers["x-late"]) == ("started", None)
        assert ask(gateway, "/kept", port=port).text == "0"


def test_what_a_filter_prints_is_in_the_gateways_output() -> None:
    with hostile("printing") as gateway:
        assert ask(gateway, "/printing").text == "printed"
        wait_until(lambda: "a filter prints" in gateway.said and "to standard error too" in gateway.said)


def test_j9_no_header_of_an_answer_breaks_it_and_the_statuses_are_those_of_answers() -> None:
    with hostile() as gateway:
        answer = ask(gateway, "/out")
        assert (answer.status, answer.text) == (200, "/out")
        assert sorted(answer.headers.keys()) == ["content-length", "content-type", "date"]


def test_j9_headers_are_bounded() -> None:
    with hostile("huge_headers", "long_header") as gateway:
        said = ask(gateway, "/huge_headers").text.splitlines()
        assert said == ["the headers of one message are at most 1 MiB"] * 3
        assert ask(gateway, "/long_header").headers["x-long"] == "a" * 60_000
