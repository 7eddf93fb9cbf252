"""What is asked over HTTP/3 reaches the origin as HTTP/1.1, and its answer comes back."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator

import pytest

from penstock import Gateway
from tests.http3.configurations import speaking
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.http3_client import Http3Client
from tests.servers.origin import Origin
from tests.servers.raw_origin import Caller, RawOrigin
from tests.servers.tls_client import ask, connect, pair

INTERNAL_ERROR = 0x102
NO_ERROR = 0x100
REQUEST_CANCELLED = 0x10C


@contextlib.contextmanager
def gateway(to: str, **more: str) -> Iterator[Http3Client]:
    with GatewayProcess(speaking(to, **more), workers=1) as running, Http3Client(running.port()) as client:
        yield client


def test_streams_are_answered_as_they_are_ready() -> None:
    with Origin() as origin, gateway(origin.url) as client:
        slow = client.begin("/slow?sleep=1")
        quick = [client.begin(f"/quick/{number}") for number in range(60)]
        assert [client.answer(stream).body for stream in quick] == [f"/quick/{number}".encode() for number in range(60)]
        assert not client.answers[slow].is_whole
        assert client.answer(slow).body == b"/slow"


def test_more_requests_than_streams_at_once_are_answered() -> None:
    with Origin() as origin, gateway(origin.url, limits="{streams: 5}") as client:
        streams = [client.begin(f"/{number}") for number in range(40)]
        assert [client.answer(stream).body for stream in streams] == [f"/{number}".encode() for number in range(40)]


def test_large_bodies_pass_both_ways() -> None:
    size = 3 << 20
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size
    with RawOrigin.answering(head + b"x" * size) as large, gateway(large.url) as client:
        assert client.get().body == b"x" * size
    with Origin() as origin, gateway(origin.url) as client:
        stream = client.begin("/up", method="POST", fields=[("content-length", str(size))], ends=False)
        client.send_body(stream, b"x" * size)
        assert client.answer(stream).body == str(size).encode()


def test_a_head_that_comes_with_much_of_its_body_is_served_at_once() -> None:
    with (
        Origin() as origin,
        GatewayProcess(speaking(origin.url), workers=1) as running,
        Http3Client(running.port()) as client,
    ):
        (worker,) = running.worker_pids()
        # So that all of it waits in the socket before the gateway reads any of it.
        os.kill(worker, signal.SIGSTOP)
        client.quic._loss._cc.congestion_window = 1 << 20
        stream = client.begin("/up", method="POST", fields=[("content-length", "40000")], ends=False)
        client.send_body(stream, b"x" * 40_000)
        # The library spreads datagrams over time.
        client.until(lambda: len(client.quic._streams[stream].sender._pending) == 0)
        os.kill(worker, signal.SIGCONT)
        assert client.answer(stream).body == b"40000"


def test_trailers_pass_both_ways() -> None:
    def script(caller: Caller) -> None:
        caller.until(b"\r\n0\r\n")
        caller.until(b"\r\n\r\n")
        caller.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: sum\r\n\r\n")
        caller.send(b"5\r\nhello\r\n0\r\nsum: 5\r\n\r\n")

    with RawOrigin(script) as origin, gateway(origin.url) as client:
        stream = client.begin(method="POST", fields=[("te", "trailers")], ends=False)
        client.send_body(stream, b"good", ends=False)
        client.send_head(stream, [("checksum", "7"), ("content-length", "3")])
        answer = client.answer(stream)
        assert (answer.status, answer.body, answer.trailers) == (200, b"hello", {"sum": "5"})
        assert "transfer-encoding" not in answer.fields
        assert origin.received.endswith(b"\r\n4\r\ngood\r\n0\r\nchecksum: 7\r\n\r\n")


def test_an_interim_answer_comes_before_the_answer() -> None:
    answer = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
    with RawOrigin.answering(answer) as origin, gateway(origin.url) as client:
        found = client.get()
        assert (found.interim, found.status, found.body) == ([103], 200, b"ok")


def test_the_gateways_own_answers_and_those_without_a_body_are_whole() -> None:
    with Origin() as origin, gateway(origin.url) as client:
        assert client.get("/own").status == 404
        assert client.get("/own").body == b"nothing here"
        head = client.answer(client.begin("/own", method="HEAD"))
        assert (head.status, head.fields["content-length"], head.body) == (404, "12", b"")


def test_an_answer_that_breaks_off_is_reset() -> None:
    def script(caller: Caller) -> None:
        caller.until(b"\r\n\r\n")
        caller.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")

    with RawOrigin(script) as origin, gateway(origin.url) as client:
        found = client.get()
        # A reset may overtake what came before it (RFC 9000, section 3.1).
        assert (found.status in {0, 200}, found.is_whole, found.reset) == (True, False, INTERNAL_ERROR)


def test_a_client_that_gives_a_stream_up_ends_the_request_at_the_endpoint() -> None:
    ended = []

    def script(caller: Caller) -> None:
        caller.until(b"\r\n\r\n")
        caller.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome")
        with contextlib.suppress(OSError):
            while caller.stream.recv(4096):
                pass
        ended.append(True)

    with RawOrigin(script) as origin, gateway(origin.url) as client:
        stream = client.begin()
        client.until(lambda: client.answers[stream].body == b"some")
        client.reset(stream)
        wait_until(lambda: ended)
        assert client.get("/own").status == 404


def test_a_request_that_was_answered_without_its_body_is_stopped_and_the_answer_whole() -> None:
    with Origin() as origin, gateway(origin.url) as client:
        stream = client.begin("/own", method="POST", ends=False)
        answer = client.answer(stream)
        assert (answer.status, answer.is_whole) == (404, True)
        client.until(lambda: client.stopped.get(stream) == NO_ERROR)


def test_the_log_and_the_endpoint_are_told_what_is_so() -> None:
    certificate, key = pair("shop")
    seen = "{{ request.headers['x-forwarded-proto'] }} {{ request.host }}"
    configuration: list[dict[str, object]] = [
        {"kind": "Certificate", "name": "shop", "certificate": certificate, "key": key},
        {
            "kind": "Listener",
            "name": "web",
            "address": "127.0.0.1:0",
            "protocols": ["h3", "h2", "http1"],
            "tls": {"certificates": ["shop"]},
        },
        {"kind": "Route", "name": "seen", "path": "/*", "steps": [{"kind": "Respond", "status": 200, "body": seen}]},
    ]
    with Gateway(configuration) as running:
        port = int(running.url.rpartition(":")[2])
        with Http3Client(port) as client:
            assert client.get("/a").body.decode().startswith("https shop.test")
        with connect(port) as stream:
            answer = ask(stream)
        assert b'alt-svc: h3=":%d"; ma=86400\r\n' % port in answer.lower()


def test_access_log_names_the_protocol() -> None:
    with Origin() as origin:
        log = "---\nkind: Telemetry\nname: main\naccess_log: {path: %s/access.log}\n"
        running = GatewayProcess(speaking(origin.url), workers=1)
        running.write(speaking(origin.url) + log % running.folder)
        with running, Http3Client(running.port()) as client:
            assert client.get("/x", fields=[("user-agent", "three")]).status == 200
            path = running.folder / "access.log"
            wait_until(lambda: path.exists() and path.read_text().endswith("\n"))
            line = json.loads(path.read_text().splitlines()[0])
            assert (line["protocol"], line["status"], line["path"], line["user_agent"]) == (
                "HTTP/3",
                200,
                "/x",
                "three",
            )
            assert line["client"] == "127.0.0.1"


@pytest.mark.parametrize(("setting", "told"), [("alt_svc: off", None), ("alt_svc: 1h", "ma=3600")])
def test_clients_that_come_by_tcp_are_told_as_the_listener_says(setting: str, told: str | None) -> None:
    with Origin() as origin, GatewayProcess(speaking(origin.url, more=setting), workers=1) as running:
        port = running.port()
        with connect(port) as stream:
            answer = ask(stream).lower()
        assert (f'alt-svc: h3=":{port}"; {told}'.encode() in answer) == (told is not None)
        assert (b"alt-svc" in answer) == (told is not None)
        with Http3Client(port) as client:
            assert "alt-svc" not in client.get().fields


def test_a_listener_without_it_takes_no_datagrams() -> None:
    with (
        Origin() as origin,
        GatewayProcess(speaking(origin.url, protocols="[h2]"), workers=1) as running,
        Http3Client(running.port(), waits=False) as client,
    ):
        client.until(lambda: client.is_refused)


def test_a_listener_may_speak_nothing_else() -> None:
    with Origin() as origin, GatewayProcess(speaking(origin.url, protocols="[h3]"), workers=1) as running:
        with Http3Client(running.port()) as client:
            assert client.get("/x").body == b"/x"
        with connect(running.port()) as stream:
            assert ask(stream) == b""
