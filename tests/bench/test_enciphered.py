"""The scenarios of connections that speak TLS and wait, small and through a whole gateway."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.enciphered import (
    HALF_A_HEAD,
    connect,
    handshakes,
    idle_enciphered,
    many,
    percentile_ms,
    ready,
    settings,
    slow_clients,
)
from bench.load import Load
from bench.processes import BenchError
from penstock import Gateway
from tests.servers.gateway_process import wait_until
from tests.servers.tls_client import pair

LOAD = Load(seconds=1, core=0, idle_connections=20, floor=Path())


def gateway(header_time: str) -> Gateway:
    chain, key = pair("shop")
    listener: dict[str, Any] = {"kind": "Listener", "name": "web", "address": "127.0.0.1:0"}
    answer = {"kind": "Respond", "status": 200, "body": "x" * 1024}
    return Gateway(
        [
            {"kind": "Certificate", "name": "shop", "certificate": chain, "key": key},
            {**listener, "tls": {"certificates": ["shop"]}, "limits": {"header_time": header_time}},
            {"kind": "Route", "name": "all", "path": "/*", "steps": [answer]},
        ]
    )


def port(running: Gateway) -> int:
    return int(running.url.rpartition(":")[2])


@pytest.fixture(scope="module")
def web() -> Iterator[int]:
    with gateway("1m") as running:
        yield port(running)


def test_g1_a_good_client_is_served_beside_slow_ones_and_none_is_dropped(web: int) -> None:
    sample = slow_clients(os.getpid(), LOAD, web)
    assert sample.details["failed"] == 0
    assert 0 < sample.details["p50_alone_ms"] <= sample.details["p99_alone_ms"]
    assert 0 < sample.details["p50_beside_ms"] <= sample.details["p99_beside_ms"]


def test_handshakes_are_measured_one_for_each_request(web: int) -> None:
    sample = handshakes(os.getpid(), LOAD, web)
    assert sample.value > 0
    assert sample.details["requests_per_s"] > 0


def test_connections_that_wait_are_measured(web: int) -> None:
    assert idle_enciphered(os.getpid(), LOAD, web).details["after_mib"] > 0


def test_a_slow_client_that_is_dropped_fails_the_sample() -> None:
    with gateway("200ms") as running, pytest.raises(BenchError, match="dropped before"):
        slow_clients(os.getpid(), LOAD, port(running))


def test_what_a_session_says_of_itself_is_no_answer(web: int) -> None:
    with many(3, web, HALF_A_HEAD) as streams:
        assert ready(streams) == []
        told = streams[1].fileno()
        streams[1].sendall(b"\x00\r\n\r\n")
        wait_until(lambda: ready(streams) == [told])


def test_a_port_that_speaks_clear_text_has_no_handshake() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
    with pytest.raises(BenchError, match="no handshake"):
        connect(settings(), number)


def test_percentiles_are_in_milliseconds() -> None:
    seconds = [number / 1000 for number in range(1, 101)]
    assert (percentile_ms(seconds, 50), percentile_ms(seconds, 99), percentile_ms([0.5], 99)) == (51, 100, 500)
