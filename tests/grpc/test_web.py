"""Calls of gRPC-Web, as browsers make them, become calls of gRPC."""

import base64
import http.client
import struct
from typing import Any

import pytest

from penstock import Gateway
from tests.grpc.test_calls import before, name, port_of
from tests.servers.grpc_origin import GrpcOrigin
from tests.servers.http2_client import Http2Client
from tests.servers.http2_origin import Asked, Http2Origin

STATUS = 0x80


def frames(body: bytes) -> list[tuple[int, bytes]]:
    """The frames of a body: what marks each, and what it holds."""
    found = []
    while body:
        kind, length = struct.unpack(">BI", body[:5])
        found.append((kind, body[5 : 5 + length]))
        body = body[5 + length :]
    return found


def decoded(text: bytes) -> bytes:
    """Base64 with filling in between, as clients read it."""
    return b"".join(base64.b64decode(text[start : start + 4], validate=True) for start in range(0, len(text), 4))


def message(body: bytes) -> bytes:
    return struct.pack(">BI", 0, len(body)) + body


def web(url: str) -> list[dict[str, Any]]:
    parts = before(url, [{"kind": "GrpcWeb"}])
    parts[0]["protocols"] = ["http1", "h2c"]
    return parts


def post(port: int, method: str, body: bytes, kind: str, **fields: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", name(method), body, {"content-type": kind, "x-grpc-web": "1", **fields})
    answer = connection.getresponse()
    found = answer.read()
    connection.close()
    return answer, found


@pytest.mark.parametrize("form", ["application/grpc-web+proto", "application/grpc-web-text"])
@pytest.mark.parametrize("size", [0, 5, 100_000])
def test_a_call_over_http1_is_answered_with_its_status_at_the_end(form: str, size: int) -> None:
    is_text = form.endswith("text")
    sent = message(b"x" * size)
    with GrpcOrigin() as origin, Gateway(web(origin.url)) as gateway:
        answer, found = post(port_of(gateway), "Echo", base64.b64encode(sent) if is_text else sent, form)
        assert (answer.status, answer.headers["content-type"].startswith(form.removesuffix("+proto"))) == (200, True)
        first, last = frames(decoded(found) if is_text else found)
        assert first == (0, b"x" * size)
        assert last[0] == STATUS
        lines = last[1].decode().splitlines()
        assert {"grpc-status: 0", f"sum: {size}"} <= set(lines)
        assert "x-grpc-web" not in origin.asked[0]


def test_many_messages_come_as_they_are_and_over_http2_too() -> None:
    with GrpcOrigin() as origin, Gateway(web(origin.url)) as gateway, Http2Client(port_of(gateway)) as client:
        kind = ("content-type", "application/grpc-web")
        stream = client.begin(name("Count"), method="POST", fields=[kind], ends=False)
        client.send_body(stream, message(b"500"))
        answer = client.answer(stream)
        *found, last = frames(answer.body)
        assert found == [(0, b"%d" % number) for number in range(500)]
        assert b"grpc-status: 0\r\n" in last[1]
        assert answer.trailers == {}


def test_a_refusal_has_its_status_in_the_head() -> None:
    with GrpcOrigin() as origin, Gateway(web(origin.url)) as gateway:
        answer, found = post(port_of(gateway), "Fail", message(b"NOT_FOUND"), "application/grpc-web")
        told = dict(answer.headers) if not found else dict(line.split(": ", 1) for line in _lines(found))
        assert (told["grpc-status"], told["grpc-message"]) == ("5", "as asked: 100 %25 wrong")
        answer, found = post(port_of(gateway), "Echo", b"?", "application/grpc-web-text")
        assert (answer.status, found, answer.headers["grpc-status"]) == (200, b"", "13")
        answer, _ = post(port_of(gateway), "Echo", message(b""), "application/grpc-web", **{"grpc-timeout": "1x"})
        assert answer.headers["grpc-status"] == "3"


def _lines(body: bytes) -> list[str]:
    return frames(body)[-1][1].decode().splitlines()


def test_a_deadline_holds_for_calls_of_browsers() -> None:
    with GrpcOrigin() as origin, Gateway(web(origin.url)) as gateway:
        fields = {"grpc-timeout": "300m"}
        answer, found = post(port_of(gateway), "Sleep", message(b"20"), "application/grpc-web", **fields)
        assert (answer.status, answer.headers["grpc-status"], found) == (200, "4", b"")
        assert origin.cancelled.wait(10)


def test_an_answer_that_breaks_off_ends_with_a_status_over_http2() -> None:
    def script(asked: Asked) -> None:
        asked.head(200, [("content-type", "application/grpc")])
        asked.send(message(b"hello"))
        asked.refuse(2)

    with Http2Origin(script) as origin, Gateway(web(origin.url)) as gateway, Http2Client(port_of(gateway)) as client:
        stream = client.begin(
            name("Echo"), method="POST", fields=[("content-type", "application/grpc-web")], ends=False
        )
        client.send_body(stream, message(b""))
        first, last = frames(client.answer(stream).body)
        assert first == (0, b"hello")
        assert b"grpc-status: 14\r\n" in last[1]


def test_what_is_no_call_passes_untouched() -> None:
    with Http2Origin() as origin, Gateway(web(origin.url)) as gateway:
        answer, found = post(port_of(gateway), "Echo", b"{}", "application/json")
        assert (answer.status, found) == (200, b"{}")
        assert origin.asked[0].named["content-type"] == "application/json"
