"""Datagrams that are carried as they are: whose go where, how many clients there may be, and until when."""

import json
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import pytest

from penstock import Gateway
from penstock.compiler import compile_resources
from penstock.filters.native import native_catalogue
from penstock.model.loading import load_data
from tests.servers.gateway_process import GatewayProcess, wait_until


class DatagramOrigin:
    """Answers each datagram with its own name and the datagram, and remembers from where each came."""

    def __init__(self, name: bytes = b"") -> None:
        self.name = name
        self.callers: list[tuple[str, int]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"udp://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._answer, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"end", self._socket.getsockname())
        self._thread.join(10)
        self._socket.close()

    def _answer(self) -> None:
        while True:
            datagram, caller = self._socket.recvfrom(65_536)
            if datagram == b"end":
                return
            self.callers.append(caller)
            self._socket.sendto(self.name + datagram, caller)


def resources(endpoints: list[str], *, idle: str = "20s", **listener: Any) -> list[dict[str, Any]]:
    return [
        {"kind": "Listener", "name": "dns", "address": "127.0.0.1:0", "protocols": ["udp"], **listener},
        {"kind": "Upstream", "name": "names", "endpoints": endpoints},
        {"kind": "UdpRoute", "name": "all", "to": "names", "idle": idle},
    ]


@contextmanager
def client(port: int) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stream:
        stream.settimeout(15)
        stream.connect(("127.0.0.1", port))
        yield stream


def port(gateway: Gateway) -> int:
    assert gateway.url.startswith("udp://")
    return int(gateway.url.rpartition(":")[2])


def said(stream: socket.socket, datagram: bytes) -> bytes:
    stream.send(datagram)
    return stream.recv(65_536)


def test_datagrams_of_every_size_pass_and_come_back() -> None:
    with DatagramOrigin() as origin, Gateway(resources([origin.url])) as gateway, client(port(gateway)) as stream:
        for size in (1, 0, 512, 1_400, 9_000, 65_507):
            assert said(stream, b"x" * size) == b"x" * size
        assert len(set(origin.callers)) == 1


def test_a_client_keeps_its_endpoint_and_clients_are_spread() -> None:
    with DatagramOrigin(b"a") as one, DatagramOrigin(b"b") as other:
        with Gateway(resources([one.url, other.url])) as gateway:
            for expected in (b"a", b"b", b"a", b"b"):
                with client(port(gateway)) as stream:
                    assert [said(stream, b"1"), said(stream, b"2")] == [expected + b"1", expected + b"2"]
        assert (len(set(one.callers)), len(set(other.callers))) == (2, 2)


def test_answers_go_to_the_client_that_asked() -> None:
    with (
        DatagramOrigin() as origin,
        Gateway(resources([origin.url])) as gateway,
        client(port(gateway)) as one,
        client(port(gateway)) as other,
    ):
        for number in range(50):
            one.send(b"one %d" % number)
            other.send(b"other %d" % number)
        assert [one.recv(100) for _ in range(50)] == [b"one %d" % number for number in range(50)]
        assert [other.recv(100) for _ in range(50)] == [b"other %d" % number for number in range(50)]


def test_a_quiet_client_is_forgotten_and_told_of() -> None:
    with DatagramOrigin() as origin, Gateway(resources([origin.url], idle="300ms")) as gateway:
        with client(port(gateway)) as stream:
            assert said(stream, b"first") == b"first"
            wait_until(lambda: [one.status for one in gateway.requests] == [200])
            assert said(stream, b"second") == b"second"
        assert len(set(origin.callers)) == 2


def test_clients_beyond_the_limit_are_not_carried() -> None:
    with (
        DatagramOrigin() as origin,
        Gateway(resources([origin.url], idle="1s", limits={"connections": 3})) as gateway,
        client(port(gateway)) as one,
        client(port(gateway)) as two,
        client(port(gateway)) as three,
        client(port(gateway)) as fourth,
    ):
        assert [said(stream, b"a") for stream in (one, two, three)] == [b"a"] * 3
        fourth.send(b"too many")
        assert said(one, b"b") == b"b"
        assert len(origin.callers) == 4
        fourth.settimeout(0.1)

        def is_carried() -> bool:
            try:
                return said(fourth, b"late") == b"late"
            except TimeoutError:
                return False

        wait_until(is_carried)


def test_an_endpoint_that_is_not_there_costs_its_session_only() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        dead = f"udp://127.0.0.1:{gone.getsockname()[1]}"
    with DatagramOrigin() as origin, Gateway(resources([dead, origin.url])) as gateway:
        with client(port(gateway)) as stream:
            stream.settimeout(0.2)

            def answers() -> bool:
                try:
                    return said(stream, b"hello") == b"hello"
                except TimeoutError:
                    return False

            wait_until(answers)
        assert [one.status for one in gateway.requests] == [502]


PROCESS = """
{{kind: Telemetry, name: log, access_log: {{path: {log}}}}}
---
{{kind: Listener, name: web, address: "127.0.0.1:0", protocols: [udp]}}
---
{{kind: UdpRoute, name: all, to: "{to}", idle: {idle}}}
"""


def test_clients_keep_their_endpoint_over_a_change_and_a_gateway_ends_soon() -> None:
    with DatagramOrigin(b"a") as one, DatagramOrigin(b"b") as other:
        process = GatewayProcess("", workers=2)
        log = process.folder / "access.log"
        process.write(PROCESS.format(log=log, to=one.url, idle="20s"))
        with process, client(process.port()) as kept:
            assert said(kept, b"1") == b"a1"
            process.write(PROCESS.format(log=log, to=other.url, idle="20s"))

            def goes_elsewhere() -> bool:
                with client(process.port()) as fresh:
                    return said(fresh, b"x") == b"bx"

            wait_until(goes_elsewhere)
            assert said(kept, b"2") == b"a2"
            process.signal(signal.SIGTERM)
            assert process.wait(15) == 0
            lines = [json.loads(line) for line in log.read_text().splitlines()]
            line = next(line for line in lines if line["bytes_in"] == 2)
            expected = {"listener": "web", "route": "all", "protocol": "UDP", "status": 200, "bytes_out": 4}
            assert line | expected == line
            assert line["endpoint"] == one.url.removeprefix("udp://")


PROBLEMS: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"kind": "Listener", "name": "b", "address": "unix:/run/a", "protocols": ["udp"]},
        ["listener/b address: datagrams come by UDP; write an address and a port"],
    ),
    (
        {"kind": "TcpRoute", "name": "b", "listeners": ["dns"], "to": "udp://127.0.0.1:1"},
        [
            "tcproute/b to[0].upstream: udp://127.0.0.1:1 does not speak TCP",
            "tcproute/b listeners[0]: listener `dns` carries no TCP",
        ],
    ),
    (
        {"kind": "UdpRoute", "name": "b", "listeners": ["dns"], "to": "unix:/run/a"},
        [
            "udproute/b to[0].upstream: unix:/run/a does not speak UDP",
            "udproute/b listeners[0]: listener `dns` is served by the UdpRoute `all` already",
        ],
    ),
    (
        {"kind": "Upstream", "name": "u", "endpoints": ["udp://a:1"], "proxy_protocol": "v1"},
        ["upstream/u proxy_protocol: only connections begin with a PROXY protocol header"],
    ),
    ({"kind": "Listener", "name": "b", "address": "127.0.0.1:53", "protocols": ["http1"]}, []),
]


@pytest.mark.parametrize(("more", "expected"), PROBLEMS)
def test_what_does_not_go_together_is_told(more: dict[str, Any], expected: list[str]) -> None:
    configuration = resources(["udp://127.0.0.1:1"], address="127.0.0.1:53")
    loaded = load_data([*configuration, more])
    compiled = compile_resources(loaded.resources, native_catalogue(), unusable=loaded.unusable)
    found = [one for one in (*loaded.problems, *compiled.problems) if one.severity == "error"]
    assert [f"{one.resource} {one.path_text}: {one.message}" for one in found] == expected
