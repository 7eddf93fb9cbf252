"""Collectors that take nothing, answer nonsense, or want a word first: requests never wait for them (R64)."""

import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable

import pytest

from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.processes import resident_kib
from tests.servers.requests import ask_many
from tests.servers.tls_client import AUTHORITY, CERTIFICATES
from tests.tracing.test_collector import ask, configuration, exported
from tests.tracing.told_origin import ToldOrigin

ENOUGH = 40 * 1024


def black_hole(server: socket.socket) -> None:
    """Accepts nothing: connections wait until the backlog is full."""


def nonsense(server: socket.socket) -> None:
    """Answers every connection with what is no answer, and closes it."""
    while True:
        try:
            stream, _ = server.accept()
        except OSError:
            return
        with stream:
            stream.sendall(b"\0\xff\r\n\r\nHTTP/9 twelve\r\n")


@pytest.mark.parametrize("serve", [black_hole, nonsense])
@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_r64_requests_never_wait_for_a_collector(serve: Callable[[socket.socket], None], protocol: str) -> None:
    server = socket.create_server(("127.0.0.1", 0), backlog=1)
    threading.Thread(target=serve, args=(server,), daemon=True).start()
    otlp = f"{{endpoint: 'http://127.0.0.1:{server.getsockname()[1]}', protocol: {protocol}, timeout: 1h}}"
    with server, ToldOrigin() as origin, GatewayProcess(configuration(origin.url, otlp), workers=1) as gateway:
        [pid] = gateway.worker_pids()
        assert ask_many(gateway.port(), "/warm", 20) == {200: 20}
        before = resident_kib(pid)
        assert ask_many(gateway.port(), "/asked", 500) == {200: 500}
        if serve is nonsense:
            wait_until(lambda: exported(gateway, "failed") > 0, 120)
        assert resident_kib(pid) - before < ENOUGH
        assert exported(gateway, "delivered") == 0
        began = time.monotonic()
        gateway.signal(signal.SIGTERM)
        assert gateway.wait(60) == 0
        assert time.monotonic() - began < 25, "it ends, though nobody takes what is left"


def test_a_collector_behind_tls_is_told_the_word_and_nobody_else_is() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "shop.pem", CERTIFICATES / "shop.key")
    server, heads = socket.create_server(("127.0.0.1", 0)), []

    def serve() -> None:
        stream, _ = server.accept()
        with context.wrap_socket(stream, server_side=True) as wrapped:
            head = wrapped.recv(65536)
            heads.append(head)
            wrapped.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    threading.Thread(target=serve, daemon=True).start()
    otlp = (
        f"{{endpoint: 'https://127.0.0.1:{server.getsockname()[1]}/base', protocol: http, "
        f"headers: {{Authorization: Bearer hush}}, tls: {{ca: '${{file:{AUTHORITY}}}', server_name: shop.test}}}}"
    )
    with server, ToldOrigin() as origin, GatewayProcess(configuration(origin.url, otlp), workers=1) as gateway:
        assert ask(gateway, "/secret") == 200
        wait_until(lambda: bool(heads), 60)
        assert "hush" not in gateway.command("plan", "-c", str(gateway.file)).stdout + gateway.said
    assert heads[0].startswith(b"POST /base/v1/traces HTTP/1.1\r\n")
    assert b"\r\nauthorization: Bearer hush\r\n" in heads[0]
