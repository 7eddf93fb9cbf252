"""Dashboards and alerts ask for what a gateway tells: proven by a real Prometheus that scrapes one under traffic."""

import json
import re
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import yaml

from penstock.admin.metrics import all_metrics
from tests.admin.api import api_of
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.origin import Origin
from tests.servers.prometheus import Prometheus, prometheus_program
from tools.dashboards import Query
from tools.panels import DASHBOARDS
from tools.repository import ROOT

# The first time, programs of others are built or fetched.
pytestmark = pytest.mark.timeout(900)

ALERTS = ROOT / "dashboards/prometheus/alerts.yaml"
RULES = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
QUERIES = [
    (dashboard.name, panel.title, query)
    for dashboard in DASHBOARDS
    for panels in dashboard.rows.values()
    for panel in panels
    for query in panel.queries
]
VARIABLES = {"$__rate_interval": "10s", "$route": ".*", "$upstream": ".*"}
CERTIFICATES = ROOT / "tests/certificates"
CONFIGURATION = f"""
kind: Listener
name: web
address: 127.0.0.1:0
---
kind: Certificate
name: shop
certificate: ${{file:{CERTIFICATES}/shop.pem}}
key: ${{file:{CERTIFICATES}/shop.key}}
---
kind: Listener
name: secure
address: 127.0.0.1:0
tls: {{certificates: [shop]}}
---
kind: Plugin
name: house
python: PLUGIN
---
kind: Upstream
name: shop
endpoints: [ORIGIN]
---
kind: Route
name: shop
path: /shop/*
steps:
  - kind: Note
  - {{kind: Forward, to: shop}}
---
kind: Upstream
name: fresh
endpoints: [ORIGIN]
idle_connections: 0
---
kind: Route
name: fresh
path: /fresh/*
to: fresh
---
kind: Route
name: broken
path: /broken/*
to: http://127.0.0.1:1
"""
PLUGIN = '''"""A filter for dashboards."""

from penstock.sdk import Filter, Request


class Note(Filter):
    """Looks at requests and changes nothing."""

    example = "kind: Note"

    def on_request(self, request: Request) -> None:
        """Look."""
'''


def names_in(expression: str) -> set[str]:
    """The metrics that a query names."""
    return set(re.findall(r"\bpenstock_[a-z0-9_]+", expression))


def known_names() -> set[str]:
    names = set()
    for metric in all_metrics():
        endings = ("_bucket", "_sum", "_count") if metric.type == "histogram" else ("",)
        names |= {metric.name + ending for ending in endings}
    return names


def as_prometheus_reads(query: Query) -> str:
    expression = query.expression
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    return expression


def test_no_query_names_a_metric_that_does_not_exist() -> None:
    asked = {name for _, _, query in QUERIES for name in names_in(query.expression)}
    asked |= {name for rule in RULES for name in names_in(rule["expr"])}
    assert len(asked) > 40
    assert asked - known_names() == set()


def test_what_stands_between_braces_of_a_legend_is_a_label_of_its_query() -> None:
    for dashboard, panel, query in QUERIES:
        labels = set(re.findall(r"\{\{(\w+)\}\}", query.legend))
        kept = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", query.expression))))
        assert labels <= kept, f"{dashboard}: {panel}: {query}"


def test_panels_lie_beside_each_other() -> None:
    for path in sorted((ROOT / "dashboards/grafana").glob("*.json")):
        taken: set[tuple[int, int]] = set()
        panels = json.loads(path.read_text())["panels"]
        assert len({one["id"] for one in panels}) == len(panels)
        for place in (one["gridPos"] for one in panels):
            cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
            assert not cells & taken, path
            assert place["x"] + place["w"] <= 24
            taken |= cells


def test_alerts_are_rules_and_each_fires_where_it_should() -> None:
    promtool = str(prometheus_program("promtool"))
    for command in ("check", "test"):
        file = ALERTS if command == "check" else ALERTS.with_name("alerts.test.yaml")
        ended = subprocess.run([promtool, command, "rules", str(file)], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    tested = set(re.findall(r'alertname="(\w+)"', ALERTS.with_name("alerts.test.yaml").read_text()))
    assert tested == {rule["alert"] for rule in RULES}


@contextmanager
def traffic(gateway: GatewayProcess) -> Iterator[None]:
    """Requests that are answered, some that are not, and handshakes, until the block ends."""
    is_over = threading.Event()
    clear, secure = (
        f"{scheme}://127.0.0.1:{gateway.port(name)}" for scheme, name in (("http", "web"), ("https", "secure"))
    )
    trusting = ssl.create_default_context(cafile=str(CERTIFICATES / "authority.pem"))
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE

    def ask() -> None:
        while not is_over.wait(0.05):
            # The store is asked when somebody changes something, or may have.
            gateway.ask("POST", "/-/reload")
            for url in (
                f"{clear}/shop/a",
                f"{secure}/shop/b",
                f"{clear}/fresh/a",
                f"{clear}/broken/a",
                f"{clear}/nowhere",
            ):
                with suppress(HTTPError):
                    urlopen(Request(url), context=trusting if url.startswith("https") else None, timeout=30).close()

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        is_over.set()
        asking.join()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    plugin: Path = tmp_path_factory.mktemp("plugin") / "house.py"
    plugin.write_text(PLUGIN)
    with Origin() as origin:
        text = CONFIGURATION.replace("PLUGIN", str(plugin)).replace("ORIGIN", origin.url)
        with GatewayProcess(text, "--admin", "127.0.0.1:0") as gateway:
            target = f"127.0.0.1:{api_of(gateway).port}"
            with traffic(gateway), Prometheus(target, ALERTS) as prometheus:
                yield prometheus


def test_every_panel_shows_data_of_a_gateway_under_traffic(prometheus: Prometheus) -> None:
    without = dict.fromkeys(QUERIES)

    def have_data() -> bool:
        for one in list(without):
            values = [float(found["value"][1]) for found in prometheus.query(as_prometheus_reads(one[2]))]
            if any(value == value for value in values):  # noqa: PLR0124 - not a number is none
                del without[one]
        return not without

    try:
        wait_until(have_data, 60, 0.5)
    except AssertionError:
        pytest.fail(f"no data: {[(dashboard, panel, query.expression) for dashboard, panel, query in without]}")


def test_every_alert_is_evaluated(prometheus: Prometheus) -> None:
    def health() -> dict[str, str]:
        groups = prometheus.get("rules")["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    wait_until(lambda: set(health().values()) == {"ok"}, 60)
    assert set(health()) == {rule["alert"] for rule in RULES}


def test_the_gateway_is_scraped_without_a_complaint(prometheus: Prometheus) -> None:
    wait_until(lambda: [one["health"] for one in prometheus.get("targets")["activeTargets"]] == ["up"], 60)
    [target] = prometheus.get("targets")["activeTargets"]
    assert target["lastError"] == ""
    help_of = prometheus.get("metadata", metric="penstock_requests")
    assert help_of["penstock_requests"][0]["type"] == "counter"
