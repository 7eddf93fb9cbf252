"""`penstock proxy`: one address before one endpoint."""

import argparse
import contextlib
import http.client
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.cli.proxy import add_options, resources
from tests.servers.gateway_process import wait_until
from tests.servers.http2_client import Http2Client
from tests.servers.http2_origin import Http2Origin
from tests.servers.origin import Origin


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


@contextlib.contextmanager
def proxy(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    with tempfile.TemporaryDirectory(prefix="proxy-") as folder:
        command = [sys.executable, "-m", "penstock", "proxy", *arguments, "--workers", "1", "--state-dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGQUIT)
            process.communicate(timeout=10)


def answer(port: int, host: str = "127.0.0.1") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(host, port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", "/hello")
        response = connection.getresponse()
        return response.status, response.read()


def is_answered(port: int) -> bool:
    try:
        return answer(port) == (200, b"/hello")
    except OSError:
        return False


def test_the_first_answer_comes_soon_from_every_address_of_the_machine() -> None:
    port = free_port()
    with Origin() as origin:
        began = time.monotonic()
        with proxy(f":{port}", origin.url.replace("127.0.0.1", "localhost")):
            wait_until(lambda: is_answered(port), step=0.005)
            # Half a second is the promise; ten times that is the hang that a busy machine must not hide.
            assert time.monotonic() - began < 5
            if socket.has_ipv6 and Path("/proc/net/if_inet6").exists():
                assert answer(port, "::1") == (200, b"/hello")


def test_before_a_service_of_http2_it_takes_clients_of_both_versions() -> None:
    port = free_port()
    with Http2Origin() as origin, proxy(f"127.0.0.1:{port}", origin.url):
        wait_until(lambda: is_answered(port))
        with Http2Client(port) as client:
            assert client.get("/hello").body == b"/hello"


def test_it_opens_no_admin_port() -> None:
    port = free_port()
    with Origin() as origin, proxy(f"127.0.0.1:{port}", origin.url) as process:
        wait_until(lambda: is_answered(port))
        process.terminate()
        said = process.communicate(timeout=10)[1]
    assert process.returncode == 0
    assert b"admin" not in said


@pytest.mark.parametrize("arguments", [("eighty", "http://localhost:1"), ("[::1", "http://localhost:1"), (":1",)])
def test_wrong_usage_exits_with_2(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "penstock", "proxy", *arguments]
    assert subprocess.run(command, capture_output=True, check=False, timeout=20).returncode == 2


def test_r13_a_wrong_url_is_one_line() -> None:
    with proxy(f"127.0.0.1:{free_port()}", "localhost:30000000") as process:
        said = process.communicate(timeout=10)[1].decode()
    assert process.returncode == 1
    assert said.startswith("penstock: ")
    assert "not a port: '30000000'" in said


@pytest.mark.parametrize(
    ("given", "listens"), [("8080", ":8080"), (":8080", ":8080"), ("127.0.0.1:80", "127.0.0.1:80")]
)
@pytest.mark.parametrize(
    ("to", "url"),
    [
        ("3000", "http://localhost:3000"),
        (":3000", "http://localhost:3000"),
        ("shop:3000", "http://shop:3000"),
        ("http://shop", "http://shop"),
        ("unix:/run/a.sock", "unix:/run/a.sock"),
    ],
)
def test_what_goes_without_saying_may_be_left_out(given: str, listens: str, to: str, url: str) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    options = parser.parse_args([given, to])
    assert (options.listen.endswith(listens), options.to) == (True, url)


def test_each_request_is_printed_where_that_is_wanted() -> None:
    port = free_port()
    with Origin() as origin, proxy(f"127.0.0.1:{port}", origin.url, "--access-log") as process:
        wait_until(lambda: is_answered(port))
        process.terminate()
        printed = process.communicate(timeout=10)[0].decode()
    assert " 127.0.0.1 GET 127.0.0.1/hello 200 " in printed


def test_the_arguments_stand_for_a_listener_and_a_route() -> None:
    assert [one["kind"] for one in resources("127.0.0.1:1", "http://a:1")] == ["Listener", "Route"]
