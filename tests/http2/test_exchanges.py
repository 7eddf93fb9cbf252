"""What is asked over HTTP/2 reaches the origin as HTTP/1.1, and its answer comes back."""

import contextlib
import http.client
import subprocess

import pytest

from tests.http2.configurations import speaking
from tests.servers.gateway_process import GatewayProcess
from tests.servers.http2_client import Http2Client
from tests.servers.origin import Origin
from tests.servers.raw_origin import Caller, RawOrigin

INTERNAL_ERROR = 2


def test_one_port_serves_both_versions() -> None:
    with Origin() as origin, GatewayProcess(speaking(origin.url), workers=1) as gateway:
        port = gateway.port()
        command = ["curl", "-sS", "-m", "10", "--http2-prior-knowledge", "-w", " %{http_version}"]
        found = subprocess.run([*command, f"http://127.0.0.1:{port}/new"], capture_output=True, text=True, check=True)
        assert found.stdout == "/new 2"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/old")
        assert connection.getresponse().read() == b"/old"
        connection.close()


def test_a_listener_without_http1_serves_http2_alone() -> None:
    with Origin() as origin, GatewayProcess(speaking(origin.url, "[h2c]"), workers=1) as gateway:
        with Http2Client(gateway.port()) as client:
            assert client.get("/new").body == b"/new"
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port(), timeout=10)
        connection.request("GET", "/old")
        with contextlib.closing(connection), pytest.raises((http.client.BadStatusLine, ConnectionResetError)):
            connection.getresponse()


def test_b18_a_listener_without_http2_refuses_how_it_begins() -> None:
    with Origin() as origin, GatewayProcess(speaking(origin.url, "[http1]"), workers=1) as gateway:
        with Http2Client(gateway.port()) as client:
            answer = b"".join(iter(lambda: client.socket.recv(4096), b""))
        assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 505 "))
        assert origin.counts == {}


def test_streams_are_answered_as_they_are_ready() -> None:
    with (
        Origin() as origin,
        GatewayProcess(speaking(origin.url), workers=1) as gateway,
        Http2Client(gateway.port()) as client,
    ):
        slow = client.begin("/slow?sleep=1")
        quick = [client.begin(f"/quick/{number}") for number in range(60)]
        assert [client.answer(stream).body for stream in quick] == [f"/quick/{number}".encode() for number in range(60)]
        assert not client.answers[slow].is_whole
        assert client.answer(slow).body == b"/slow"


def test_large_bodies_pass_both_ways() -> None:
    size = 3 << 20
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size
    with (
        RawOrigin.answering(head + b"x" * size) as large,
        Origin() as origin,
        GatewayProcess(speaking(large.url), workers=1) as gateway,
    ):
        with Http2Client(gateway.port()) as client:
            assert client.get().body == b"x" * size
        gateway.write(speaking(origin.url))
        assert gateway.ask("POST", "/-/reload")[0] == 200
        with Http2Client(gateway.port()) as client:
            stream = client.begin("/up", method="POST", fields=[("content-length", str(size))], ends=False)
            client.send_body(stream, b"x" * size)
            assert client.answer(stream).body == str(size).encode()


def test_trailers_pass_both_ways() -> None:
    def script(caller: Caller) -> None:
        caller.until(b"\r\n0\r\n")
        caller.until(b"\r\n\r\n")
        caller.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: sum\r\n\r\n")
        caller.send(b"5\r\nhello\r\n0\r\nsum: 5\r\n\r\n")

    with (
        RawOrigin(script) as origin,
        GatewayProcess(speaking(origin.url), workers=1) as gateway,
        Http2Client(gateway.port()) as client,
    ):
        stream = client.begin(method="POST", fields=[("te", "trailers")], ends=False)
        client.send_body(stream, b"good", ends=False)
        client.send_head(stream, [("checksum", "7"), ("content-length", "3")])
        answer = client.answer(stream)
        assert (answer.status, answer.body, answer.trailers) == (200, b"hello", {"sum": "5"})
        assert "transfer-encoding" not in answer.fields
        assert origin.received.endswith(b"\r\n4\r\ngood\r\n0\r\nchecksum: 7\r\n\r\n")


@pytest.mark.parametrize("end", ["an empty frame", "trailers"])
def test_b15_a_body_that_is_declared_empty_may_end_behind_the_head(end: str) -> None:
    with (
        RawOrigin.answering(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok") as origin,
        GatewayProcess(speaking(origin.url), workers=1) as gateway,
        Http2Client(gateway.port()) as client,
    ):
        stream = client.begin(method="POST", fields=[("content-length", "0")], ends=False)
        if end == "trailers":
            client.send_head(stream, [("checksum", "7")])
        else:
            client.send_body(stream, b"")
        assert (client.answer(stream).status, client.answer(stream).body) == (200, b"ok")
        assert b"content-length: 0\r\n" in origin.received


def test_interim_answers_pass() -> None:
    answer = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
    with (
        RawOrigin.answering(answer) as origin,
        GatewayProcess(speaking(origin.url), workers=1) as gateway,
        Http2Client(gateway.port()) as client,
    ):
        found = client.get()
        assert (found.interim, found.status, found.body) == ([103], 200, b"ok")


def test_a_client_that_waits_to_be_told_to_go_on_is_told() -> None:
    def script(caller: Caller) -> None:
        caller.until(b"body")
        caller.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    with (
        RawOrigin(script) as origin,
        GatewayProcess(speaking(origin.url), workers=1) as gateway,
        Http2Client(gateway.port()) as client,
    ):
        fields = [("expect", "100-continue"), ("content-length", "4")]
        stream = client.begin(method="POST", fields=fields, ends=False)
        while not client.answers[stream].interim:
            client.receive()
        client.send_body(stream, b"body")
        assert (client.answer(stream).interim, client.answer(stream).status) == ([100], 200)


def test_the_gateways_own_answers() -> None:
    with (
        Origin() as origin,
        GatewayProcess(speaking(origin.url, limits="{body: 10B}"), workers=1) as gateway,
        Http2Client(gateway.port()) as client,
    ):
        own = client.get("/own")
        assert (own.status, own.body, own.fields["content-length"]) == (404, b"nothing here", "12")
        head = client.answer(client.begin("/own", method="HEAD"))
        assert (head.status, head.body, head.fields["content-length"]) == (404, b"", "12")
        large = client.begin("/up", method="POST", fields=[("content-length", "11")], ends=False)
        assert client.answer(large).status == 413
        assert client.get("/still").status == 200


def test_b22_cookies_that_came_apart_leave_as_one() -> None:
    with (
        RawOrigin.answering(b"HTTP/1.1 204 No Content\r\n\r\n") as origin,
        GatewayProcess(speaking(origin.url), workers=1) as gateway,
        Http2Client(gateway.port()) as client,
    ):
        assert client.get(fields=[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2")]).status == 204
        assert origin.received.count(b"cookie:") == 1
        assert b"cookie: a=1; b=2\r\n" in origin.received


def test_r27_an_answer_that_breaks_off_resets_its_stream_alone() -> None:
    def script(caller: Caller) -> None:
        if b"/broken" in caller.until(b"\r\n\r\n"):
            caller.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        else:
            caller.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    with (
        RawOrigin(script) as origin,
        GatewayProcess(speaking(origin.url), workers=1) as gateway,
        Http2Client(gateway.port()) as client,
    ):
        broken = client.get("/broken")
        assert (broken.status, broken.body, broken.reset) == (200, b"half", INTERNAL_ERROR)
        assert client.get("/good").body == b"ok"


@pytest.mark.parametrize("leaves", ["its stream", "the connection"])
def test_r32_a_client_that_leaves_frees_the_origin(leaves: str) -> None:
    def script(caller: Caller) -> None:
        caller.until(b"\r\n\r\n")
        caller.read()

    with (
        RawOrigin(script) as origin,
        GatewayProcess(speaking(origin.url), workers=1) as gateway,
        Http2Client(gateway.port()) as client,
    ):
        stream = client.begin()
        other = client.begin("/own")
        assert client.answer(other).status == 404
        while not origin.callers:
            pass
        if leaves == "its stream":
            client.reset(stream)
        else:
            client.socket.close()
        assert origin.callers[0].ended.wait(10)


def test_an_origin_that_changes_protocols_unasked_is_refused() -> None:
    with (
        RawOrigin.answering(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n") as origin,
        GatewayProcess(speaking(origin.url), workers=1) as gateway,
        Http2Client(gateway.port()) as client,
    ):
        assert client.get().status == 502
