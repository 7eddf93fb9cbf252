"""Consumers of a running gateway: a change takes effect at once, and nothing shows a key."""

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.admin.api import Api, api_of
from tests.servers.gateway_process import GatewayProcess, wait_until

CONSUMERS = "/api/v1/resources/consumer"
MARKER = "hush-4711"
KEY = f"{MARKER}-0123456789abcdef"
CONFIGURATION = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
{kind: Telemetry, name: default, access_log: {path: "%s", fields: {query: "{{ query }}"}}}
---
kind: Route
name: guarded
path: /*
steps: [{kind: VerifyKey}, {kind: Respond, status: 200, body: "{{ consumer.name }}"}]
---
kind: Route
name: by-query
path: /query
steps: [{kind: VerifyKey, query: apikey}, {kind: Respond, status: 200, body: "{{ consumer.name }}"}]
---
{kind: Consumer, name: of-files, keys: ["${env:OF_FILES:-hush-4711-of-files}"], groups: [gold]}
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "access.log"


@pytest.fixture(scope="module")
def gateway(log: Path) -> Iterator[GatewayProcess]:
    with GatewayProcess(CONFIGURATION % log, "--admin", "127.0.0.1:0") as started:
        yield started


@pytest.fixture(scope="module")
def api(gateway: GatewayProcess) -> Api:
    return api_of(gateway)


@pytest.fixture
def client(gateway: GatewayProcess) -> Iterator[http.client.HTTPConnection]:
    """One connection, which outlives every change."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port(), timeout=15)
    yield connection
    connection.close()


def ask(client: http.client.HTTPConnection, key: str, path: str = "/") -> tuple[int, str]:
    client.request("GET", path, headers={"x-api-key": key} if key else {})
    answer = client.getresponse()
    body = answer.read().decode()
    return answer.status, body if answer.status == 200 else json.loads(body)["reason"]


def consumer(name: str, *keys: str) -> dict[str, object]:
    return {"kind": "Consumer", "name": name, "keys": keys}


def test_f18_who_is_deleted_is_refused_on_connections_that_are_open(
    api: Api, client: http.client.HTTPConnection
) -> None:
    assert api.ask("POST", CONSUMERS, consumer("shortly", KEY)).status == 201
    assert ask(client, KEY) == (200, "shortly")
    began = time.monotonic()
    assert api.ask("DELETE", f"{CONSUMERS}/shortly").status == 200
    assert ask(client, KEY) == (401, "key_invalid"), "as soon as the change is told to be there"
    assert time.monotonic() - began < 60, "no more than what a busy machine makes of a second"


def test_f18_who_is_disabled_is_refused_and_let_in_again(api: Api, client: http.client.HTTPConnection) -> None:
    assert api.ask("POST", CONSUMERS, consumer("sometimes", KEY)).status == 201
    for is_enabled, expected in [(False, (401, "key_invalid")), (True, (200, "sometimes"))]:
        patch = {"enabled": is_enabled}
        answer = api.ask("PATCH", f"{CONSUMERS}/sometimes", patch, content_type="application/merge-patch+json")
        assert answer.status == 200, answer.text
        assert ask(client, KEY) == expected
    assert api.ask("DELETE", f"{CONSUMERS}/sometimes").status == 200


def test_keys_are_rotated_and_kept_where_they_are_left_as_they_were_shown(
    api: Api, client: http.client.HTTPConnection
) -> None:
    old, new = f"{KEY}-old", f"{KEY}-new"
    assert api.ask("POST", CONSUMERS, consumer("rotating", old)).status == 201
    shown = api.ask("GET", f"{CONSUMERS}/rotating").data
    stars = shown["keys"][0]
    assert api.ask("PUT", f"{CONSUMERS}/rotating", {**shown, "keys": [new, stars]}).status == 200
    assert [ask(client, key)[0] for key in (old, new)] == [200, 200]
    unclear = api.ask("PUT", f"{CONSUMERS}/rotating", {**shown, "keys": [stars]})
    assert (unclear.status, "stands for a secret" in unclear.text) == (422, True), "nobody knows which is meant"
    assert api.ask("PUT", f"{CONSUMERS}/rotating", {**shown, "keys": [new]}).status == 200
    assert [ask(client, key)[0] for key in (old, new)] == [401, 200]
    assert api.ask("DELETE", f"{CONSUMERS}/rotating").status == 200


def test_a_key_that_is_another_s_is_refused_and_not_told(api: Api) -> None:
    answer = api.ask("POST", CONSUMERS, consumer("thief", f"{MARKER}-of-files"))
    assert answer.status == 422
    assert "`consumer/of-files` and `consumer/thief` have the same key" in answer.text
    assert MARKER not in answer.text


def test_i15_no_key_is_shown_anywhere(gateway: GatewayProcess, api: Api, log: Path) -> None:
    with_key = consumer("shown", f"{KEY}-first")
    assert api.ask("POST", CONSUMERS, with_key).status == 201
    changed = api.ask("PUT", f"{CONSUMERS}/shown", consumer("shown", f"{KEY}-second"))
    refused = api.ask("POST", CONSUMERS, consumer("bad", f"{KEY} with spaces"))
    short = api.ask("POST", CONSUMERS, consumer("bad", MARKER))
    client = http.client.HTTPConnection("127.0.0.1", gateway.port(), timeout=15)
    asked = [(f"{KEY}-second", "/i15"), (f"{KEY}-wrong", "/i15"), ("", f"/query?apikey={KEY}-third")]
    answers = [ask(client, *one) for one in asked]
    client.close()
    assert [status for status, _ in answers] == [200, 401, 401]
    wait_until(lambda: '"path":"/query"' in log.read_text())
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line.get("consumer"), line["reason"]) for line in lines if line["path"] in {"/i15", "/query"}] == [
        ("shown", ""),
        (None, "key_invalid"),
        (None, "key_invalid"),
    ]
    where = ("--state-dir", str(gateway.state.path))
    file = str(gateway.file)
    commands = [
        ("get", "consumers", "-o", "yaml", *where),
        ("describe", "consumer/shown", *where),
        ("consumers", "-o", "json", *where),
        ("history", "-o", "json", *where),
        ("show", str(changed.data["revision"]), *where),
        ("blame", "consumer/shown", *where),
        ("plan", "-c", file),
        ("explain", "-c", file, "-H", f"x-api-key: {MARKER}-of-files", "GET", "/"),
        ("logs", "-o", "json", *where),
        ("consumers", "-f", file),
    ]
    told = {command: gateway.command(*command) for command in commands}
    assert [command for command, one in told.items() if one.returncode not in {0, 1} or "sage:" in one.stderr] == []
    texts = {
        **{" ".join(command): one.stdout + one.stderr for command, one in told.items()},
        "answers": str(answers),
        "log": log.read_text(),
        "said": gateway.said,
        **{f"answer {place}": one.text for place, one in enumerate((changed, refused, short))},
        **{path: api.ask("GET", path).text for path in (CONSUMERS, "/api/v1/revisions", "/api/v1/status", "/metrics")},
    }
    assert [place for place, text in texts.items() if MARKER in text] == []
    assert "shown" in texts[f"get consumers -o yaml {' '.join(where)}"]
    assert api.ask("DELETE", f"{CONSUMERS}/shown").status == 200
