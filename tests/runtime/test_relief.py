"""A worker with far more connections than the other is relieved: fresh ones go to that."""

import socket
import time
from contextlib import ExitStack
from pathlib import Path

from tests.runtime.configurations import forwarding
from tests.runtime.test_neighbours import MANY, statuses, stopped
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.origin import Origin

BATCH = 20
"""Without relief each has an even chance: that so many go to one side happens once in a million times."""


def open_sockets(pid: int) -> int:
    return sum(str(link.readlink()).startswith("socket:") for link in Path(f"/proc/{pid}/fd").iterdir())


def connect(port: int, count: int, kept: ExitStack) -> None:
    """Open connections that have a request answered, so that they have been accepted, and wait then."""
    for _ in range(count):
        client = kept.enter_context(socket.create_connection(("127.0.0.1", port), 5))
        client.sendall(b"GET /x HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200")


def test_fresh_connections_go_to_the_worker_that_has_few() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway, ExitStack() as kept:
        port, (full, empty) = gateway.port(), gateway.worker_pids()
        with stopped(empty):
            connect(port, 150, kept)

        def all_go_to_the_empty_one() -> bool:
            with ExitStack() as tried:
                before = open_sockets(full)
                connect(port, BATCH, tried)
                return open_sockets(full) <= before

        wait_until(all_go_to_the_empty_one, 20)
        # Once it has as many, each serves its own again.
        connect(port, 150, kept)
        before = open_sockets(full)
        deadline = time.monotonic() + 20
        while open_sockets(full) < before + BATCH // 4:
            assert time.monotonic() < deadline, "the worker that was full accepts nothing any more"
            connect(port, 2, kept)
        assert statuses(port) == [200] * MANY
