"""Access logs that are sent over the network, and receivers that are gone, slow or hostile (R64, G13)."""

import contextlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.origin import Origin
from tests.servers.requests import ask_many
from tests.servers.tls_client import CERTIFICATES

SYSLOG = re.compile(
    rb"<(?P<priority>[0-9]{1,3})>1 (?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z) (?P<host>[!-~]{1,255}) "
    rb"(?P<app>[!-~]{1,48}) (?P<process>[0-9]{1,10}) - - (?P<message>\{.*\})",
    re.DOTALL,
)
"""A message of RFC 5424, as strict as it can be said."""


def sending(to: str, send: str) -> str:
    return f"{forwarding(to)}---\nkind: Telemetry\nname: default\naccess_log: {{send: {send}}}\n"


def dropped(gateway: GatewayProcess) -> int:
    found = re.search(r"^penstock_log_lines_dropped_total (\d+)", str(gateway.ask("GET", "/metrics")[1]), re.MULTILINE)
    assert found is not None
    return int(found[1])


def message_of(syslog: bytes, priority: int = 134) -> bytes:
    found = SYSLOG.fullmatch(syslog)
    assert found is not None, syslog
    assert int(found["priority"]) == priority
    assert json.loads(found["message"])["time"].encode() == found["time"]
    return found["message"]


class Taker:
    """Takes connections, each by a function on a thread of its own, which is given the connection and its number."""

    def __init__(self, take: Callable[[socket.socket, int], None]) -> None:
        self.take = take
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.taken = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.taken += 1
                threading.Thread(target=self._one, args=(connection, self.taken), daemon=True).start()

    def _one(self, connection: socket.socket, number: int) -> None:
        with connection, contextlib.suppress(OSError):
            self.take(connection, number)

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@contextlib.contextmanager
def taking(take: Callable[[socket.socket, int], None]) -> Iterator[Taker]:
    taker = Taker(take)
    try:
        yield taker
    finally:
        taker.close()


def paths(lines: bytes) -> list[str]:
    return [str(json.loads(line)["path"]) for line in lines.splitlines()]


def test_lines_come_whole_on_a_connection_and_again_on_the_next_when_it_was_closed() -> None:
    came: list[bytes] = []

    def take(connection: socket.socket, number: int) -> None:
        pieces = bytearray()
        while piece := connection.recv(65536):
            pieces += piece
            came[number - 1 :] = [bytes(pieces)]
            if number == 1 and pieces.count(b"\n") == 20:
                return

    with Origin() as origin, taking(take) as taker:
        gateway = GatewayProcess(sending(origin.url, f"{{endpoint: tcp://{taker.address}}}"), workers=1)
        with gateway:
            assert ask_many(gateway.port(), "/first", 20) == {200: 20}
            wait_until(lambda: came and came[0].count(b"\n") == 20)
            # Told by the closed connection, not by a write that is lost on it.
            wait_until(lambda: ask_many(gateway.port(), "/again", 1) == {200: 1} and taker.taken > 1, 20, 0.1)
            wait_until(lambda: len(came) > 1 and came[1].endswith(b"\n"))
            assert set(paths(came[0])) == {"/first"}
            assert set(paths(came[1])) == {"/again"}


@pytest.mark.parametrize("says_good_bye", [True, False])
def test_no_line_is_lost_on_an_enciphered_connection_that_the_receiver_closed(*, says_good_bye: bool) -> None:
    """A receiver of TLS 1.3 sends tickets, which nobody waits for: its end comes behind them."""
    came: list[bytes] = []
    has_closed = threading.Event()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "shop.pem", CERTIFICATES / "shop.key")

    def take(connection: socket.socket, number: int) -> None:
        with context.wrap_socket(connection, server_side=True) as stream:
            pieces = bytearray()
            while piece := stream.recv(65536):
                pieces += piece
                came[number - 1 :] = [bytes(pieces)]
                if number == 1 and pieces.count(b"\n") == 20:
                    if says_good_bye:
                        # It says so at once; nobody waits for the answer.
                        stream.setblocking(False)  # noqa: FBT003 - what the method takes
                        with contextlib.suppress(OSError):
                            stream.unwrap()
                    break
        has_closed.set()

    with Origin() as origin, taking(take) as taker:
        send = f"{{endpoint: tls://{taker.address}, tls: {{insecure: true}}}}"
        with GatewayProcess(sending(origin.url, send), workers=1) as gateway:
            assert ask_many(gateway.port(), "/first", 20) == {200: 20}
            assert has_closed.wait(20)
            asked = 0

            def ask_again() -> bool:
                nonlocal asked
                asked += 1
                return ask_many(gateway.port(), "/again", 1) == {200: 1} and taker.taken > 1

            wait_until(ask_again, 20, 0.1)
            wait_until(lambda: len(came) > 1 and came[1].count(b"\n") == asked)
            assert set(paths(came[1])) == {"/again"}


def test_syslog_has_its_length_before_it_on_a_connection() -> None:
    came = bytearray()

    def take(connection: socket.socket, _: int) -> None:
        while piece := connection.recv(65536):
            came.extend(piece)

    with Origin() as origin, taking(take) as taker:
        send = f"{{endpoint: tcp://{taker.address}, form: syslog, facility: daemon, app_name: shop}}"
        with GatewayProcess(sending(origin.url, send), workers=2) as gateway:
            # Two workers have a connection each; what one sends is whole by itself.
            assert ask_many(gateway.port(), '/"a', 1) == {200: 1}
            wait_until(lambda: b"}" in came and len(came) == int(came.split(b" ")[0]) + came.index(b" ") + 1)
    length, _, message = bytes(came).partition(b" ")
    assert len(message) == int(length)
    assert json.loads(message_of(message, 3 * 8 + 6))["status"] == 200


@pytest.mark.parametrize("scheme", ["udp", "unix"])
def test_syslog_comes_in_datagrams(scheme: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    receiver = socket.socket(socket.AF_UNIX if scheme == "unix" else socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(str(path) if scheme == "unix" else ("127.0.0.1", 0))
    receiver.settimeout(20)
    endpoint = f"unix:{path}" if scheme == "unix" else f"udp://127.0.0.1:{receiver.getsockname()[1]}"
    send = f"{{endpoint: '{endpoint}', form: syslog}}"
    with receiver, Origin() as origin, GatewayProcess(sending(origin.url, send), workers=2) as gateway:
        assert ask_many(gateway.port(), "/a", 40) == {200: 40}
        came = [message_of(receiver.recv(65536)) for _ in range(40)]
    assert {json.loads(message)["path"] for message in came} == {"/a"}
    assert len({json.loads(message)["id"] for message in came}) == 40


@pytest.mark.parametrize(("form", "kind"), [("ndjson", "application/x-ndjson"), ("array", "application/json")])
def test_lines_are_posted_many_at_once_with_headers_that_nobody_is_shown(form: str, kind: str) -> None:
    posts: list[tuple[str, str, str, bytes]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept = (self.path, self.headers["content-type"], self.headers["authorization"], body)
            # Refused for now, the first time: it comes again.
            self.send_response(204 if posts else 503)
            posts.append(kept)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}/take/logs"
    send = f"{{endpoint: '{endpoint}', form: {form}, headers: {{authorization: Bearer hunter2}}}}"
    try:
        with Origin() as origin, GatewayProcess(sending(origin.url, send), workers=1) as gateway:
            assert ask_many(gateway.port(), "/posted", 50) == {200: 50}
            wait_until(lambda: len(posts) > 1 and sum(body.count(b"/posted") for *_, body in posts[1:]) == 50, 20)
            assert posts[0] == posts[1]
            assert dropped(gateway) == 0
            shown = gateway.command("plan", "-c", str(gateway.file)).stdout + gateway.said
            assert "hunter2" not in shown
    finally:
        server.shutdown()
        server.server_close()
    for path, content_type, authorization, body in posts[1:]:
        assert (path, content_type, authorization) == ("/take/logs", kind, "Bearer hunter2")
        lines = json.loads(body) if form == "array" else [json.loads(line) for line in body.splitlines()]
        assert {line["path"] for line in lines} == {"/posted"}


@pytest.mark.parametrize("form", ["lines", "syslog"])
def test_r64_a_receiver_that_takes_nothing_costs_no_request_and_its_lines_are_bounded_and_counted(form: str) -> None:
    stop = threading.Event()

    def take(_: socket.socket, __: int) -> None:
        stop.wait(120)

    with Origin() as origin, taking(take) as taker:
        send = f"{{endpoint: tcp://{taker.address}, form: {form}, timeout: 60s}}"
        try:
            with GatewayProcess(sending(origin.url, send), workers=1) as gateway:
                # A path of 8 KiB makes lines long enough to fill the 16 MiB that may wait, and what the kernel takes.
                assert ask_many(gateway.port(), "/" + "x" * 8000, 5000) == {200: 5000}
                wait_until(lambda: dropped(gateway) > 0)
                told = gateway.command("status", "--state-dir", str(gateway.state.path)).stdout
                assert "log lines dropped" in told
                (worker,) = gateway.worker_pids()
                peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{worker}/status").read_text())
                assert peak is not None
                assert int(peak[1]) < 160 * 1024, "what waits is bounded"
        finally:
            stop.set()


def test_r64_a_receiver_that_resets_connections_in_mid_line_gets_whole_lines_on_the_last() -> None:
    came: dict[int, bytes] = {}

    def take(connection: socket.socket, number: int) -> None:
        came[number] = b""
        while piece := connection.recv(7 if number < 4 else 65536):
            came[number] += piece
            if number < 4 and len(came[number]) > 100:
                # Closed with bytes unread: the other side is reset.
                return

    send = "{{endpoint: tcp://{}}}"
    with (
        Origin() as origin,
        taking(take) as taker,
        GatewayProcess(sending(origin.url, send.format(taker.address)), workers=1) as gateway,
    ):
        asked = 0
        while taker.taken < 4:
            assert ask_many(gateway.port(), "/reset", 5) == {200: 5}
            asked += 5
            assert asked < 2000
        wait_until(lambda: came.get(4, b"").endswith(b"\n"))
        assert set(paths(came[4])) == {"/reset"}, "a connection begins with a whole line"


def test_r64_a_receiver_that_is_not_there_yet_gets_what_waited() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    send = f"{{endpoint: tcp://127.0.0.1:{port}}}"
    with Origin() as origin, GatewayProcess(sending(origin.url, send), workers=1) as gateway:
        assert ask_many(gateway.port(), "/early", 30) == {200: 30}
        with socket.create_server(("127.0.0.1", port)) as listener:
            listener.settimeout(30)
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(30)
                came = b""
                while came.count(b"\n") < 30:
                    came += connection.recv(65536)
        assert paths(came) == ["/early"] * 30
        assert dropped(gateway) == 0
