"""What a filter has gathered stays with it for as long as its own code and settings stay."""

from collections.abc import Iterator

import pytest

from tests.sdk.probing import ask
from tests.servers.gateway_process import GatewayProcess, wait_until

PLUGIN = '''
from penstock.sdk import Field, Filter, FilterConfig, Request, Response


class Count(Filter):
    """Counts requests."""

    class Config(FilterConfig):
        """What a step may set."""

        header: str = Field(description="Header that holds the count.")

    def __init__(self, config: FilterConfig) -> None:
        super().__init__(config)
        self.count = 0

    def on_request(self, request: Request) -> None:
        """Count one."""
        self.count += 1
        request.headers[self.config.header] = f"{self.count}VERSION"
'''
CONFIGURATION = """
kind: Listener
name: web
address: 127.0.0.1:0
limits: {LIMITS}
before: [{kind: Count, header: x-before}]
after:
  - {kind: Count, header: x-count}
  - {kind: SetHeaders, response: {set: {x-after: "AFTER", x-count: '{{ request.headers["x-count"] }}'}}}
---
kind: Plugin
name: house
python: filters.py
---
kind: Route
name: all
path: /*
steps:
  - FIRST
  - {kind: Count, header: HEADER}
  - {kind: Respond, status: 200, body: '{{ request.headers["x-before"] }} {{ request.headers["HEADER"] }}'}
"""
WRITTEN = {
    "LIMITS": "fields: 90",
    "AFTER": "one",
    "FIRST": "{kind: SetHeaders, request: {set: {x-a: b}}}",
    "HEADER": "x-inside",
}


def write(gateway: GatewayProcess, version: str = "", **changed: str) -> None:
    (gateway.folder / "filters.py").write_text(PLUGIN.replace("VERSION", version))
    text = CONFIGURATION
    for name, value in (WRITTEN | changed).items():
        text = text.replace(name, value)
    gateway.write(text)


@pytest.fixture
def gateway() -> Iterator[GatewayProcess]:
    running = GatewayProcess("", workers=1)
    write(running)
    with running:
        yield running


def counts(gateway: GatewayProcess) -> tuple[str, str, str]:
    """What the filters before the route, in its pipeline and after it have counted."""
    answer = ask(gateway, "/")
    before, inside = answer.text.split()
    return before, inside, answer.headers["x-count"]


@pytest.mark.parametrize(
    "changed",
    [
        {"LIMITS": "fields: 80"},
        {"AFTER": "two"},
        {"FIRST": "{kind: SetHeaders, request: {set: {x-a: c}}}"},
        {"FIRST": "{kind: RequestId}\n  - {kind: SetHeaders, request: {set: {x-a: b}}}"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_change_beside_a_filter_leaves_it_as_it_is(gateway: GatewayProcess, changed: dict[str, str]) -> None:
    assert [counts(gateway) for _ in range(3)][-1] == ("3", "3", "3")
    revision = gateway.status()["revision"]
    write(gateway, **changed)
    wait_until(lambda: gateway.status()["revision"] == revision + 1)
    assert counts(gateway) == ("4", "4", "4")


def test_a_filter_with_other_settings_begins_anew_alone(gateway: GatewayProcess) -> None:
    assert [counts(gateway) for _ in range(3)][-1] == ("3", "3", "3")
    revision = gateway.status()["revision"]
    write(gateway, HEADER="x-other")
    wait_until(lambda: gateway.status()["revision"] == revision + 1)
    assert counts(gateway) == ("4", "1", "4")


def test_other_code_begins_anew(gateway: GatewayProcess) -> None:
    assert [counts(gateway) for _ in range(3)][-1] == ("3", "3", "3")
    revision = gateway.status()["revision"]
    write(gateway, version="b")
    wait_until(lambda: gateway.status()["revision"] == revision + 1)
    assert counts(gateway) == ("1b", "1b", "1b")
