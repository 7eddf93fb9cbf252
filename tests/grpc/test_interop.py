"""The gRPC project's own interoperability client and server, with the gateway between them."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from penstock import Gateway
from tests.servers.gateway_process import wait_until
from tests.servers.go_programs import go_program
from tests.servers.tls_client import AUTHORITY, pair

MODULE = "google.golang.org/grpc/interop/{}@v1.85.0"
CASES = [
    "empty_unary",
    "large_unary",
    "client_streaming",
    "server_streaming",
    "ping_pong",
    "empty_stream",
    "timeout_on_sleeping_server",
    "cancel_after_begin",
    "cancel_after_first_response",
    "status_code_and_message",
    "special_status_message",
    "custom_metadata",
    "unimplemented_method",
    "unimplemented_service",
]


@pytest.fixture(scope="module", name="service")
def fixture_service() -> Iterator[str]:
    program = go_program("grpc-interop-server", MODULE.format("server"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with subprocess.Popen([program, f"--port={port}"], stderr=subprocess.DEVNULL) as server:
        wait_until(lambda: _answers(port))
        yield f"h2c://127.0.0.1:{port}"
        server.kill()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


@contextmanager
def serving(service: str, *, is_enciphered: bool) -> Iterator[list[str]]:
    """A gateway before the service, and what a client has to be told of it."""
    listener: dict[str, Any] = {"kind": "Listener", "name": "web", "address": "127.0.0.1:0", "protocols": ["h2c"]}
    parts: list[dict[str, Any]] = [{"kind": "Route", "name": "all", "path": "/*", "to": service}]
    options = []
    if is_enciphered:
        certificate, key = pair("shop")
        parts.append({"kind": "Certificate", "name": "shop", "certificate": certificate, "key": key})
        listener = {**listener, "protocols": ["h2"], "tls": {"certificates": ["shop"]}}
        options = ["--use_tls", "--use_test_ca", f"--ca_file={AUTHORITY}", "--server_host_override=shop.test"]
    with Gateway([listener, *parts]) as gateway:
        port = gateway.url.rpartition(":")[2]
        yield ["--server_host=127.0.0.1", f"--server_port={port}", *options]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("is_enciphered", [False, True], ids=["clear", "tls"])
def test_the_interoperability_client_is_content(service: str, case: str, is_enciphered: bool) -> None:  # noqa: FBT001 - a parameter of the test
    client = go_program("grpc-interop-client", MODULE.format("client"))
    with serving(service, is_enciphered=is_enciphered) as options:
        ended = subprocess.run(
            [client, f"--test_case={case}", *options], capture_output=True, text=True, timeout=60, check=False
        )
    assert ended.returncode == 0, ended.stderr
