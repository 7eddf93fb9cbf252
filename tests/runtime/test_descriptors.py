"""Descriptors that run out (R57): who is served goes on, the admin port answers, and it recovers."""

import http.client
import os
import re
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.origin import Origin

LIMIT = 256
ACCEPTED = LIMIT * 95 // 100
CROWD = 400
LIMITED = ("sh", "-c", f'ulimit -n {LIMIT}; exec "$0" "$@"')


@contextmanager
def limited(configuration: str) -> Iterator[GatewayProcess]:
    """A gateway of one worker whose processes may have few descriptors."""
    gateway = GatewayProcess(configuration, workers=1)
    gateway.flags = (*gateway.flags, "--admin", "127.0.0.1:0")
    gateway.before = LIMITED
    with gateway:
        yield gateway


@contextmanager
def crowd(port: int, count: int = CROWD) -> Iterator[None]:
    """Connections on which nothing is said."""
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
        yield


def status_of(port: int, path: str = "/") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def admin_port(gateway: GatewayProcess) -> int:
    found = re.search(r"admin port on 127\.0\.0\.1:(\d+)", gateway.said)
    assert found is not None, gateway.said
    return int(found[1])


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pauses(gateway: GatewayProcess) -> int:
    pattern = r'^penstock_accept_pauses_total\{listener="web"\} (\d+)'
    found = re.search(pattern, str(gateway.ask("GET", "/metrics")[1]), re.MULTILINE)
    assert found is not None
    return int(found[1])


def test_r57_at_95_percent_no_more_is_accepted_and_all_else_goes_on() -> None:
    with Origin() as origin, limited(forwarding(origin.url)) as gateway, ExitStack() as stack:
        port, (worker,) = gateway.port(), gateway.worker_pids()
        early = stack.enter_context(closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)))
        early.request("GET", "/early")
        assert early.getresponse().read() == b"/early"
        with crowd(port):
            wait_until(lambda: pauses(gateway) > 0)
            before = processor_seconds(worker)
            for number in range(20):
                early.request("GET", f"/{number}")
                assert early.getresponse().read() == f"/{number}".encode()
                assert descriptors(worker) <= ACCEPTED + 5
                time.sleep(0.025)
            assert processor_seconds(worker) - before < 0.25, "the worker spins"
            for path in ("/-/ready", "/-/live", "/metrics"):
                assert status_of(admin_port(gateway), path) == 200
            assert gateway.command("status", "--state-dir", str(gateway.state.path)).returncode == 0
        began = time.monotonic()
        assert status_of(port) == 200
        # The promise is one second; a busy machine is given ten times that.
        assert time.monotonic() - began < 10
        assert "out of system resource" not in gateway.said


def test_r57_requests_wait_for_the_few_connections_to_endpoints_that_are_left() -> None:
    with Origin() as origin, limited(forwarding(origin.url)) as gateway:
        port, (worker,) = gateway.port(), gateway.worker_pids()
        early = [http.client.HTTPConnection("127.0.0.1", port, timeout=20) for _ in range(40)]
        for connection in early:
            connection.connect()
        statuses: list[int] = []

        def ask(connection: http.client.HTTPConnection) -> None:
            connection.request("GET", "/slow?sleep=0.1")
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)

        with crowd(port):
            wait_until(lambda: pauses(gateway) > 0)
            threads = [threading.Thread(target=ask, args=(connection,), daemon=True) for connection in early]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(20)
            assert statuses == [200] * len(early)
            assert descriptors(worker) < LIMIT
        for connection in early:
            connection.close()


def test_r57_silent_connections_to_the_admin_port_keep_nobody_out() -> None:
    with Origin() as origin, limited(forwarding(origin.url)) as gateway:
        port = admin_port(gateway)
        # More than it has descriptors.
        with crowd(port, 300):
            for path in ("/-/ready", "/metrics"):
                assert status_of(port, path) == 200
            assert status_of(gateway.port()) == 200
            supervisor = int(gateway.status()["pid"])
            wait_until(lambda: descriptors(supervisor) < LIMIT / 2)
        assert "out of system resource" not in gateway.said


def test_a_gateway_raises_its_limit_of_descriptors_and_warns_of_listeners_beyond_it() -> None:
    soft = "resource.setrlimit(resource.RLIMIT_NOFILE, (200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))"
    script = f"import os, resource, sys; {soft}; os.execv(sys.argv[1], sys.argv[1:])"
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    gateway = GatewayProcess(forwarding("http://127.0.0.1:1"), workers=1)
    gateway.before = (sys.executable, "-c", script)
    with gateway:
        (worker,) = gateway.worker_pids()
        shown = subprocess.run(["cat", f"/proc/{worker}/limits"], capture_output=True, text=True, check=True).stdout
        found = re.search(r"Max open files\s+(\S+)\s+(\S+)", shown)
        assert found is not None
        assert int(found[1]) == hard == int(found[2])
    with limited(forwarding("http://127.0.0.1:1")) as gateway:
        assert "listener web: limits.connections is 10000, more than 256 descriptors a worker" in gateway.said
        gateway.reload()
        assert gateway.said.count("limits.connections is") == 1, "said again only where something changed"
