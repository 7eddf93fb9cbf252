"""Whatever is spoken, a listener is shown each request once, and calls and connections as the access log tells them."""

import contextlib
import json
import socket
from collections import Counter
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from tests.admin.api import api_of
from tests.admin.follower import Follower
from tests.servers.gateway_process import GatewayProcess
from tests.servers.grpc_origin import SERVICE, GrpcOrigin
from tests.servers.http2_client import Http2Client
from tests.servers.http3_client import Http3Client
from tests.servers.raw_origin import Caller, RawOrigin
from tests.servers.requests import ask_many
from tests.servers.tls_client import CERTIFICATES

ALL = 10


def echo(caller: Caller) -> None:
    while caller.read():
        caller.send(caller.unread)
        caller.unread = b""


@contextlib.contextmanager
def datagram_origin() -> Iterator[str]:
    """Where datagrams may go that nobody answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stream:
        stream.bind(("127.0.0.1", 0))
        yield f"udp://127.0.0.1:{stream.getsockname()[1]}"


def configuration(calls: str, carried: str, datagrams: str) -> str:
    address = "127.0.0.1:0"
    certificate = {
        name: f"${{file:{CERTIFICATES}/shop.{end}}}" for name, end in (("certificate", "pem"), ("key", "key"))
    }
    enciphered = {"protocols": ["h3", "h2", "http1"], "tls": {"certificates": ["shop"]}}
    own = [{"kind": "Respond", "status": 200, "body": "hi"}]
    parts = [
        {"kind": "Certificate", "name": "shop", **certificate},
        {"kind": "Listener", "name": "web", "address": address, "protocols": ["http1", "h2c"]},
        {"kind": "Listener", "name": "safe", "address": address, **enciphered},
        {"kind": "Listener", "name": "plain", "address": address, "protocols": ["tcp"]},
        {"kind": "Listener", "name": "dns", "address": address, "protocols": ["udp"]},
        {"kind": "Route", "name": "own", "path": "/own", "steps": own},
        {"kind": "Route", "name": "calls", "path": f"/{SERVICE}/*", "to": calls},
        {"kind": "Upstream", "name": "carried", "endpoints": [carried]},
        {"kind": "TcpRoute", "name": "carried", "to": "carried"},
        {"kind": "Upstream", "name": "datagrams", "endpoints": [datagrams]},
        {"kind": "UdpRoute", "name": "datagrams", "to": "datagrams", "idle": "100ms"},
    ]
    return "\n---\n".join(json.dumps(part) for part in parts)


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GrpcOrigin() as calls, RawOrigin(echo) as carried, datagram_origin() as datagrams:
        said = configuration(calls.url, carried.url.replace("http://", "tcp://"), datagrams)
        with GatewayProcess(said, "--admin", "127.0.0.1:0", workers=2) as started:
            yield started


def test_requests_of_every_protocol_appear_once_each(gateway: GatewayProcess) -> None:
    with Follower(api_of(gateway)) as follower:
        assert ask_many(gateway.port(), "/own", ALL) == {200: ALL}
        with Http2Client(gateway.port()) as second:
            for stream in [second.begin("/own") for _ in range(ALL)]:
                assert second.answer(stream).status == 200
        with Http3Client(gateway.port("safe")) as third:
            for stream in [third.begin("/own") for _ in range(ALL)]:
                assert third.answer(stream).status == 200
        with grpc.insecure_channel(f"127.0.0.1:{gateway.port()}") as channel:
            echoed: Any = channel.unary_unary(f"/{SERVICE}/Echo")
            assert [echoed(b"x", timeout=30) for _ in range(ALL)] == [b"x"] * ALL
        for _ in range(ALL):
            with socket.create_connection(("127.0.0.1", gateway.port("plain")), timeout=30) as connection:
                connection.sendall(b"x")
                assert connection.recv(1) == b"x"
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
                datagrams.sendto(b"x", ("127.0.0.1", gateway.port("dns")))
        found = follower.until(6 * ALL)
    assert Counter((one["protocol"], one["route"]) for one in found) == {
        ("HTTP/1.1", "own"): ALL,
        ("HTTP/2", "own"): ALL,
        ("HTTP/3", "own"): ALL,
        ("HTTP/2", "calls"): ALL,
        ("TCP", "carried"): ALL,
        ("UDP", "datagrams"): ALL,
    }
    assert len({one["id"] for one in found}) == 6 * ALL
    assert {one["grpc_status"] for one in found if one["route"] == "calls"} == {"OK"}
    assert {one["tls_version"] for one in found if one["protocol"] == "HTTP/3"} == {"1.3"}
    assert follower.dropped == 0
