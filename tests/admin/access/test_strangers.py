"""What strangers can do at the admin port: keep nobody else out, and cause no fault (I7, I11)."""

import asyncio
import http.client
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.requests import Request

from penstock.admin import json_body
from penstock.admin import server as server_module
from penstock.admin.access.guard import Guard
from penstock.admin.problem_answer import Bad
from tests.admin.access.test_login import bare
from tests.admin.api import Api, api_of
from tests.servers.gateway_process import GatewayProcess

CONFIGURATION = '{kind: Listener, name: web, address: "127.0.0.1:0"}'


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", "--debug", workers=1) as gateway:
        yield api_of(gateway)


@pytest.fixture
def silent(api: Api) -> Iterator[str]:
    """The address of a provider that takes connections and answers nothing."""
    pytest.importorskip("jwt", reason="penstock[oidc] is not installed")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        issuer = f"http://127.0.0.1:{listening.getsockname()[1]}"
        provider = {"issuer": issuer, "client_id": "gateway", "url": f"http://127.0.0.1:{api.port}"}
        assert api.ask("PUT", "/api/v1/providers/silent", provider).status == 201
        yield issuer
        assert api.ask("DELETE", "/api/v1/providers/silent").status == 200


def test_a_provider_that_is_silent_keeps_nobody_else_out(api: Api, silent: str) -> None:
    assert silent
    found: list[int] = []
    asking = [
        threading.Thread(target=lambda: found.append(bare(api.port, "GET", "/api/v1/login/silent", None).status))
        for _ in range(40)
    ]
    for one in asking:
        one.start()
    # What needs a thread, as a look at the audit log does, still has one.
    for _ in range(5):
        assert api.ask("GET", "/api/v1/audit").status == 200
    for one in asking:
        one.join(120)
    assert set(found) <= {429, 503}
    assert Counter(found)[429] >= 40 - 2 * 4, found


@pytest.mark.parametrize(
    "sent",
    [
        {"name": "\ud800", "password": "x"},
        {"name": "x", "password": "\udfff"},
        {"code": "\ud800", "verifier": "\ud800"},
        {"code": {}, "verifier": []},
        {"name": ["x"], "password": {"y": 1}},
        {"code": "x"},
    ],
    ids=str,
)
def test_i11_what_cannot_be_a_name_is_no_fault(api: Api, sent: Any) -> None:
    assert bare(api.port, "POST", "/api/v1/session", sent).status in {400, 401}


@pytest.mark.parametrize("name", ["authorization", "cookie", "x-csrf-token", "origin", "host", "sec-fetch-site"])
def test_i11_bytes_that_are_no_text_are_no_fault(api: Api, name: str) -> None:
    for value in (b"\xff\xfe", b"Bearer \xff\xfe", b"penstock_session=\xff; penstock_coming=\xfe"):
        for method, path in (("GET", "/-/status"), ("POST", "/-/reload"), ("GET", "/api/v1/login/callback?state=x")):
            connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=20)
            connection.putrequest(method, path, skip_host=name == "host")
            connection.putheader(name, value)
            connection.endheaders()
            status = connection.getresponse().status
            assert status in {400, 401, 403, 421}, (method, path, value)
            connection.close()


def test_i23_a_profile_takes_no_longer_than_it_may(api: Api) -> None:
    for seconds in ("00029999999", "31", "0", "-1", "1e1", "9" * 5_000):
        assert api.ask("GET", f"/api/v1/debug/processor?seconds={seconds}").status == 400, seconds[:20]


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_body, "_SECONDS", 0.05)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b" ", "more_body": True}

    scope = {"type": "http", "headers": [(b"content-type", b"application/json")]}
    with pytest.raises(Bad) as refused:
        asyncio.run(asyncio.wait_for(json_body.read_json(Request(scope, receive), "application/json"), 60))
    assert refused.value.status == 408


def test_connections_are_bounded_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MOST", 4)

    async def endless(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await asyncio.Event().wait()

    async def story() -> None:
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        listening.setblocking(False)  # noqa: FBT003 - what the method takes
        serving = await server_module.serve_on(listening, lambda: endless)
        found, writers = [], []
        for _ in range(8):
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            writers.append(writer)
            found.append(int((await reader.readline()).split()[1]))
        for writer in writers:
            writer.close()
        serving.close()
        assert found == [200] * 3 + [503] * 5

    asyncio.run(asyncio.wait_for(story(), 60))


def test_who_cannot_be_judged_is_not_let_in() -> None:
    class Faulty:
        book = None

        async def find(self, *_: Any, **__: Any) -> None:
            raise ValueError("a fault with a secret in it")

    async def app(*_: Any) -> None:
        pytest.fail("it was let in")

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    class Log:
        def write(self, *_: Any) -> None:
            """Nothing is kept."""

        async def synced(self) -> None:
            """Nothing is kept."""

    faulty: Any = Faulty()
    log: Any = Log()
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"localhost")], "client": None}
    asyncio.run(Guard(app, faulty, log)(scope, None, send))
    assert sent[0]["status"] == 500
    assert b"secret" not in sent[1]["body"]
    assert b"content-security-policy" in dict(sent[0]["headers"])
