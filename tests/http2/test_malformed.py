"""Requests that HTTP/2 forbids reach nobody, and harm nobody else (rows B10-B16)."""

import random
from collections.abc import Iterator

import pytest

from tests.http2.configurations import speaking
from tests.http2.framed_tricks import DATA, END_STREAM, HEADERS, Pairs, block, frame
from tests.servers.gateway_process import GatewayProcess
from tests.servers.http2_client import Http2Client
from tests.servers.origin import Origin

PROTOCOL_ERROR = 1
GOOD = {":method": "GET", ":scheme": "http", ":authority": "a.test", ":path": "/bad"}


def pseudo(**changed: str | None) -> list[tuple[str, str]]:
    fields = {**GOOD, **{f":{name}": value for name, value in changed.items()}}
    return [(name, value) for name, value in fields.items() if value is not None]


MALFORMED = {
    "b10-method-with-a-line": pseudo(method="GET /x HTTP/1.1\r\nHost: a"),
    "b10-path-with-space": pseudo(path="/bad x"),
    "b10-path-with-line": pseudo(path="/bad\r\nx: y"),
    "b10-path-without-slash": pseudo(path="bad"),
    "b10-scheme-with-host": pseudo(scheme="http://x/?"),
    "b11-twice": [*pseudo(), (":path", "/bad")],
    "b11-unknown": [*pseudo(), (":colour", "red")],
    "b11-behind-a-field": [("x", "y"), *pseudo()],
    "b11-no-method": pseudo(method=None),
    "b11-no-path": pseudo(path=None),
    "b11-no-scheme": pseudo(scheme=None),
    "b11-empty-path": pseudo(path=""),
    "b12-upper-case": [*pseudo(), ("Upper", "case")],
    "b12-colon": [*pseudo(), ("a:b", "c")],
    "b12-line": [*pseudo(), ("a\r\nb", "c")],
    "b12-space": [*pseudo(), ("a b", "c")],
    "b12-zero": [*pseudo(), ("a\0b", "c")],
    "b12-empty": [*pseudo(), ("", "c")],
    "b13-line": [*pseudo(), ("a", "b\r\nc: d")],
    "b13-zero": [*pseudo(), ("a", "b\0c")],
    "b13-space-before": [*pseudo(), ("a", " b")],
    "b13-space-behind": [*pseudo(), ("a", "b\t")],
    "b14-connection": [*pseudo(), ("connection", "close")],
    "b14-transfer-encoding": [*pseudo(), ("transfer-encoding", "chunked")],
    "b14-upgrade": [*pseudo(), ("upgrade", "websocket")],
    "b14-keep-alive": [*pseudo(), ("keep-alive", "timeout=5")],
    "b14-proxy-connection": [*pseudo(), ("proxy-connection", "close")],
    "b14-te": [*pseudo(), ("te", "gzip")],
    "b15-length-without-body": [*pseudo(), ("content-length", "5")],
    "b15-two-lengths": [*pseudo(method="POST"), ("content-length", "0"), ("content-length", "0")],
    "b16-other-host": [*pseudo(), ("host", "b.test")],
}
REFUSED = {
    "b10-authority-with-user": pseudo(authority="user@a.test"),
    "b10-authority-with-path": pseudo(authority="a.test/x"),
}


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin() as one:
        yield one


@pytest.fixture(scope="module")
def port(origin: Origin) -> Iterator[int]:
    with GatewayProcess(speaking(origin.url), workers=1) as gateway:
        yield gateway.port()


@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_is_reset_and_reaches_nobody(
    fields: list[tuple[str, str]], port: int, origin: Origin
) -> None:
    with Http2Client(port) as client:
        client.send_head(1, fields)
        assert client.answer(1).reset == PROTOCOL_ERROR
        assert client.get("/good").body == b"/good"
    assert "/bad" not in origin.counts


@pytest.mark.parametrize("fields", REFUSED.values(), ids=REFUSED)
def test_what_is_no_host_is_refused(fields: list[tuple[str, str]], port: int, origin: Origin) -> None:
    with Http2Client(port) as client:
        client.send_head(1, fields)
        answer = client.answer(1)
        assert answer.status == 400 or answer.reset == PROTOCOL_ERROR
    assert "/bad" not in origin.counts


def test_b15_a_body_of_another_length_is_reset_and_the_origin_let_go(port: int) -> None:
    for body in (b"123", b"123456789"):
        with Http2Client(port) as client:
            stream = client.begin("/up", method="POST", fields=[("content-length", "5")], ends=False)
            client.send_frame(0, 1, stream, body)
            assert client.answer(stream).reset == PROTOCOL_ERROR
            assert client.get("/good").body == b"/good"


@pytest.mark.parametrize("undone", ["b1-reset", "b15-longer", "b15-shorter"])
def test_what_is_undone_as_it_comes_reaches_nobody(undone: str, port: int, origin: Origin) -> None:
    fields: Pairs = [(name.encode(), value.encode()) for name, value in pseudo(method="POST")]
    data = block([*fields, (b"content-length", b"5")], random.Random(1))
    ends = {"b1-reset": (3, 0, (8).to_bytes(4, "big")), "b15-longer": (DATA, END_STREAM, b"123456789")}
    kind, flags, payload = ends.get(undone, (DATA, END_STREAM, b"123"))
    with Http2Client(port) as client:
        client.begin_with(lambda stream: frame(HEADERS, 4, stream, data) + frame(kind, flags, stream, payload))
        assert client.get("/good").body == b"/good"
    assert "/bad" not in origin.counts
