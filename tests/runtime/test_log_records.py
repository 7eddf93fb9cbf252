"""Access logs as records of OpenTelemetry, as a real collector understands them."""

from typing import Any

import pytest

from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.origin import Origin
from tests.servers.otelcol import Otelcol
from tests.servers.requests import ask_many

# The first time, programs of others are built or fetched.
pytestmark = pytest.mark.timeout(900)


def records(collector: Otelcol) -> list[dict[str, Any]]:
    """Every record that came, with its attributes as a mapping."""
    scopes = [
        (resource["resource"], scope)
        for request in list(collector.received["logs"])
        for resource in request["resourceLogs"]
        for scope in resource["scopeLogs"]
    ]
    return [
        {**record, "resource": values(resource), "attributes": values(record)}
        for resource, scope in scopes
        for record in scope["logRecords"]
    ]


def values(holder: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values())) for one in holder.get("attributes", [])}


def exported(gateway: GatewayProcess, outcome: str) -> int:
    """Lines that were delivered, dropped or not taken."""
    text = str(gateway.ask("GET", "/metrics")[1])
    sample = f'penstock_exported_records_total{{signal="logs",outcome="{outcome}"}} '
    return int(text.partition(sample)[2].partition("\n")[0])


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_collector_has_a_record_of_every_request(protocol: str) -> None:
    with Origin() as origin, Otelcol() as collector:
        port = collector.grpc_port if protocol == "grpc" else collector.http_port
        telemetry = f"otlp: {{endpoint: 'http://127.0.0.1:{port}', protocol: {protocol}}}\naccess_log: {{path: otlp}}\n"
        configuration = f"{forwarding(origin.url)}---\nkind: Telemetry\nname: default\n{telemetry}"
        with GatewayProcess(configuration, workers=2) as gateway:
            assert ask_many(gateway.port(), "/recorded", 60) == {200: 60}
            wait_until(lambda: len(records(collector)) >= 60, 30)
            wait_until(lambda: exported(gateway, "delivered") == 60)
            assert (exported(gateway, "dropped"), exported(gateway, "failed")) == (0, 0)
        found = records(collector)
    assert len({one["attributes"]["penstock.id"] for one in found}) == len(found) == 60
    one = found[0]
    assert (one["severityNumber"], one["severityText"]) == (9, "INFO")
    assert one["body"] == {"stringValue": "GET /recorded 200"}
    assert int(one["timeUnixNano"]) > 1_700_000_000 * 10**9
    assert one["resource"]["service.name"] == "penstock"
    attributes = one["attributes"]
    assert (attributes["http.request.method"], attributes["url.path"]) == ("GET", "/recorded")
    assert (attributes["http.response.status_code"], attributes["client.address"]) == ("200", "127.0.0.1")
    assert attributes["penstock.duration_ms"] > 0
