"""R38: handshakes where a third of all datagrams is lost, and bodies where some are."""

import pytest

from tests.http3.configurations import speaking
from tests.servers.gateway_process import GatewayProcess
from tests.servers.http3_client import Http3Client
from tests.servers.lossy_relay import LossyRelay
from tests.servers.origin import Origin
from tests.servers.raw_origin import RawOrigin

SEEDS = range(5)
SIZE = 1 << 20


@pytest.mark.parametrize("seed", SEEDS)
def test_r38_a_handshake_where_a_third_is_lost(seed: int) -> None:
    limits = "{header_time: 60s}"
    with (
        Origin() as origin,
        GatewayProcess(speaking(origin.url, limits=limits), workers=1) as gateway,
        LossyRelay(gateway.port(), 0.3, seed) as relay,
        Http3Client(relay.port, waits=False) as client,
    ):
        client.until(lambda: client.is_ready, 60)
        stream = client.begin("/own")
        client.until(lambda: client.answers[stream].is_whole, 60)
        assert client.answers[stream].status == 404
        assert relay.lost


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_r38_bodies_both_ways_where_some_is_lost(seed: int) -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % SIZE + b"x" * SIZE
    with RawOrigin.answering(answer) as large, Origin() as origin:
        more = f"---\nkind: Route\nname: large\npath: /large\nto: {large.url}\n"
        with (
            GatewayProcess(speaking(origin.url) + more, workers=1) as gateway,
            LossyRelay(gateway.port(), 0.02, seed) as relay,
            Http3Client(relay.port) as client,
        ):
            down = client.begin("/large")
            client.until(lambda: client.answers[down].is_whole, 60)
            assert client.answers[down].body == b"x" * SIZE
            up = client.begin("/up", method="POST", fields=[("content-length", str(SIZE))], ends=False)
            client.send_body(up, b"x" * SIZE)
            client.until(lambda: client.answers[up].is_whole, 60)
            assert client.answers[up].body == str(SIZE).encode()
            assert relay.lost
