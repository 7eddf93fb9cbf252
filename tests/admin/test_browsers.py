"""What the admin port tells browsers, and what pages in them cannot make of it (I17, I19)."""

import socket
from collections.abc import Iterator

import pytest

from tests.admin.access.test_login import PASSWORD, bare, come_in
from tests.admin.api import Api, api_of
from tests.servers.gateway_process import GatewayProcess

EVIL = "<img src=x onerror=alert(1)>"
EVIL_PATH = "%3Cimg%20src=x%20onerror=alert(1)%3E"
CONFIGURATION = f"""
{{kind: Listener, name: web, address: "127.0.0.1:0"}}
---
{{kind: Route, name: hello, path: /hello, labels: {{title: "{EVIL}"}}, steps: [{{kind: Respond, body: "{EVIL}"}}]}}
"""


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", workers=1) as gateway:
        yield api_of(gateway)


def check(headers: dict[str, str]) -> None:
    """Whatever an answer holds, no browser makes a page of it."""
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
    assert headers["referrer-policy"] == "no-referrer"
    kind = headers.get("content-type", "").partition(";")[0]
    assert kind not in {"text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml"}


def test_i17_no_answer_is_a_page_whatever_somebody_has_made_it_say(api: Api) -> None:
    described = api.ask("GET", "/openapi.json")
    check(described.headers)
    paths = [path for path, operations in described.data["paths"].items() if "get" in operations]
    # What is never over is looked at elsewhere.
    asked = [path.replace("{", "").replace("}", EVIL_PATH) for path in paths if "watch" not in path]
    assert len(asked) > 20
    for path in asked:
        if "profile" in path or "logs" in path:
            continue
        for token in (api.token, "wrong"):
            found = Api(api.port, token).ask("GET", f"{path}?limit={EVIL_PATH}", user_agent=EVIL)
            assert found.status < 500 or found.status == 503, (path, found.text)
            check(found.headers)
    for method, path in (("GET", f"/{EVIL_PATH}"), ("PUT", f"/api/v1/users/{EVIL_PATH}"), ("TRACE", "/")):
        check(api.ask(method, path, {"name": EVIL}).headers)
    check(bare(api.port, "GET", "/", None, host=f"{EVIL_PATH}.test").headers)
    # It is told as it is, to whom it concerns.
    assert EVIL in api.ask("GET", "/api/v1/resources/route/hello").text
    check(api.ask("GET", "/api/v1/resources/route/hello").headers)


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02", b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", b"<img>\r\n\r\n"]
)
def test_i17_nor_is_what_answers_for_no_request(api: Api, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", api.port), timeout=20) as stream:
        stream.sendall(sent + b"\r\n\r\n")
        head, _, _ = b"".join(iter(lambda: stream.recv(4096), b"")).partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    assert status == "HTTP/1.1 400 Bad Request"
    check({name.lower(): value for name, _, value in (field.partition(": ") for field in fields)})


HANDSHAKE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec_websocket_version": "13",
    "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize("path", ["/api/v1/watch", "/-/status", "/-/ready", "/api/v1/resources", "/nowhere"])
@pytest.mark.parametrize("origin", ["https://evil.test", "null", "http://127.0.0.1:1"])
def test_i19_a_page_of_another_site_opens_no_websocket(api: Api, path: str, origin: str) -> None:
    assert api.ask("GET", path, None, None, origin=origin, **HANDSHAKE).status == 403
    assert bare(api.port, "GET", path, None, origin=origin, **HANDSHAKE).status == 403


def test_i19_nor_by_the_session_of_its_user(api: Api) -> None:
    assert api.ask("PUT", "/api/v1/users/alice", {"role": "admin", "password": PASSWORD}).status == 201
    come = come_in(api.port)
    cookie = come.headers["set-cookie"].partition(";")[0]
    for origin, status in (("https://evil.test", 403), (f"http://127.0.0.1:{api.port}", 200)):
        asked = {"cookie": cookie, "origin": origin, "host": f"127.0.0.1:{api.port}", **HANDSHAKE}
        # None is opened to others either: there is nothing here yet that speaks so.
        assert bare(api.port, "GET", "/-/status", None, **asked).status == status
