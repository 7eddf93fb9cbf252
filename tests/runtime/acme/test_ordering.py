"""Certificates are ordered from a real authority, and stay good whatever becomes of that (R10)."""

import contextlib
import http.client
import json
import re
import signal
import ssl
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.servers.asking import write
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.moved_clock import MovedClock
from tests.servers.pebble import Pebble
from tests.servers.processes import free_ports
from tests.servers.tls_client import ask, connect

SECONDS = 120.0
"""An order takes one or two."""
DAY = 86_400


def configuration(pebble: Pebble, **acme: Any) -> str:
    """A gateway that listens where the authority looks, and shows what that issues."""
    ordered = {"names": ["shop.test"], "directory": pebble.directory, "ca": pebble.ca, **acme}
    documents = [
        {"kind": "Listener", "name": "plain", "address": f"127.0.0.1:{pebble.http_port}"},
        {
            "kind": "Listener",
            "name": "web",
            "address": "127.0.0.1:0",
            "tls": {"certificates": ["shop"]},
            # Connections are kept over renewals, however busy the machine.
            "limits": {"idle": "10m"},
        },
        {"kind": "Certificate", "name": "shop", "acme": ordered},
        {"kind": "Route", "name": "all", "path": "/*", "steps": [{"kind": "Respond", "status": 200, "body": "hello"}]},
    ]
    return "\n---\n".join(map(json.dumps, documents))


@contextlib.contextmanager
def moved(text: str) -> Iterator[tuple[GatewayProcess, MovedClock]]:
    """A gateway whose clock the test moves."""
    gateway = GatewayProcess(text, workers=1)
    clock = MovedClock(gateway.folder)
    gateway.before = clock.command
    with gateway:
        yield gateway, clock


def told(gateway: GatewayProcess, name: str = "shop") -> dict[str, Any]:
    """What the status says of a certificate; nothing while it says nothing."""
    found = gateway.status().get("certificates", [])
    return next((one for one in found if one["name"] == name), {"state": "", "failures": 0, "problem": ""})


def wait_for(gateway: GatewayProcess, state: str) -> dict[str, Any]:
    """What the status says of the certificate once it is in a state."""
    wait_until(lambda: told(gateway)["state"] == state, SECONDS)
    return told(gateway)


def trusting(pebble: Pebble) -> ssl.SSLContext:
    """A client that trusts the authority."""
    return ssl.create_default_context(cadata=pebble.root())


def serial(gateway: GatewayProcess, pebble: Pebble, name: str = "shop.test") -> str:
    """The number of the certificate that a client is shown who trusts the authority."""
    with connect(gateway.port(), name, trusting(pebble)) as stream:
        assert ask(stream).endswith(b"hello")
        return str((stream.getpeercert() or {})["serialNumber"])


def test_r10_a_certificate_is_ordered_and_shown_though_numbers_are_rejected() -> None:
    [port] = free_ports(1)
    with Pebble(port, rejected=40) as pebble, GatewayProcess(configuration(pebble), workers=1) as gateway:
        wait_for(gateway, "issued")
        serial(gateway, pebble)
        assert pebble.orders >= 1
        assert "certificate shop is issued for shop.test" in gateway.said
        printed = gateway.command("status", "--state-dir", str(gateway.state.path)).stdout
        assert re.search(r"\bshop +issued +20", printed), printed


def test_r10_before_the_first_certificate_handshakes_are_refused_and_nothing_else() -> None:
    [port] = free_ports(1)
    with Pebble(port) as pebble:
        pebble.kill()
        with GatewayProcess(configuration(pebble), workers=1) as gateway:
            failing = wait_for(gateway, "failing")
            assert failing["failures"] == 1
            assert "refused" in failing["problem"]
            for name in ("shop.test", "other.test", None):
                with pytest.raises(ssl.SSLError, match="access denied"):
                    connect(gateway.port(), name, ssl._create_unverified_context())
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"hello"
            connection.close()
            asked = {"method": "GET", "url": "https://shop.test/", "listener": "web"}
            assert write(gateway, "POST", "/api/v1/explain", asked)[1]["tls"]["refused"] == "tls_unknown_name"


def test_r10_a_dead_directory_leaves_what_serves_and_the_next_try_is_told() -> None:
    [port] = free_ports(1)
    with Pebble(port) as pebble, moved(configuration(pebble)) as (gateway, clock):
        wait_for(gateway, "issued")
        before = serial(gateway, pebble)
        context = trusting(pebble)
        kept = connect(gateway.port(), "shop.test", context)
        pebble.kill()
        clock.move(65 * DAY)
        failing = wait_for(gateway, "failing")
        pause = failing["next_order"] - (time.time() + 65 * DAY)
        assert pause <= 60 * 1.2 * 2 ** (failing["failures"] - 1) + 2
        with connect(gateway.port(), "shop.test", context) as stream:
            assert (stream.getpeercert() or {})["serialNumber"] == before
        with kept:
            assert ask(kept).endswith(b"hello")
        metrics = gateway.ask("GET", "/metrics")[1]
        assert re.search(r'^penstock_certificate_order_failures\{certificate="shop"\} [1-9]', metrics, re.MULTILINE)
        assert "certificate shop is not issued" in gateway.said
        # It outlives the process: what was tried is not tried anew.
        gateway.process_ends()
        gateway.start()
        wait_until(lambda: told(gateway)["failures"] >= failing["failures"])
        assert told(gateway)["next_order"] >= failing["next_order"]


def test_r10_a_renewal_closes_no_connection_and_its_key_is_another() -> None:
    [port] = free_ports(1)
    with Pebble(port) as pebble, moved(configuration(pebble)) as (gateway, clock):
        wait_for(gateway, "issued")
        with connect(gateway.port(), "shop.test", trusting(pebble)) as stream:
            before = (stream.getpeercert() or {})["serialNumber"]
            assert ask(stream, is_last=False).endswith(b"hello")
            handshakes = counted(gateway)
            clock.move(65 * DAY)
            wait_until(lambda: pebble.orders >= 2, SECONDS)
            wait_for(gateway, "issued")
            assert ask(stream, is_last=False).endswith(b"hello")
            assert counted(gateway) == handshakes
        assert serial(gateway, pebble) != before


def test_r10_a_name_that_cannot_be_proven_is_told_and_mended_at_once() -> None:
    [port, other] = free_ports(2)
    with Pebble(other) as pebble:
        # The authority looks at a port that nobody listens at.
        text = configuration(pebble).replace(f"127.0.0.1:{other}", f"127.0.0.1:{port}")
        with GatewayProcess(text, workers=1) as gateway:
            failing = wait_for(gateway, "failing")
            assert failing["problem"].startswith("shop.test: ")
            assert "connection" in failing["problem"]
            assert challenges(gateway) == []
            assert pebble.orders == 1
            # The port leads here now; another wish is not held up by what failed.
            gateway.write(configuration(pebble, key_type="ec384"))
            assert gateway.reload().returncode == 0
            wait_for(gateway, "issued")
            serial(gateway, pebble)
            assert challenges(gateway) == []


def test_r10_an_authority_that_has_forgotten_everybody_is_asked_anew() -> None:
    [port] = free_ports(1)
    with Pebble(port) as pebble, moved(configuration(pebble)) as (gateway, clock):
        wait_for(gateway, "issued")
        pebble.kill()
        pebble.start()
        clock.move(65 * DAY)
        wait_until(lambda: pebble.orders >= 2, SECONDS)
        wait_for(gateway, "issued")
        serial(gateway, pebble)


def test_r10_a_try_that_its_process_did_not_outlive_counts() -> None:
    [port] = free_ports(1)
    with Pebble(port) as pebble, GatewayProcess(configuration(pebble), workers=1) as gateway:
        wait_for(gateway, "issued")
        assert pebble.process is not None
        pebble.process.send_signal(signal.SIGSTOP)
        gateway.write(configuration(pebble, key_type="rsa2048"))
        assert gateway.reload().returncode == 0
        wait_for(gateway, "ordering")
        assert gateway.process is not None
        gateway.process.kill()
        gateway.process.wait()
        pebble.process.send_signal(signal.SIGCONT)
        gateway.start()
        failing = wait_for(gateway, "failing")
        assert failing["problem"] == "the gateway ended meanwhile"
        assert 0 < failing["next_order"] - time.time() <= 75
        assert pebble.orders == 1
        serial(gateway, pebble)


def test_r10_an_authority_that_stands_still_holds_up_no_end() -> None:
    [port] = free_ports(1)
    with Pebble(port) as pebble:
        assert pebble.process is not None
        pebble.process.send_signal(signal.SIGSTOP)
        with GatewayProcess(configuration(pebble), workers=1) as gateway:
            wait_for(gateway, "ordering")
            gateway.process_ends()
            assert told_last(gateway) == "ended"


def test_r10_an_account_that_is_known_already_lets_in() -> None:
    [port] = free_ports(1)
    key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    names = ["shop.test", "www.shop.test"]
    with Pebble(port, accounts={"house": key}) as pebble:
        text = configuration(pebble, names=names, email="ops@shop.test", account={"key_id": "house", "key": key})
        with GatewayProcess(text, workers=1) as gateway:
            wait_for(gateway, "issued")
            assert serial(gateway, pebble) == serial(gateway, pebble, "www.shop.test")
            assert key not in gateway.said + json.dumps(gateway.status())
            # Neither it nor any other key is told by what lists resources, changes and their differences.
            assert "PRIVATE KEY" not in json.dumps(gateway.ask("GET", "/api/v1/history"))


def told_last(gateway: GatewayProcess) -> str:
    """The last words of the log."""
    return gateway.said.splitlines()[-1].rpartition(" ")[2]


def counted(gateway: GatewayProcess) -> int:
    """The handshakes that were made so far."""
    lines = gateway.ask("GET", "/metrics")[1].splitlines()
    found = [line.rpartition(" ")[2] for line in lines if line.startswith("penstock_tls_handshakes_total{")]
    return sum(int(float(one)) for one in found)


def challenges(gateway: GatewayProcess) -> list[str]:
    """The routes of the running plan that prove names."""
    asked = {"method": "GET", "url": "http://shop.test/.well-known/acme-challenge/x", "listener": "plain"}
    status, explained = write(gateway, "POST", "/api/v1/explain", asked)
    assert status == 200, explained
    return [one["name"] for one in explained["routes"] if one["name"].startswith("acme-challenge")]
