"""What clients, endpoints, filters and a supervisor do to the others of one worker (R21, R26, R42, R60), measured."""

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.load import Load, percentile
from tests.servers.processes import resident_kib

HOSTILE = Path(__file__).parent.parent / "sdk" / "hostile"
HALF_SENT = b"GET / HTTP/1.1\r\nHost: a.test\r\nX-Fill: " + b"a" * 300
HALF_SENT_KIB = 160 * 1024
"""The most that ten thousand half-sent heads may cost."""
REQUESTS = 4_000


@contextmanager
def silent_endpoint() -> Iterator[str]:
    """An address whose packets the kernel drops: a backlog that is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(closing(socket.socket()))
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(closing(socket.socket()))
            waiting.settimeout(0)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def configuration(silent: str) -> str:
    return f"""
kind: Listener
name: web
address: 127.0.0.1:0
limits: {{connections: 12000, header_time: 2m}}
---
kind: Plugin
name: hostile
python: {HOSTILE}
---
kind: Route
name: load
path: /load
steps: [{{kind: Respond, status: 200, body: fine}}]
---
kind: Route
name: silent
path: /silent
to: {silent}
---
kind: Route
name: hold
path: /hold
steps: [{{kind: Hostile, does: hold}}]
"""


@contextmanager
def clients_that_sent(port: int, bytes_sent: bytes, count: int) -> Iterator[None]:
    """Clients that have sent something and wait."""
    with ExitStack() as stack:
        for _ in range(count):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            client.sendall(bytes_sent)
        yield


@contextmanager
def requests_to_a_silent_endpoint(gateway: GatewayProcess) -> Iterator[None]:
    # Each takes the two seconds in which a connection may be made; together they outlast the measurement.
    request = b"GET /silent HTTP/1.1\r\nHost: a.test\r\n\r\n"
    with clients_that_sent(gateway.port(), request * 20, 200):
        yield


@contextmanager
def half_sent_heads(gateway: GatewayProcess) -> Iterator[None]:
    (worker,) = gateway.worker_pids()
    before = resident_kib(worker)
    with clients_that_sent(gateway.port(), HALF_SENT, 10_000):
        wait_until(lambda: gateway.status()["connections"] >= 10_000, 30)
        yield
        assert resident_kib(worker) - before <= HALF_SENT_KIB


@contextmanager
def a_held_interpreter(gateway: GatewayProcess) -> Iterator[None]:
    with clients_that_sent(gateway.port(), b"GET /hold HTTP/1.1\r\nHost: a.test\r\n\r\n", 1):
        wait_until(lambda: "holding" in gateway.said)
        yield
        assert "let go" not in gateway.said


@contextmanager
def a_stopped_supervisor(gateway: GatewayProcess) -> Iterator[None]:
    assert gateway.process is not None
    os.kill(gateway.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(gateway.process.pid, signal.SIGCONT)


def p99(port: int) -> float:
    """The p99 of many small requests, in seconds; none may be lost."""
    with Load(port, kept=4, fresh=1, pause=0.002) as load:
        wait_until(lambda: load.losses.answered >= REQUESTS, 60)
    assert (load.losses.lost, load.losses.closed, load.losses.dropped) == ([], 0, 0)
    return percentile(load.losses.seconds, 0.99)


Disturbance = Callable[[GatewayProcess], AbstractContextManager[None]]
DISTURBANCES = {
    "R21 and R26": requests_to_a_silent_endpoint,
    "R60": half_sent_heads,
    "R42, in the worker": a_held_interpreter,
    "R42, in the supervisor": a_stopped_supervisor,
}


@pytest.mark.long
@pytest.mark.parametrize(("row", "disturbance"), DISTURBANCES.items())
def test_others_lose_nothing_while(row: str, disturbance: Disturbance, capsys: pytest.CaptureFixture[str]) -> None:
    with silent_endpoint() as silent, GatewayProcess(configuration(silent), workers=1) as gateway:
        port = gateway.port()
        calm = p99(port)
        with disturbance(gateway):
            disturbed = p99(port)
        assert gateway.status()["restarts"] == 0
    with capsys.disabled():
        sys.stderr.write(
            f"\n{row}, {disturbance.__name__.replace('_', ' ')}: {REQUESTS} requests of others, 0 lost, p99 "
            f"{disturbed * 1000:.1f} ms, {disturbed / calm:.2f} times that without\n"
        )
