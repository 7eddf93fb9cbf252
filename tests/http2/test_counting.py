"""What is counted of HTTP/2."""

from tests.http2.configurations import speaking
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.http2_client import Http2Client
from tests.servers.origin import Origin


def test_streams_that_were_reset_are_counted_by_whom_and_why() -> None:
    with (
        Origin() as origin,
        GatewayProcess(speaking(origin.url), workers=1) as gateway,
        Http2Client(gateway.port()) as client,
    ):
        slow = client.begin("/slow?sleep=1")
        wait_until(lambda: origin.counts.get("/slow") == 1)
        client.reset(slow)
        malformed = client.begin(fields=[("connection", "close")])
        assert client.answer(malformed).reset is not None
        expected = {
            'penstock_http2_resets_total{by="client",code="cancel"} 1',
            'penstock_http2_resets_total{by="gateway",code="protocol_error"} 1',
        }
        wait_until(lambda: expected <= set(gateway.ask("GET", "/metrics")[1].splitlines()))
