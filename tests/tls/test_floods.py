"""Handshakes that come in masses, and those that cost the gateway more than their sender (G10, R9)."""

import os
import select
import signal
import socket
import ssl
from pathlib import Path

import pytest

from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.tls_client import CERTIFICATES, ask, connect, everything, trusting

CONFIGURATION = f"""
kind: Certificate
name: shop
certificate: ${{file:{CERTIFICATES}/shop.pem}}
key: ${{file:{CERTIFICATES}/shop.key}}
---
{{kind: Listener, name: web, address: "127.0.0.1:0", tls: {{certificates: [shop]}}, limits: {{header_time: TIME}}}}
---
{{kind: Route, name: all, path: /*, steps: [{{kind: Respond, status: 200, body: good}}]}}
"""
FLOOD = 600
ROUNDS = 10


def gateway(header_time: str = "10s") -> GatewayProcess:
    return GatewayProcess(CONFIGURATION.replace("TIME", header_time), workers=1)


def hello(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> bytes:
    """The first flight of a client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = trusting()
    context.minimum_version = context.maximum_version = version
    client = context.wrap_bio(incoming, outgoing, server_hostname="shop.test")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def answered(streams: list[socket.socket]) -> int:
    return len(select.select(streams, [], [], 0)[0])


def test_g10_requests_do_not_wait_for_a_flood_of_handshakes() -> None:
    with gateway() as process, connect(process.port()) as served:
        port, worker = process.port(), process.worker_pids()[0]
        assert ask(served, is_last=False).startswith(b"HTTP/1.1 200 ")
        flight = hello()
        # Whoever comes while the worker stands still is there at once when it goes on.
        os.kill(worker, signal.SIGSTOP)
        try:
            flood = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(FLOOD)]
            for stream in flood:
                stream.sendall(flight)
        finally:
            os.kill(worker, signal.SIGCONT)
        for _ in range(ROUNDS):
            assert ask(served, is_last=False).startswith(b"HTTP/1.1 200 ")
        # All that was ready before a request would else be served before it.
        assert answered(flood) < FLOOD / 2
        wait_until(lambda: answered(flood) == FLOOD, 30)
        for stream in flood:
            assert stream.recv(1) == b"\x16"
            stream.close()


def test_g10_handshakes_that_are_left_cost_those_who_wait_nothing_but_their_turn() -> None:
    with gateway() as process:
        port, flight = process.port(), hello()
        for _ in range(FLOOD // 2):
            with socket.create_connection(("127.0.0.1", port), 10) as stream:
                stream.sendall(flight)
        with connect(port) as stream:
            assert ask(stream).startswith(b"HTTP/1.1 200 ")
        wait_until(lambda: "penstock_open_connections{" in (text := metrics(process)) and open_connections(text) == 0)


def metrics(process: GatewayProcess) -> str:
    return str(process.ask("GET", "/metrics")[1])


def open_connections(text: str) -> int:
    lines = (line for line in text.splitlines() if line.startswith('penstock_open_connections{listener="web"}'))
    return int(float(next(lines).rpartition(" ")[2]))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_g10_a_handshake_in_records_of_one_byte_is_gone_through(version: ssl.TLSVersion) -> None:
    flight = hello(version)
    cut = b"".join(b"\x16\x03\x01\x00\x01" + bytes([byte]) for byte in flight[5:])
    with gateway() as process, socket.create_connection(("127.0.0.1", process.port()), 10) as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Not the whole at once: each piece is a step, and each has its turn.
        for at in range(0, len(cut), 600):
            stream.sendall(cut[at : at + 600])
        assert stream.recv(1) in {b"\x16", b"\x15"}
        with connect(process.port()) as other:
            assert ask(other).startswith(b"HTTP/1.1 200 ")


def test_g10_a_huge_hello_is_given_up_and_holds_no_memory() -> None:
    record = b"\x16\x03\x01\x40\x00" + b"\x01\x03\xff\xff" + b"\x00" * (0x4000 - 4)
    with gateway() as process:
        worker = process.worker_pids()[0]
        with connect(process.port()) as stream:
            ask(stream)
        before = resident(worker)
        for _ in range(100):
            with socket.create_connection(("127.0.0.1", process.port()), 10) as stream:
                try:
                    for _ in range(8):
                        stream.sendall(record)
                    everything(stream)
                except OSError:
                    pass
        wait_until(lambda: open_connections(metrics(process)) == 0)
        assert resident(worker) - before < 8 << 20
        assert "panicked" not in process.said


def resident(process: int) -> int:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_g10_ten_seconds_are_what_a_handshake_has_unless_the_listener_says_otherwise() -> None:
    with gateway("300ms") as process:
        for opening in (b"", hello()[:-1]):
            with socket.create_connection(("127.0.0.1", process.port()), 10) as stream:
                stream.sendall(opening)
                assert everything(stream) == b""
    with gateway() as process:
        plan = process.command("plan", "-c", str(process.file)).stdout
        assert '"header_time_ms": 10000' in plan
