"""A proxy that reaches destinations by another proxy."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from penstock import ConfigError, Gateway
from tests.forward_proxy.test_forward_proxy import REACHING, curl, number, proxy
from tests.servers.http2_client import Http2Client
from tests.servers.http2_websocket import ask
from tests.servers.origin import Origin
from tests.servers.raw_origin import Caller, RawOrigin
from tests.servers.tls_client import AUTHORITY
from tests.servers.tls_origin import TlsOrigin

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
KNOWN: dict[str, Any] = {"via_credentials": "gateway:hush"}
EVERY = ["*:1-65535", "127.0.0.0/8:1-65535"]


@contextmanager
def chain(*, tls: bool = False, **settings: Any) -> Iterator[tuple[Gateway, Gateway]]:
    """A proxy, and behind it another that serves only the first."""
    with Gateway(proxy(tls=tls, allow=REACHING, users={"gateway": "hush"})) as last:
        via = f"https://127.0.0.1:{number(last.url)}" if tls else last.url
        upstream: dict[str, Any] = {"kind": "Upstream", "name": "last", "endpoints": [via]}
        if tls:
            upstream["tls"] = {"ca": AUTHORITY.read_text(), "server_name": "shop.test"}
        with Gateway([*proxy(via="last", **{"allow": EVERY, **settings}), upstream]) as first:
            yield first, last


@pytest.mark.parametrize("tls", [False, True], ids=["in clear text", "over TLS"])
def test_curl_reaches_a_page_by_both(*, tls: bool) -> None:
    with Origin() as origin, chain(tls=tls, **KNOWN) as (first, last):
        for path in ("/one", "/two?x=1"):
            found = curl("-x", first.url, f"http://localhost:{number(origin.url)}{path}")
            assert found == f"{path.partition('?')[0]} 000 200"
        assert curl("-x", first.url, "-d", "body", f"{origin.url}/up") == "4 000 200"
        assert [one.status for one in last.requests] == [200] * 3


@pytest.mark.parametrize("tls", [False, True], ids=["in clear text", "over TLS"])
def test_curl_has_a_tunnel_through_both(*, tls: bool) -> None:
    with TlsOrigin() as origin, chain(tls=tls, **KNOWN) as (first, _):
        target = ["--cacert", str(AUTHORITY), "--connect-to", f"shop.test:443:localhost:{number(origin.url)}"]
        assert curl("-x", first.url, *target, "https://shop.test/path") == "/path 200 200"
        assert origin.names == ["shop.test"]


def test_a_stream_of_http2_has_a_tunnel_through_both() -> None:
    with Origin() as origin, chain(**KNOWN) as (first, _), Http2Client(number(first.url)) as client:
        stream = ask(client, [(":method", "CONNECT"), (":authority", f"localhost:{number(origin.url)}")])
        assert client.answers[stream].status == 200
        client.send_body(stream, b"GET /path HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", ends=False)
        assert client.answer(stream).body.endswith(b"/path")


def test_the_proxy_behind_is_asked_as_proxies_are_and_told_who_asks() -> None:
    sent = base64.b64encode(b"gateway:hush").decode()
    with RawOrigin.answering(ANSWER) as last, Gateway(proxy(via=last.url, allow=EVERY, **KNOWN)) as first:
        own = ["--proxy-user", "alice:own", "-H", "x-forwarded-for: 1.2.3.4"]
        assert curl("-x", first.url, *own, "http://Shop.Test:8081/a/../b?c") == "ok 000 200"
        received = last.callers[0].received.decode("latin-1")
        assert received.startswith("GET http://shop.test:8081/b?c HTTP/1.1\r\n")
        lines = [line.lower() for line in received.split("\r\n")]
        assert [line for line in lines if line.startswith("proxy-")] == [f"proxy-authorization: basic {sent}".lower()]
        assert not any(line.startswith("x-forwarded") for line in lines)
        curl("-x", first.url, "https://[2606:4700::1111]:444/")
    head = last.callers[1].received.decode("latin-1").split("\r\n")
    assert head[:3] == [
        "CONNECT [2606:4700::1111]:444 HTTP/1.1",
        "host: [2606:4700::1111]:444",
        f"proxy-authorization: Basic {sent}",
    ]


def test_what_the_destination_says_first_is_not_lost() -> None:
    def script(caller: Caller) -> None:
        caller.until(b"\r\n\r\n")
        caller.send(b"HTTP/1.1 200 Connection established\r\nx: y\r\n\r\n220 hello\r\n")
        caller.until(b"QUIT\r\n")

    with (
        RawOrigin(script) as last,
        Gateway(proxy(via=last.url, allow=EVERY)) as first,
        Http2Client(number(first.url)) as client,
    ):
        stream = ask(client, [(":method", "CONNECT"), (":authority", "mail.test:25")])
        client.send_body(stream, b"QUIT\r\n")
        assert client.answer(stream).body == b"220 hello\r\n"


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 407 Who\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 101 Odd\r\n\r\n",
        b"what is this",
    ],
)
def test_a_tunnel_that_is_refused_is_told(said: bytes) -> None:
    with (
        RawOrigin.answering(said) as last,
        Gateway(proxy(via=last.url, allow=EVERY)) as first,
        Http2Client(number(first.url)) as client,
    ):
        answer = client.answer(ask(client, [(":method", "CONNECT"), (":authority", "a.test:443")]))
        assert (answer.status, json.loads(answer.body)["reason"]) == (502, "tunnel_refused")


def test_rules_judge_what_is_asked_for_and_nothing_is_looked_up_here() -> None:
    settings: dict[str, Any] = {"allow": ["*.test", "10.0.0.0/8"], "deny": ["no.test"]}
    with RawOrigin.answering(ANSWER) as last, Gateway(proxy(via=last.url, **settings)) as first:
        for host, expected in [
            ("nowhere.test", "ok 000 200"),
            ("10.1.2.3", "ok 000 200"),
            ("no.test", "403"),
            ("other.example", "403"),
            ("127.0.0.1", "403"),
            ("0x7f.1", "403"),
        ]:
            assert curl("-x", first.url, f"http://{host}/").endswith(expected), host


def test_one_of_several_that_is_not_there_is_passed_over() -> None:
    with Origin() as origin, Gateway(proxy(allow=REACHING)) as last:
        upstream = {"kind": "Upstream", "name": "last", "endpoints": ["http://127.0.0.1:1", last.url]}
        with Gateway([*proxy(via="last", allow=EVERY), upstream]) as first:
            for _ in range(4):
                assert curl("-x", first.url, f"{origin.url}/path") == "/path 000 200"
                assert curl("-x", first.url, "-p", f"{origin.url}/path") == "/path 200 200"


def test_credentials_for_nobody_are_a_problem_and_not_shown() -> None:
    with pytest.raises(ConfigError, match="no proxy to tell") as refused, Gateway(proxy(**KNOWN)):
        """It does not start."""
    assert "hush" not in str(refused.value)
