"""What lines of access logs say, of which requests there are any, and what is hidden in them."""

import contextlib
import http.client
import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.origin import Origin

ROUTES = """
kind: Route
name: health
path: /health
to: ORIGIN
---
kind: Route
name: shop
path: /shop/*
to: ORIGIN
---
kind: Route
name: broken
path: /broken
steps: [{kind: Respond, status: 503}]
---
kind: Listener
name: web
address: 127.0.0.1:0
---
kind: Telemetry
name: default
"""


def configuration(origin: str, logs: str, folder: Path) -> str:
    return ROUTES.replace("ORIGIN", origin).lstrip() + textwrap.dedent(logs).replace("FOLDER", str(folder))


def status(gateway: GatewayProcess, target: str, headers: Mapping[str, str] = MappingProxyType({})) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port(), timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", target, headers=dict(headers))
        return connection.getresponse().status


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_several_logs_have_lines_of_their_own_form_and_choice() -> None:
    gateway = GatewayProcess("", workers=2)
    folder = gateway.folder
    logs = """
        access_log:
          path: FOLDER/chosen.log
          keep: [status]
          fields: {tenant: '{{ request.headers["x-tenant"] }}', query: "{{ query }}", where: "{{ client }}"}
          mask: {client: true, query: [token], patterns: [{regex: "[0-9]{13,19}", by: "#"}]}
          skip: {routes: [health]}
        access_logs:
          - {path: FOLDER/failed.log, format: "{{ path }} {{ response.status }}", when: response.status >= 500}
          - {path: FOLDER/health.log, format: "{{ route }}", only: {routes: [health], listeners: [web]}}
          - {path: FOLDER/sampled.log, format: "{{ path }}", sample: {ratio: 0%}}
          - {path: off}
    """
    with Origin() as origin:
        gateway.write(configuration(origin.url, logs, folder))
        with gateway:
            tenant = {"x-tenant": "a 4111111111111111"}
            assert [status(gateway, "/shop/a?x=1&%74oken=hunter2", tenant)] == [200]
            assert [status(gateway, path) for path in ("/health", "/broken")] == [200, 503]
            wait_until(lambda: len(lines(folder / "chosen.log")) == 2)
            wait_until(lambda: lines(folder / "failed.log") == ["/broken 503"])
            wait_until(lambda: lines(folder / "health.log") == ["health"])
            wait_until(lambda: lines(folder / "sampled.log") == ["/broken"])
            found = [json.loads(line) for line in lines(folder / "chosen.log")]
    shop = {"status": 200, "tenant": "a #", "query": "x=1&%74oken=***", "where": "127.0.0.0"}
    assert sorted(found, key=lambda line: line["status"]) == [
        shop,
        {"status": 503, "tenant": "", "query": "", "where": "127.0.0.0"},
    ]


def test_i22_what_a_client_sends_makes_no_line_of_its_own_and_no_default_line_has_what_is_secret() -> None:
    gateway = GatewayProcess("", workers=1)
    folder = gateway.folder
    hostile = '{{ request.query["q"] }}|{{ query }}|{{ user_agent }}|{{ request.headers["x-a"] }}'
    logs = """
        access_log: {path: FOLDER/json.log}
        access_logs:
          - path: FOLDER/text.log
            format: 'HOSTILE'
          - path: FOLDER/object.log
            fields: {all: 'HOSTILE'}
    """
    secret = {"authorization": "Bearer hunter2", "cookie": "session=hunter2", "user-agent": 'u\xff"}\\'}
    with Origin() as origin:
        gateway.write(configuration(origin.url, logs.replace("HOSTILE", hostile), folder))
        with gateway:
            target = "/shop/a?q=%0d%0a%1b%5b31m%ff%e2%80%a8&token=hunter2"
            assert status(gateway, target, {**secret, "x-a": "\xe9\t'\""}) == 200
            wait_until(lambda: all(len(lines(folder / f"{name}.log")) == 1 for name in ("json", "text", "object")))
            texts = {name: (folder / f"{name}.log").read_bytes() for name in ("json", "text", "object")}
    assert b"hunter2" not in texts["json"]
    assert all(text.count(b"\n") == 1 and text.strip().isascii() and b"\x1b" not in text for text in texts.values())
    assert json.loads(texts["object"])["all"].split("|") == [
        "%0D%0A%1B[31m\ufffd\u2028",
        "q=%0d%0a%1b%5b31m%ff%e2%80%a8&token=hunter2",
        'u\xff"}\\',
        "\xe9\t'\"",
    ]
