"""Endpoints of HTTP/2 that are gone without a word are noticed by pings; those that only take their time are let be."""

import contextlib
import time
from http.client import HTTPConnection, HTTPException
from typing import Any

import pytest

from penstock import Gateway
from tests.http2.test_endpoints import before, get
from tests.servers.http2_origin import Asked, Caller, Http2Origin
from tests.servers.silent_relay import SilentRelay

QUICK = {"interval": "500ms", "timeout": "2s"}
"""For endpoints that are gone; a busy machine takes its time to answer where they are not."""
OFTEN = {"interval": "200ms", "timeout": "20s"}
PATIENCE = 25.0
"""Ten times what noticing takes, and less than half of what it took without pings."""


def asking(port: int, ping: dict[str, str], **settings: Any) -> list[dict[str, Any]]:
    return before(f"h2c://127.0.0.1:{port}", ping=ping, **settings)


def is_kept(caller: Caller, seconds: float) -> bool:
    """Whether the gateway keeps a connection for a time."""
    with caller.origin.changed:
        return not caller.origin.changed.wait_for(lambda: caller.is_closed, seconds)


def test_a_request_on_a_dead_connection_is_sent_again_on_a_fresh_one() -> None:
    with Http2Origin() as origin, SilentRelay(origin.port) as relay, Gateway(asking(relay.port, QUICK)) as gateway:
        assert get(gateway, "/first") == (200, b"/first")
        relay.silence()
        began = time.monotonic()
        assert get(gateway, "/second") == (200, b"/second")
        assert time.monotonic() - began < PATIENCE
        assert relay.accepted == 2


def test_what_may_not_be_sent_twice_is_answered_for() -> None:
    with Http2Origin() as origin, SilentRelay(origin.port) as relay, Gateway(asking(relay.port, QUICK)) as gateway:
        assert get(gateway, "/first") == (200, b"/first")
        relay.silence()
        began = time.monotonic()
        status, body = get(gateway, "/pay", data=b"once", method="POST")
        assert (status, b"upstream_closed" in body) == (502, True)
        assert time.monotonic() - began < PATIENCE
        assert get(gateway, "/third") == (200, b"/third")


def test_an_answer_that_falls_silent_is_broken_off() -> None:
    def script(asked: Asked) -> None:
        asked.head(200)
        asked.send(b"half")

    with (
        Http2Origin(script) as origin,
        SilentRelay(origin.port) as relay,
        Gateway(asking(relay.port, QUICK)) as gateway,
        contextlib.closing(HTTPConnection(gateway.url.removeprefix("http://"), timeout=20)) as client,
    ):
        client.request("GET", "/")
        answer = client.getresponse()
        assert answer.read(4) == b"half"
        relay.silence()
        began = time.monotonic()
        with pytest.raises((HTTPException, OSError)):
            answer.read()
        assert time.monotonic() - began < PATIENCE


def test_an_endpoint_that_takes_its_time_is_asked_once_and_waited_for() -> None:
    def script(asked: Asked) -> None:
        # Several times as long as a silence may last that nobody answers for.
        assert is_kept(asked.connection, 2.0)
        asked.answer(b"late")

    with Http2Origin(script) as origin, Gateway(asking(origin.port, OFTEN)) as gateway:
        assert get(gateway) == (200, b"late")
        assert origin.callers[0].pings == 1


def test_a_connection_that_nobody_uses_is_asked_with_the_next_request() -> None:
    with Http2Origin() as origin, Gateway(asking(origin.port, OFTEN)) as gateway:
        assert get(gateway, "/first") == (200, b"/first")
        assert is_kept(origin.callers[0], 1.0)
        assert origin.callers[0].pings == 0
        assert get(gateway, "/second") == (200, b"/second")
        origin.wait(lambda: origin.callers[0].pings == 1)
        assert len(origin.callers) == 1


def test_without_an_interval_nothing_is_asked() -> None:
    ping = {"interval": "0s", "timeout": "100ms"}
    with (
        Http2Origin() as origin,
        SilentRelay(origin.port) as relay,
        Gateway(asking(relay.port, ping, timeouts={"answer": "1s"})) as gateway,
    ):
        assert get(gateway, "/first") == (200, b"/first")
        relay.silence()
        assert get(gateway, "/second")[0] == 504
        assert [caller.pings for caller in origin.callers] == [0]
