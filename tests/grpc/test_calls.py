"""Calls of gRPC through the gateway, with the gRPC project's own library on both sides."""

import json
import queue
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from penstock import Gateway
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.grpc_origin import SERVICE, GrpcOrigin
from tests.servers.http2_client import Http2Client
from tests.servers.http2_origin import Asked, Http2Origin

CANCEL = 8
Parts = list[dict[str, Any]]


def before(url: str, steps: list[dict[str, Any]] | None = None, **route: Any) -> Parts:
    """A gateway for calls before a service."""
    return [
        {"kind": "Listener", "name": "web", "address": "127.0.0.1:0", "protocols": ["h2c"]},
        {"kind": "Upstream", "name": "service", "endpoints": [url]},
        {
            "kind": "Route",
            "name": "calls",
            "path": f"/{SERVICE}/*",
            "steps": [*(steps or []), {"kind": "Forward", "to": "service"}],
            **route,
        },
    ]


def port_of(gateway: Gateway) -> int:
    return int(gateway.url.rpartition(":")[2])


@contextmanager
def channel_to(port: int) -> Iterator[Any]:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel


def name(method: str) -> str:
    return f"/{SERVICE}/{method}"


def refused(call: Any, message: Any, **more: Any) -> Any:
    with pytest.raises(grpc.RpcError) as caught:
        call(message, **more)
    return caught.value


def test_every_kind_of_call_passes() -> None:
    with GrpcOrigin() as origin, Gateway(before(origin.url)) as gateway, channel_to(port_of(gateway)) as channel:
        answer, call = channel.unary_unary(name("Echo")).with_call(b"hello", metadata=[("own", "1")], timeout=10)
        assert answer == b"hello"
        assert ("sum", "5") in [(key, value) for key, value in call.trailing_metadata()]
        assert origin.asked[0]["own"] == "1"
        assert list(channel.unary_stream(name("Count"))(b"300", timeout=10)) == [b"%d" % one for one in range(300)]
        assert channel.stream_unary(name("Sum"))(iter([b"x" * 1000] * 300), timeout=10) == b"300000"
        large = b"y" * (3 << 20)
        assert channel.unary_unary(name("Echo"))(large, timeout=20) == large


def test_messages_of_both_sides_pass_as_they_come() -> None:
    with GrpcOrigin() as origin, Gateway(before(origin.url)) as gateway, channel_to(port_of(gateway)) as channel:
        sent: queue.Queue[bytes | None] = queue.Queue()
        answers = channel.stream_stream(name("Chat"))(iter(sent.get, None), timeout=20)
        for number in range(50):
            sent.put(b"message %d" % number)
            assert next(answers) == b"message %d" % number
        sent.put(None)
        assert list(answers) == []


@pytest.mark.parametrize("code", [grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAUTHENTICATED])
def test_the_status_of_a_service_passes_with_its_message(code: grpc.StatusCode) -> None:
    with GrpcOrigin() as origin, Gateway(before(origin.url)) as gateway, channel_to(port_of(gateway)) as channel:
        error = refused(channel.unary_unary(name("Fail")), code.name.encode(), timeout=10)
        assert (error.code(), error.details()) == (code, "as asked: 100 % wrong")


def test_a_deadline_reaches_the_service_and_ends_the_call_there() -> None:
    with GrpcOrigin() as origin, Gateway(before(origin.url)) as gateway, channel_to(port_of(gateway)) as channel:
        error = refused(channel.unary_unary(name("Sleep")), b"20", timeout=0.5)
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert origin.left[0] is not None
        assert origin.left[0] <= 0.6
        assert origin.cancelled.wait(10)


def test_a_route_limits_the_deadline_that_the_service_is_told() -> None:
    with (
        GrpcOrigin() as origin,
        Gateway(before(origin.url, timeout="400ms")) as gateway,
        channel_to(port_of(gateway)) as channel,
    ):
        error = refused(channel.unary_unary(name("Sleep")), b"20", timeout=30)
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert origin.left[0] is not None
        assert origin.left[0] <= 0.5


def test_a_deadline_ends_an_answer_that_has_begun() -> None:
    with GrpcOrigin() as origin, Gateway(before(origin.url)) as gateway, Http2Client(port_of(gateway)) as client:
        stream = ask(client, name("Drip"), ("grpc-timeout", "700m"))
        answer = client.answer(stream)
        assert (answer.status, answer.trailers["grpc-status"]) == (200, "4")
        assert answer.body.count(b"drop") > 3


def test_a_service_that_notices_the_deadline_first_makes_it_no_other_end() -> None:
    """It gives the call up as one that broke off, and the gateway's clock may be behind."""

    def script(asked: Asked) -> None:
        assert asked.named["grpc-timeout"] == "400m"
        with asked.connection.origin.changed:
            asked.connection.origin.changed.wait_for(lambda: asked.connection.is_closed, 0.4)
        asked.refuse(CANCEL)

    with Http2Origin(script) as origin, Gateway(before(origin.url)) as gateway, Http2Client(port_of(gateway)) as client:
        answer = client.answer(ask(client, name("Sleep"), ("grpc-timeout", "400m")))
        assert (answer.status, answer.fields["grpc-status"]) == (200, "4")
        origin.script = lambda asked: asked.refuse(CANCEL)
        answer = client.answer(ask(client, name("Sleep"), ("grpc-timeout", "30S")))
        assert (answer.status, answer.fields["grpc-status"]) == (200, "14")


def test_a_client_that_cancels_ends_the_call_at_the_service() -> None:
    with GrpcOrigin() as origin, Gateway(before(origin.url)) as gateway, channel_to(port_of(gateway)) as channel:
        call = channel.unary_unary(name("Sleep")).future(b"20")
        wait_until(lambda: len(origin.asked) == 1)
        call.cancel()
        assert origin.cancelled.wait(10)


@pytest.mark.parametrize("text", ["99999999999H", "1x", "-1S", "", "S"])
def test_l1_a_deadline_that_is_none_is_refused(text: str) -> None:
    with GrpcOrigin() as origin, Gateway(before(origin.url)) as gateway, Http2Client(port_of(gateway)) as client:
        answer = client.answer(ask(client, name("Echo"), ("grpc-timeout", text)))
        assert (answer.status, answer.fields["grpc-status"]) == (200, "3")
        assert client.answer(ask(client, name("Echo"), ("grpc-timeout", "99999999H"))).trailers["grpc-status"] == "0"
        assert len(origin.asked) == 1


def ask(client: Http2Client, path: str, *fields: tuple[str, str]) -> int:
    """Begin a call with one empty message."""
    stream = client.begin(
        path, method="POST", fields=[("content-type", "application/grpc"), ("te", "trailers"), *fields], ends=False
    )
    client.send_body(stream, bytes(5))
    return stream


REFUSED: list[tuple[dict[str, Any], grpc.StatusCode]] = [
    ({"kind": "Respond", "status": 401}, grpc.StatusCode.UNAUTHENTICATED),
    ({"kind": "Respond", "status": 403, "body": "not you"}, grpc.StatusCode.PERMISSION_DENIED),
    ({"kind": "Respond", "status": 429}, grpc.StatusCode.UNAVAILABLE),
    ({"kind": "MaxBodySize", "limit": "2B"}, grpc.StatusCode.RESOURCE_EXHAUSTED),
]


@pytest.mark.parametrize(("step", "code"), REFUSED)
def test_l3_what_the_gateway_refuses_has_a_status(step: dict[str, Any], code: grpc.StatusCode) -> None:
    with (
        GrpcOrigin() as origin,
        Gateway(before(origin.url, [step])) as gateway,
        channel_to(port_of(gateway)) as channel,
    ):
        assert refused(channel.unary_unary(name("Echo")), b"hello", timeout=10).code() == code
        unrouted = refused(channel.unary_unary("/other.Service/Echo"), b"hello", timeout=10)
        assert unrouted.code() == grpc.StatusCode.UNIMPLEMENTED
        assert unrouted.details() == "no route for this host and path"
        assert origin.asked == []


def test_l3_an_endpoint_that_is_not_there_or_leaves_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Gateway(before(f"h2c://127.0.0.1:{port}")) as gateway, channel_to(port_of(gateway)) as channel:
        error = refused(channel.unary_unary(name("Echo")), b"hello", timeout=10)
        assert error.code() == grpc.StatusCode.UNAVAILABLE
        assert "endpoint" in error.details()


def test_l3_an_answer_that_breaks_off_ends_with_a_status() -> None:
    def script(asked: Asked) -> None:
        asked.head(200, [("content-type", "application/grpc")])
        asked.send(b"\0\0\0\0\5hello")
        asked.refuse(2)

    with Http2Origin(script) as origin, Gateway(before(origin.url)) as gateway, channel_to(port_of(gateway)) as channel:
        answers = channel.unary_stream(name("Count"))(b"1", timeout=10)
        assert next(answers) == b"hello"
        with pytest.raises(grpc.RpcError) as caught:
            next(answers)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("status", "fields", "code"),
    [
        (503, [], grpc.StatusCode.UNAVAILABLE),
        (403, [("content-type", "text/html")], grpc.StatusCode.PERMISSION_DENIED),
        (200, [("content-type", "text/html")], grpc.StatusCode.UNKNOWN),
    ],
)
def test_l3_an_endpoint_that_answers_something_else_has_a_status(
    status: int, fields: list[tuple[str, str]], code: grpc.StatusCode
) -> None:
    def script(asked: Asked) -> None:
        asked.answer(b"<html>no</html>", status, fields)

    with Http2Origin(script) as origin, Gateway(before(origin.url)) as gateway, channel_to(port_of(gateway)) as channel:
        error = refused(channel.unary_unary(name("Echo")), b"hello", timeout=10)
        assert error.code() == code
        assert error.details() == f"the endpoint answered {status} and no gRPC"


LARGE = b"\0\xff\xff\xff\xff"
COMPRESSED = b"\1\0\0\0\1x"


@pytest.mark.parametrize(("prefix", "code"), [(LARGE, "8"), (COMPRESSED, "12"), (b"\2\0\0\0\0", "13")])
@pytest.mark.parametrize("before_it", [b"", b"\0\0\0\0\5hello"], ids=["first", "second"])
def test_l2_a_message_that_is_refused_ends_the_call(prefix: bytes, code: str, before_it: bytes) -> None:
    steps = [{"kind": "MaxMessageSize", "limit": "1KiB"}]
    with GrpcOrigin() as origin, Gateway(before(origin.url, steps)) as gateway:
        with Http2Client(port_of(gateway)) as client:
            fields = [("content-type", "application/grpc"), ("te", "trailers")]
            stream = client.begin(name("Sum"), method="POST", fields=fields, ends=False)
            client.send_body(stream, before_it + prefix + bytes(1000), ends=False)
            answer = client.answer(stream)
            assert (answer.status, answer.fields["grpc-status"]) == (200, code)
        with channel_to(port_of(gateway)) as channel:
            assert channel.stream_unary(name("Sum"))(iter([b"x" * 1000] * 300), timeout=10) == b"300000"
            error = refused(channel.unary_unary(name("Echo")), b"x" * 1025, timeout=10)
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_log_and_counters_tell_what_became_of_calls(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    with GrpcOrigin() as origin:
        telemetry = {"kind": "Telemetry", "name": "log", "access_log": {"path": str(log)}}
        text = "\n---\n".join(map(json.dumps, [*before(origin.url), telemetry]))
        with GatewayProcess(text, workers=1) as gateway:
            with channel_to(gateway.port()) as channel:
                channel.unary_unary(name("Echo"))(b"hello", timeout=10)
                refused(channel.unary_unary(name("Fail")), b"NOT_FOUND", timeout=10)
                refused(channel.unary_unary("/other.Service/Echo"), b"hello", timeout=10)
            metrics = gateway.ask("GET", "/metrics")[1]
            for status in ("OK", "NOT_FOUND", "UNIMPLEMENTED"):
                assert f'penstock_grpc_calls_total{{status="{status}"}} 1\n' in metrics
            wait_until(lambda: log.exists() and log.read_text().count("\n") == 3)
            lines = [json.loads(line) for line in log.read_text().splitlines()]
            assert [line["grpc_status"] for line in lines] == ["OK", "NOT_FOUND", "UNIMPLEMENTED"]
            assert lines[2]["reason"] == "no_route"
