"""Answers that come bit by bit are passed on bit by bit: no event waits for the next one."""

import contextlib
import http.client
import threading
from collections.abc import Iterator

import pytest

from penstock import Gateway
from tests.servers.http2_client import Http2Client
from tests.servers.raw_origin import Caller, RawOrigin

EVENTS = [f"id: {number}\ndata: {'x' * number}\n\n".encode() for number in (1, 2, 40, 9000, 3)]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"


class Stage:
    """An endpoint that sends its next event only once the client has seen the last one."""

    def __init__(self, framing: str) -> None:
        self.framing = framing
        self.seen = threading.Semaphore(0)

    def run(self, caller: Caller) -> None:
        assert caller.until(b"\r\n\r\n")
        caller.send(HEAD + self._field() + b"\r\n")
        for event in EVENTS:
            assert self.seen.acquire(timeout=15), "the client did not see what was sent before"
            caller.send(b"%x\r\n%b\r\n" % (len(event), event) if self.framing == "chunked" else event)
        assert self.seen.acquire(timeout=15)
        if self.framing == "chunked":
            caller.send(b"0\r\n\r\n")

    def _field(self) -> bytes:
        match self.framing:
            case "chunked":
                return b"transfer-encoding: chunked\r\n"
            case "length":
                return b"content-length: %d\r\n" % sum(map(len, EVENTS))
            case _:
                return b"connection: close\r\n"


@pytest.fixture(params=["chunked", "length", "until the end"])
def stage(request: pytest.FixtureRequest) -> Stage:
    return Stage(request.param)


@pytest.fixture
def number(stage: Stage) -> Iterator[int]:
    with RawOrigin(stage.run) as origin:
        listener = {"kind": "Listener", "name": "web", "address": "127.0.0.1:0", "protocols": ["http1", "h2c"]}
        with Gateway([listener, {"kind": "Route", "name": "all", "path": "/*", "to": origin.url}]) as gateway:
            yield int(gateway.url.rpartition(":")[2])


def test_each_event_is_there_before_the_next_is_sent(stage: Stage, number: int) -> None:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", number, timeout=15)) as connection:
        connection.request("GET", "/events", headers={"accept": "text/event-stream"})
        answer = connection.getresponse()
        stage.seen.release()
        found, expected = b"", b""
        for event in EVENTS:
            expected += event
            while len(found) < len(expected):
                piece = answer.read1(65536)
                assert piece, found
                found += piece
            assert found == expected
            stage.seen.release()
        assert answer.read() == b""


def test_each_event_is_there_before_the_next_is_sent_over_http2(stage: Stage, number: int) -> None:
    with Http2Client(number) as client:
        stream = client.begin("/events")
        answer = client.answers[stream]
        while not answer.status:
            client.receive()
        stage.seen.release()
        expected = b""
        for event in EVENTS:
            expected += event
            while len(answer.body) < len(expected):
                client.receive()
            assert answer.body == expected
            stage.seen.release()
        assert client.answer(stream).is_whole
