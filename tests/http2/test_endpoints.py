"""Endpoints that speak HTTP/2: requests become streams of few connections, and their answers come back."""

import http.client
import json
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from h2.settings import SettingCodes

from penstock import ConfigError, Gateway
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.http2_client import Http2Client
from tests.servers.http2_origin import Asked, Http2Origin
from tests.servers.raw_origin import Caller, RawOrigin
from tests.servers.tls_client import AUTHORITY
from tests.servers.tls_origin import TlsOrigin

TRUSTED = {"ca": AUTHORITY.read_text(), "server_name": "shop.test"}
INTERNAL_ERROR, CANCEL = 2, 8


def before(*urls: str, **settings: Any) -> list[dict[str, Any]]:
    """A gateway for clients of both versions before an upstream."""
    return [
        {"kind": "Listener", "name": "web", "address": "127.0.0.1:0", "protocols": ["http1", "h2c"]},
        {"kind": "Upstream", "name": "orders", "endpoints": list(urls), **settings},
        {"kind": "Route", "name": "all", "path": "/*", "to": "orders"},
    ]


def get(gateway: Gateway, path: str = "/", **more: Any) -> tuple[int, bytes]:
    request = urllib.request.Request(gateway.url + path, **more)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read()


def client_of(gateway: Gateway) -> Http2Client:
    return Http2Client(int(gateway.url.rpartition(":")[2]))


def reason(gateway: Gateway, **more: Any) -> str:
    """The gateway's own word for why it could not answer."""
    status, body = get(gateway, **more)
    assert status == 502
    return str(json.loads(body)["reason"])


def test_a_request_becomes_a_stream_and_its_fields_those_of_http2() -> None:
    with Http2Origin() as origin, Gateway(before(origin.url + "/api")) as gateway:
        connection = http.client.HTTPConnection("127.0.0.1", int(gateway.url.rpartition(":")[2]), timeout=20)
        fields = {"Host": "shop.test", "Connection": "TE, Odd", "Odd": "1", "X-Kept": "Yes", "TE": "trailers"}
        connection.request("GET", "/orders?a=b", headers=fields)
        assert connection.getresponse().read() == b"/api/orders?a=b"
        connection.close()
        [asked] = origin.asked
        assert asked.fields[:4] == [
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "shop.test"),
            (":path", "/api/orders?a=b"),
        ]
        assert asked.named["x-kept"] == "Yes"
        assert {"host", "connection", "odd", "transfer-encoding", "upgrade"} & set(asked.named) == set()


@pytest.mark.parametrize("size", [0, 1, 70_000, 3 << 20])
def test_bodies_pass_both_ways(size: int) -> None:
    body = bytes(range(251)) * (size // 251) + b"x" * (size % 251)
    with Http2Origin(_whole) as origin, Gateway(before(origin.url)) as gateway:
        assert get(gateway, "/up", data=body, method="POST") == (200, body)
        assert origin.asked[0].named.get("content-length", "0") == str(size)
        with client_of(gateway) as client:
            stream = client.begin(method="POST", ends=not body)
            if body:
                client.send_body(stream, body)
            assert client.answer(stream).body == body
        assert "content-length" not in origin.asked[1].named


def _whole(asked: Asked) -> None:
    """Says a body back as the gateway grants it."""
    caller, body = asked.connection, asked.body
    asked.head(200, [("content-length", str(len(body)))], ends=not body)
    while body:
        room = caller.library.local_flow_control_window(asked.stream)
        if not room:
            with caller.origin.changed:
                caller.origin.changed.wait(0.01)
            continue
        piece, body = body[:room], body[room:]
        asked.send(piece, ends=not body)


def test_trailers_pass_both_ways() -> None:
    def script(asked: Asked) -> None:
        asked.answer(b"hello", trailers=[("sum", "5")])

    with Http2Origin(script) as origin, Gateway(before(origin.url)) as gateway, client_of(gateway) as client:
        stream = client.begin(method="POST", fields=[("te", "trailers")], ends=False)
        client.send_body(stream, b"good", ends=False)
        client.send_head(stream, [("checksum", "7")])
        answer = client.answer(stream)
        assert (answer.status, answer.body, answer.trailers) == (200, b"hello", {"sum": "5"})
        assert (origin.asked[0].body, origin.asked[0].trailers) == (b"good", {"checksum": "7"})
        assert origin.asked[0].named["te"] == "trailers"


def test_trailers_behind_a_length_pass_to_a_client_of_http2() -> None:
    def script(asked: Asked) -> None:
        asked.answer(b"hello", fields=[("content-length", "5")], trailers=[("sum", "5")])

    with Http2Origin(script) as origin, Gateway(before(origin.url)) as gateway:
        assert get(gateway) == (200, b"hello")
        with client_of(gateway) as client:
            answer = client.get(fields=[("te", "trailers")])
            assert (answer.body, answer.trailers) == (b"hello", {"sum": "5"})
            assert answer.fields["content-length"] == "5"


def test_interim_answers_and_answers_without_a_body_pass() -> None:
    def script(asked: Asked) -> None:
        asked.head(103, [("link", "</a>")])
        asked.answer(status=204)

    with Http2Origin(script) as origin, Gateway(before(origin.url)) as gateway, client_of(gateway) as client:
        answer = client.get()
        assert (answer.interim, answer.status, answer.body) == ([103], 204, b"")
        assert client.answer(client.begin(method="HEAD")).status == 204


def test_requests_share_a_connection() -> None:
    gathered = threading.Barrier(40)

    def script(asked: Asked) -> None:
        gathered.wait(15)
        asked.answer(asked.named[":path"].encode())

    with Http2Origin(script) as origin, Gateway(before(origin.url)) as gateway, ThreadPoolExecutor(40) as pool:
        paths = [f"/{number}" for number in range(40)]
        found = list(pool.map(lambda path: get(gateway, path), paths))
        assert found == [(200, path.encode()) for path in paths]
        assert len(origin.callers) == 1


def test_no_more_streams_are_begun_than_the_endpoint_allows() -> None:
    open_now: dict[int, int] = {}
    most: dict[int, int] = {}
    lock, release = threading.Lock(), threading.Event()

    def script(asked: Asked) -> None:
        caller = id(asked.connection)
        with lock:
            open_now[caller] = open_now.get(caller, 0) + 1
            most[caller] = max(most.get(caller, 0), open_now[caller])
        release.wait(15)
        with lock:
            open_now[caller] -= 1
        asked.answer(b"ok")

    settings = {SettingCodes.MAX_CONCURRENT_STREAMS: 2}
    with Http2Origin(script, settings=settings) as origin, Gateway(before(origin.url)) as gateway:
        with ThreadPoolExecutor(9) as pool:
            waiting = [pool.submit(get, gateway) for _ in range(8)]
            origin.wait(lambda: sum(open_now.values()) == 8)
            release.set()
            assert [one.result() for one in waiting] == [(200, b"ok")] * 8
        assert most == dict.fromkeys(most, 2)
        assert len(origin.callers) == 4


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_b21_what_the_endpoint_did_nothing_about_is_sent_again(method: str) -> None:
    release = threading.Event()

    def script(asked: Asked) -> None:
        if asked.connection is not origin.callers[0]:
            asked.answer(b"again")
        elif asked.named[":path"] == "/first":
            release.wait(15)
            asked.answer(b"first")
        else:
            asked.connection.go_away(last=1)

    with Http2Origin(script) as origin, Gateway(before(origin.url)) as gateway, ThreadPoolExecutor(1) as pool:
        first = pool.submit(get, gateway, "/first")
        origin.wait(lambda: len(origin.asked) == 1)
        assert get(gateway, "/second", method=method) == (200, b"again")
        release.set()
        assert first.result() == (200, b"first")
        assert [one.named[":path"] for one in origin.asked] == ["/first", "/second", "/second"]


def test_b21_what_the_endpoint_may_have_done_is_not_sent_again() -> None:
    def script(asked: Asked) -> None:
        asked.connection.go_away(last=asked.stream)
        asked.connection.close()

    with Http2Origin(script) as origin, Gateway(before(origin.url)) as gateway:
        assert reason(gateway, method="POST") == "upstream_closed"
        assert len(origin.asked) == 1


def test_a_refused_stream_is_sent_again_once() -> None:
    with Http2Origin(Asked.refuse) as origin, Gateway(before(origin.url)) as gateway:
        assert get(gateway, method="POST")[0] == 502
        assert len(origin.asked) == 2


def test_a_reset_ends_one_request_alone() -> None:
    def script(asked: Asked) -> None:
        if asked.named[":path"] == "/reset":
            asked.refuse(INTERNAL_ERROR)
        elif asked.named[":path"] == "/broken":
            asked.head()
            asked.send(b"half")
            asked.refuse(INTERNAL_ERROR)
        else:
            asked.answer(b"fine")

    with Http2Origin(script) as origin, Gateway(before(origin.url)) as gateway:
        assert get(gateway, "/reset", method="POST")[0] == 502
        with pytest.raises(http.client.IncompleteRead):
            get(gateway, "/broken")
        assert get(gateway, "/fine") == (200, b"fine")
        assert len(origin.callers) == 1


def test_a_client_that_gives_up_ends_its_stream_alone() -> None:
    def script(asked: Asked) -> None:
        if asked.named[":path"] != "/endless":
            asked.answer(b"fine")

    with Http2Origin(script) as origin, Gateway(before(origin.url)) as gateway:
        with client_of(gateway) as client:
            endless = client.begin("/endless")
            origin.wait(lambda: len(origin.asked) == 1)
            client.reset(endless)
            origin.wait(lambda: origin.asked[0].reset == CANCEL)
            assert client.get("/fine").body == b"fine"
        assert len(origin.callers) == 1


def test_what_a_slow_client_does_not_take_is_not_asked_of_the_endpoint() -> None:
    def script(asked: Asked) -> None:
        asked.head()
        while room := asked.connection.library.local_flow_control_window(asked.stream):
            asked.send(bytes(room))
            sent.append(room)
            waited.wait(0.2)

    sent: list[int] = []
    waited = threading.Event()
    with Http2Origin(script) as origin, Gateway(before(origin.url)) as gateway:
        port = int(gateway.url.rpartition(":")[2])
        with Http2Client(port, grants=False) as client:
            stream = client.begin()
            while len(client.answers[stream].body) < 65_535:
                client.receive()
            wait_until(lambda: origin.asked[0].connection.library.local_flow_control_window(1) == 0)
            assert sum(sent) <= 3 * 65_536


@pytest.mark.parametrize("protocol", ["h2", "auto"])
def test_http2_over_tls_is_what_the_handshake_comes_to(protocol: str) -> None:
    with (
        Http2Origin(tls=True) as origin,
        Gateway(before(origin.url, protocol=protocol, tls=TRUSTED)) as gateway,
        ThreadPoolExecutor(8) as pool,
    ):
        assert list(pool.map(lambda _: get(gateway, "/a"), range(16))) == [(200, b"/a")] * 16
        assert len(origin.callers) == 1
        assert origin.asked[0].named[":scheme"] == "https"


def test_an_endpoint_without_http2_is_spoken_to_in_http1_where_that_is_left_to_it() -> None:
    with TlsOrigin() as origin, Gateway(before(origin.url, protocol="auto", tls=TRUSTED)) as gateway:
        assert [get(gateway, "/a") for _ in range(3)] == [(200, b"/a")] * 3
        assert len(origin.names) == 1
    with TlsOrigin() as origin, Gateway(before(origin.url, protocol="h2", tls=TRUSTED)) as gateway:
        assert reason(gateway) == "endpoint_without_http2"


def test_an_endpoint_that_answers_in_http1_is_told_of() -> None:
    def script(caller: Caller) -> None:
        caller.until(b"\r\n\r\n")
        caller.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

    with RawOrigin(script) as origin, Gateway(before(origin.url, protocol="h2c")) as gateway:
        assert reason(gateway) == "endpoint_without_http2"


def test_an_endpoint_that_says_nothing_is_given_up_in_time() -> None:
    def script(caller: Caller) -> None:
        while caller.read():
            pass

    limits = {"timeouts": {"connect": "300ms"}}
    with RawOrigin(script) as origin, Gateway(before(origin.url, protocol="h2c", **limits)) as gateway:
        assert reason(gateway) == "endpoint_without_http2"


def test_a_change_keeps_connections_and_those_that_are_not_used_end() -> None:
    def written(status: int) -> str:
        parts = before(origin.url, timeouts={"keep": "1s"})
        own = {"kind": "Route", "name": "own", "path": "/own", "steps": [{"kind": "Respond", "status": status}]}
        return "\n---\n".join(json.dumps(part) for part in [*parts, own])

    with (
        Http2Origin() as origin,
        GatewayProcess(written(404), workers=1) as gateway,
        Http2Client(gateway.port()) as client,
    ):
        assert client.get("/a").body == b"/a"
        gateway.write(written(410))
        assert gateway.ask("POST", "/-/reload")[0] == 200
        assert (client.get("/own").status, client.get("/b").body) == (410, b"/b")
        assert len(origin.callers) == 1
        origin.wait(lambda: origin.callers[0].is_closed)
        assert client.get("/c").body == b"/c"


def test_a_connection_that_says_whose_it_is_serves_one_request() -> None:
    def script(caller: Caller) -> None:
        caller.until(b"SM\r\n\r\n")

    with RawOrigin(script) as origin:
        with Gateway(before(origin.url, protocol="h2c", proxy_protocol="v1")) as gateway:
            assert [get(gateway)[0] for _ in range(2)] == [502, 502]
        assert len(origin.callers) == 2
        assert all(caller.received.startswith(b"PROXY TCP4 127.0.0.1 ") for caller in origin.callers)


@pytest.mark.parametrize(
    ("url", "protocol", "message"),
    [
        ("http://a.test", "h2", "HTTP/2 over TLS needs an https:// URL"),
        ("https://a.test", "h2c", "h2c is HTTP/2 in clear text"),
        ("h2c://a.test", "http1", "h2c:// is HTTP/2 in clear text, and the protocol is http1"),
        ("tcp://a.test:1", "h2", "only endpoints that speak HTTP have a protocol"),
    ],
)
def test_a_url_that_says_something_else_than_the_protocol_is_a_problem(url: str, protocol: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Gateway(before(url, protocol=protocol)).start()
    assert message in {problem.message for problem in refused.value.problems}


def test_b23_what_configuration_and_paths_put_into_fields_stays_in_them() -> None:
    # Longer than a frame, and what would be a line of a head behind it.
    long = "x" * 17_000 + "\xff\xe0 :path /admin"
    step = {"kind": "SetHeaders", "request": {"set": {"x-long": long, "x-part": "{{ request.params.part }}"}}}
    with Http2Origin() as origin:
        route = {"kind": "Route", "name": "parts", "path": "/parts/{part}"}
        steps = [step, {"kind": "Forward", "to": "orders"}]
        with Gateway([*before(origin.url), {**route, "steps": steps}]) as gateway:
            for part in ("b" * 9_000, "%01%84%04%06%2e", "%ff%00"):
                get(gateway, f"/parts/{part}")
            assert get(gateway, "/parts/last")[0] == 200
        for asked in origin.asked:
            assert [name for name, _ in asked.fields if name.startswith(":")] == [
                ":method",
                ":scheme",
                ":authority",
                ":path",
            ]
            assert asked.named[":path"].startswith("/parts/")
            assert asked.named["x-long"] == long
        assert origin.asked[0].named["x-part"] == "b" * 9_000


def test_a_request_for_a_tunnel_is_answered_as_one_without() -> None:
    # An endpoint of HTTP/2 is not asked to switch: what it answers is the answer.
    fields = {"Connection": "upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    fields["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    with Http2Origin() as origin, Gateway(before(origin.url)) as gateway:
        connection = http.client.HTTPConnection("127.0.0.1", int(gateway.url.rpartition(":")[2]), timeout=20)
        connection.request("GET", "/chat", headers=fields)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"/chat")
        connection.close()
        assert not {"upgrade", "connection"} & set(origin.asked[0].named)
