"""WebSocket within streams of HTTP/2 (RFC 8441) before endpoints that speak it over HTTP/1.1."""

import base64
import hashlib
import signal
import socket
import struct
from typing import Any

import pytest
from h2.settings import SettingCodes
from websockets.frames import Opcode
from websockets.sync.server import ServerConnection

from penstock import Gateway
from tests.http2.configurations import speaking
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.http2_client import Http2Client
from tests.servers.http2_websocket import Http2WebSocket, ask, request
from tests.servers.raw_origin import Caller, RawOrigin
from tests.servers.websocket_client import frame, open_websocket
from tests.servers.websocket_origin import WebSocketOrigin
from tests.websocket.configurations import port, resources

TEXT, CLOSE = 0x81, 0x88
CANCEL, REFUSED_STREAM, PROTOCOL_ERROR = 8, 7, 1
SIZES = [0, 125, 126, 65535, 65536, 1 << 20]


def both(to: str, **settings: Any) -> list[dict[str, Any]]:
    """One listener that speaks HTTP/1.1 and HTTP/2 before one endpoint."""
    listener, *others = resources(to, **settings)
    return [{**listener, "protocols": ["http1", "h2c"]}, *others]


def accept(caller: Caller) -> bytes:
    """Take a handshake; gives the head that answers it."""
    head = caller.until(b"\r\n\r\n")
    key = next(line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest()
    answer = base64.b64encode(digest).decode()
    fields = f"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: {answer}\r\n"
    return f"HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n".encode()


@pytest.mark.parametrize("size", SIZES)
def test_messages_of_every_size_come_back(size: int) -> None:
    with WebSocketOrigin() as origin, Gateway(both(origin.url)) as gateway, Http2Client(port(gateway)) as client:
        opened = Http2WebSocket(client)
        for message in (b"\xc3\xa9" * (size // 2), bytes(index % 251 for index in range(size))):
            opened.send(message)
            assert opened.message() == message
        opened.close()
        assert (opened.close_code, opened.answer.is_whole) == (1000, True)
        wait_until(lambda: origin.ends == [1000])


def test_it_is_offered_and_looks_to_the_endpoint_as_any_other() -> None:
    with (
        WebSocketOrigin(subprotocols=["chat"], compression="deflate") as origin,
        Gateway(both(origin.url)) as gateway,
        Http2Client(port(gateway)) as client,
    ):
        extension = ("sec-websocket-extensions", "permessage-deflate")
        opened = Http2WebSocket(client, fields=[("sec-websocket-protocol", "other, chat"), extension])
        assert client.connection.remote_settings[SettingCodes.ENABLE_CONNECT_PROTOCOL] == 1
        names = ("sec-websocket-protocol", "sec-websocket-extensions")
        assert [opened.answer.fields[name].split(";")[0] for name in names] == ["chat", "permessage-deflate"]
        of_http1 = {"connection", "upgrade", "sec-websocket-accept", "transfer-encoding", "content-length"}
        assert not of_http1 & set(opened.answer.fields)
        opened.close()
        wait_until(lambda: [(one.method, one.status) for one in gateway.requests] == [("GET", 200)])


def test_every_connection_has_a_key_of_its_own_and_none_of_the_clients() -> None:
    def echo(caller: Caller) -> None:
        caller.send(accept(caller))

    theirs = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    with RawOrigin(echo) as origin, Gateway(both(origin.url)) as gateway, Http2Client(port(gateway)) as client:
        for _ in range(3):
            Http2WebSocket(client, fields=[theirs]).finish()
        lines = [line for line in origin.received.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")]
        keys = {base64.b64decode(line.split(b": ")[1]) for line in lines}
        assert len(keys) == 3
        assert {len(key) for key in keys} == {16}
        assert theirs[1].encode() not in origin.received
        assert b":protocol" not in origin.received


def test_fragments_and_pings_pass_however_data_is_cut() -> None:
    with WebSocketOrigin() as origin, Gateway(both(origin.url)) as gateway, Http2Client(port(gateway)) as client:
        opened = Http2WebSocket(client)
        opened.send(["one", "two", "three" * 50])
        assert opened.message() == b"onetwo" + b"three" * 50
        opened.ping(b"here?")
        pong = opened.take()
        assert (pong.opcode, bytes(pong.data)) == (Opcode.PONG, b"here?")
        for byte in frame(TEXT, b"x" * 300):
            client.send_body(opened.stream, bytes([byte]), ends=False)
        assert opened.message() == b"x" * 300
        client.send_frame(0, 0x8, opened.stream, b"\x07" + frame(TEXT, b"padded") + bytes(7))
        assert opened.message() == b"padded"


def test_many_share_one_connection_with_requests_and_count_as_streams() -> None:
    with WebSocketOrigin() as origin:
        configuration = both(origin.url, limits={"streams": 10})
        step = {"kind": "Respond", "status": 404}
        configuration.append({"kind": "Route", "name": "own", "path": "/own", "steps": [step]})
        with Gateway(configuration) as gateway, Http2Client(port(gateway)) as client:
            opened = [Http2WebSocket(client) for _ in range(9)]
            for number, one in enumerate(opened):
                one.send(str(number))
            assert client.get("/own").status == 404
            assert [one.message() for one in opened] == [str(number).encode() for number in range(9)]
            opened.append(Http2WebSocket(client))
            # The library would not ask for one too many.
            client.connection.remote_settings.update({SettingCodes.MAX_CONCURRENT_STREAMS: 100})
            client.connection.remote_settings.acknowledge()
            refused = ask(client, request())
            assert client.answers[refused].reset == REFUSED_STREAM
            opened.pop(0).close()
            again = Http2WebSocket(client)
            again.send("again")
            assert again.message() == b"again"


def test_a_client_that_grants_nothing_holds_the_endpoint_back() -> None:
    piece, count = bytes(64 << 10), 640
    sent: list[int] = []

    def pour(connection: ServerConnection) -> None:
        for _ in range(count):
            connection.send(piece)
            sent.append(len(piece))
        connection.recv()

    with (
        WebSocketOrigin(pour) as origin,
        Gateway(both(origin.url)) as gateway,
        Http2Client(port(gateway), grants=False) as client,
    ):
        opened = Http2WebSocket(client)
        client.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            opened.take()
        assert 0 < len(opened.answer.body) <= 65_535
        assert 0 < len(sent) < count, "sockets and one window hold what was sent"


def test_an_endpoint_that_does_not_read_holds_the_client_back() -> None:
    def dam(caller: Caller) -> None:
        caller.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        caller.send(accept(caller))
        caller.ended.wait(15)

    with RawOrigin(dam) as origin, Gateway(both(origin.url)) as gateway, Http2Client(port(gateway)) as client:
        opened = Http2WebSocket(client)
        client.socket.settimeout(1)
        with pytest.raises(TimeoutError):
            client.send_body(opened.stream, frame(0x82, bytes(12 << 20)), ends=False)
        client.socket.settimeout(15)
        client.reset(opened.stream)
        for caller in origin.callers:
            caller.ended.set()


def test_the_clients_end_of_the_stream_ends_its_direction_alone() -> None:
    late = frame(TEXT, b"still here", masked=False)

    def patient(caller: Caller) -> None:
        caller.send(accept(caller))
        while caller.read():
            pass
        caller.send(late)

    with RawOrigin(patient) as origin, Gateway(both(origin.url)) as gateway, Http2Client(port(gateway)) as client:
        stream = ask(client, request())
        client.send_body(stream, frame(TEXT, b"bye"))
        found = client.answer(stream)
        assert (found.body, found.is_whole, found.reset) == (late, True, None)
        assert origin.received.endswith(frame(TEXT, b"bye"))


def test_the_endpoints_end_ends_the_stream_and_the_client_may_go_on() -> None:
    def hasty(caller: Caller) -> None:
        caller.send(accept(caller))
        caller.stream.shutdown(socket.SHUT_WR)
        while caller.read():
            pass

    with RawOrigin(hasty) as origin, Gateway(both(origin.url)) as gateway, Http2Client(port(gateway)) as client:
        stream = ask(client, request())
        assert client.answer(stream).is_whole
        client.send_body(stream, frame(TEXT, b"heard"))
        wait_until(lambda: origin.received.endswith(frame(TEXT, b"heard")))
        assert origin.callers[0].ended.wait(15)


def test_a_reset_of_either_side_is_a_reset_of_the_other() -> None:
    ends: list[str] = []

    def noting(caller: Caller) -> None:
        caller.send(accept(caller))
        if caller.until(b"now"):
            caller.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        try:
            caller.stream.send(b"x")
            caller.stream.recv(1)
        except OSError as error:
            ends.append(type(error).__name__)

    with RawOrigin(noting) as origin, Gateway(both(origin.url)) as gateway, Http2Client(port(gateway)) as client:
        given_up = Http2WebSocket(client)
        client.reset(given_up.stream)
        wait_until(lambda: len(ends) == 1)
        assert ends[0] in ("ConnectionResetError", "BrokenPipeError")
        opened = Http2WebSocket(client)
        client.send_body(opened.stream, frame(TEXT, b"now"), ends=False)
        assert opened.finish().answer.reset == CANCEL


LATE = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
ANSWERS = {
    "200": (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno", 502, "not_switched"),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", 502, "not_switched"),
    "101 without an answer to the key": (LATE + b"\r\n", 502, "not_switched"),
    "101 with another's": (LATE + b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", 502, "not_switched"),
    "101 without upgrade": (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 502, "unasked_upgrade"),
    "403": (b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno", 403, ""),
    "426": (b"HTTP/1.1 426 Upgrade Required\r\ncontent-length: 0\r\n\r\n", 426, ""),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_l4_a_client_is_told_of_a_tunnel_only_where_there_is_one(case: str) -> None:
    answer, status, reason = ANSWERS[case]
    with (
        RawOrigin.answering(answer) as origin,
        Gateway(both(origin.url)) as gateway,
        Http2Client(port(gateway)) as client,
    ):
        client.send_head(1, [*request(), ("accept", "application/json")], ends=False)
        found = client.answer(1)
        assert (found.status, found.is_whole) == (status, True)
        assert reason.encode() in found.body


def test_answers_of_the_gateways_own_open_no_tunnel() -> None:
    listener, _ = both("http://127.0.0.1:1")
    steps = [{"kind": "Respond", "status": 200, "body": "hello"}]
    route = {"kind": "Route", "name": "own", "path": "/*", "steps": steps}
    with Gateway([listener, route]) as gateway, Http2Client(port(gateway)) as client:
        assert client.answers[ask(client, request())].status == 501
        assert client.get("/").body == b"hello"


def test_another_protocol_is_not_served_and_one_without_connect_is_malformed() -> None:
    with WebSocketOrigin() as origin, Gateway(both(origin.url)) as gateway, Http2Client(port(gateway)) as client:
        assert client.answers[ask(client, request(protocol="connect-udp"))].status == 501
        odd = [(":method", "GET"), *request()[1:]]
        assert client.answers[ask(client, odd)].reset == PROTOCOL_ERROR
        Http2WebSocket(client).close()


def test_the_filter_holds_it_to_origins_and_sizes() -> None:
    with WebSocketOrigin() as origin:
        limited = both(origin.url, origins=["https://shop.test"], max_message="1000B")
        with Gateway(limited) as gateway, Http2Client(port(gateway)) as client:
            foreign = ask(client, request(fields=[("origin", "https://evil.test")]))
            assert client.answers[foreign].status == 403
            opened = Http2WebSocket(client, fields=[("origin", "https://shop.test")])
            opened.send("x" * 1000)
            assert opened.message() == b"x" * 1000
            opened.send("x" * 1001)
            assert opened.finish().close_code == 1009
            wait_until(lambda: origin.ends == [1009])


def test_a_client_that_answers_no_ping_is_closed_and_so_is_the_endpoint() -> None:
    with (
        WebSocketOrigin() as origin,
        Gateway(both(origin.url, ping="300ms")) as gateway,
        Http2Client(port(gateway)) as client,
    ):
        stream = ask(client, request())
        found = client.answer(stream).body.replace(frame(0x8A, masked=False), b"")
        assert found == frame(0x89, masked=False) + frame(0x88, b"\x03\xe9", masked=False)
        wait_until(lambda: origin.ends == [1001])


def test_a_connection_in_which_nothing_moves_ends_and_no_other_does() -> None:
    with (
        WebSocketOrigin() as origin,
        Gateway(both(origin.url, limits={"idle": "600ms"})) as gateway,
        Http2Client(port(gateway)) as client,
    ):
        silent, chatty = Http2WebSocket(client), Http2WebSocket(client)
        while silent.answer.reset is None:
            chatty.send("hello")
            assert chatty.message() == b"hello"
        assert silent.answer.reset == CANCEL
        chatty.close()
        assert chatty.close_code == 1000


def test_r5_an_ending_gateway_says_good_bye_to_both_sides() -> None:
    with (
        WebSocketOrigin() as origin,
        GatewayProcess(speaking(origin.url), "--grace", "20s", workers=1) as gateway,
        Http2Client(gateway.port()) as client,
        open_websocket(gateway.port()) as other,
    ):
        opened = [Http2WebSocket(client) for _ in range(3)]
        gateway.signal(signal.SIGTERM)
        assert [one.finish().close_code for one in opened] == [1001] * 3
        assert [one.answer.is_whole for one in opened] == [True] * 3
        client.finish()
        assert len(client.farewells) == 2
        wait_until(lambda: origin.ends == [1001] * 4)
        other.close()
        assert gateway.wait(15) == 0


def test_r1_a_change_closes_no_connection() -> None:
    with (
        WebSocketOrigin() as origin,
        GatewayProcess(speaking(origin.url), workers=1) as gateway,
        Http2Client(gateway.port()) as client,
    ):
        opened = Http2WebSocket(client)
        for status in (410, 411):
            gateway.write(speaking(origin.url).replace("status: 404", f"status: {status}"))
            assert gateway.ask("POST", "/-/reload")[0] == 200
            opened.send(str(status))
            assert opened.message() == str(status).encode()


def test_a_client_that_never_ends_its_side_is_cut_off_soon_after_the_good_byes() -> None:
    with WebSocketOrigin() as origin, Gateway(both(origin.url)) as gateway, Http2Client(port(gateway)) as client:
        opened = Http2WebSocket(client)
        client.send_body(opened.stream, frame(CLOSE, b"\x03\xe8"), ends=False)
        while opened.answer.reset is None:
            client.receive()
        assert opened.answer.body == frame(CLOSE, b"\x03\xe8", masked=False)
        assert opened.answer.reset == CANCEL
        wait_until(lambda: origin.ends == [1000])


def test_how_long_one_lasted_is_no_requests_time() -> None:
    with (
        WebSocketOrigin() as origin,
        GatewayProcess(speaking(origin.url), workers=1) as gateway,
        Http2Client(gateway.port()) as client,
    ):
        Http2WebSocket(client).close()
        counted = 'penstock_requests_total{route="all",class="2xx"} 1'
        wait_until(lambda: counted in gateway.ask("GET", "/metrics")[1].splitlines())
        assert 'penstock_request_duration_seconds_count{route="all"} 0' in gateway.ask("GET", "/metrics")[1]
