"""A proxy that serves only those who say who they are."""

import base64
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from penstock import ConfigError, Gateway
from tests.forward_proxy.test_forward_proxy import REACHING, curl, head, number, proxy
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.http2_client import Http2Client
from tests.servers.http2_websocket import ask
from tests.servers.origin import Origin
from tests.servers.raw_origin import RawOrigin
from tests.servers.tls_client import AUTHORITY
from tests.servers.tls_origin import TlsOrigin

USERS = {"alice": "wonder:land", "bob": "pässword"}
FILE = """
kind: Listener
name: web
address: 127.0.0.1:0
---
kind: Telemetry
name: default
access_log: {{path: {log}}}
---
kind: Route
name: out
path: /*
steps: [{{kind: ForwardProxy, allow: ["127.0.0.1:1-65535"], users: {{alice: "{password}"}}}}]
"""


def guarded(**settings: Any) -> list[dict[str, Any]]:
    return proxy(allow=REACHING, users=USERS, **settings)


def credentials(user: str) -> str:
    return "Basic " + base64.b64encode(user.encode()).decode()


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("alice:wonder:land", "/path 000 200"),
        ("bob:pässword", "/path 000 200"),
        ("alice:wonder", " 000 407"),
        ("bob:wonder:land", " 000 407"),
        ("", " 000 407"),
    ],
)
def test_curl_is_served_where_it_names_a_user(user: str, expected: str) -> None:
    who = ["--proxy-user", user] if user else []
    with Origin() as origin, Gateway(guarded()) as gateway:
        found = curl("-x", f"http://127.0.0.1:{number(gateway.url)}", *who, "-f", f"{origin.url}/path")
        assert found == expected
        assert origin.counts == ({"/path": 1} if expected.startswith("/path") else {})


def test_curl_opens_tunnels_where_it_names_a_user() -> None:
    with TlsOrigin() as origin, Gateway(guarded()) as gateway:
        target = ["--cacert", str(AUTHORITY), "--connect-to", f"shop.test:443:localhost:{number(origin.url)}"]
        through = ["-x", f"http://127.0.0.1:{number(gateway.url)}", *target, "https://shop.test/path"]
        assert curl("--proxy-user", "alice:wonder:land", *through) == "/path 200 200"
        assert curl("--proxy-user", "alice:x", *through) == " 407 000"
        assert curl(*through) == " 407 000"
        assert origin.counts == {"/path": 1}


def test_a_client_that_is_asked_says_who_it_is() -> None:
    with Origin() as origin, Gateway(guarded()) as gateway:
        through = ["-x", f"http://127.0.0.1:{number(gateway.url)}", "--proxy-anyauth"]
        assert curl(*through, "--proxy-user", "alice:wonder:land", f"{origin.url}/path") == "/path 000 200"


def test_the_challenge_says_how_and_the_result_may_be_jumped_on() -> None:
    with Origin() as origin, Gateway(guarded()) as gateway:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": gateway.url}))
        with pytest.raises(urllib.error.HTTPError) as refused:
            opener.open(origin.url, timeout=10)
        with refused.value as answer:
            assert answer.headers["proxy-authenticate"] == 'Basic realm="proxy", charset="UTF-8"'
            assert json.loads(answer.read())["reason"] == "proxy_unauthorized"
    listener, route = guarded()
    route["steps"][0]["on"] = {"unauthorized": "sorry"}
    route["steps"] += ["end", {"kind": "Respond", "name": "sorry", "status": 403}]
    with Gateway([listener, route]) as gateway:
        assert curl("-x", gateway.url, "http://127.0.0.1:9/").endswith("403")


def test_streams_of_http2_need_a_user_each() -> None:
    with Origin() as origin, Gateway(guarded()) as gateway, Http2Client(number(gateway.url)) as client:
        authority = f"127.0.0.1:{number(origin.url)}"
        field = ("proxy-authorization", credentials("alice:wonder:land"))
        assert client.answers[ask(client, [*head(authority), field])].status == 200
        assert client.answers[ask(client, head(authority))].status == 407
        assert client.answers[ask(client, [*head(authority), field, field])].status == 407


def test_nobody_else_learns_who_it_was(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
    log = tmp_path / "log"
    with (
        RawOrigin.answering(answer) as origin,
        GatewayProcess(FILE.format(log=log, password="wonder:land"), workers=1) as gateway,
    ):
        through = ["-x", f"http://127.0.0.1:{gateway.port()}", "--proxy-user"]
        assert curl(*through, "alice:wonder:land", origin.url) == "ok 000 200"
        assert curl(*through, "alice:wrong", origin.url).endswith("407")
        assert b"authorization" not in origin.callers[0].received.lower()
        wait_until(lambda: log.read_text().count("\n") == 2)
        sent = credentials("alice:wonder:land").split()[1]
        found = gateway.command("plan", "-c", str(gateway.file))
        for text in (log.read_text(), gateway.said, found.stdout, str(gateway.status())):
            assert "wonder" not in text
            assert sent not in text


def test_a_changed_password_holds_with_the_next_request(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Origin() as origin, GatewayProcess(FILE.format(log=log, password="one"), workers=2) as gateway:
        through = ["-x", f"http://127.0.0.1:{gateway.port()}", f"{origin.url}/path", "--proxy-user"]
        assert curl(*through, "alice:one") == "/path 000 200"
        gateway.write(FILE.format(log=log, password="two"))
        assert gateway.reload().returncode == 0
        assert curl(*through, "alice:one").endswith("407")
        assert curl(*through, "alice:two") == "/path 000 200"


@pytest.mark.parametrize(
    ("users", "message"),
    [({}, "nobody is allowed"), ({"a:b": "hush"}, "no name of a user"), ({"a": 7}, "no text")],
)
def test_users_that_cannot_be_are_told(users: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refused, Gateway(proxy(users=users)):
        """It does not start."""
    assert "hush" not in str(refused.value)
