"""Renewed certificates and session tickets over several workers (R9, L10)."""

import os
import shutil
import signal
import ssl
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.tls_client import CERTIFICATES, ask, connect, trusting

CONFIGURATION = """
kind: Certificate
name: shop
certificate: ${{file:shop.pem}}
key: ${{file:shop.key}}
---
{{kind: Listener, name: web, address: "127.0.0.1:0", tls: {{certificates: [shop]{tls}}}}}
---
{{kind: Route, name: all, path: /*, steps: [{{kind: Respond, status: 200, body: "{word}"}}]}}
"""


def configuration(word: str = "good", tls: str = "") -> str:
    return CONFIGURATION.format(word=word, tls=tls)


def put(folder: Path, name: str) -> None:
    """Put a pair in place as those who renew certificates do: one file after the other."""
    for suffix in ("pem", "key"):
        beside = folder / f"new.{suffix}"
        shutil.copy(CERTIFICATES / f"{name}.{suffix}", beside)
        beside.replace(folder / f"shop.{suffix}")


def gateway(*flags: str) -> GatewayProcess:
    process = GatewayProcess(configuration(), *flags)
    put(process.folder, "shop")
    return process


def serial(port: int) -> str:
    with connect(port) as stream:
        assert ask(stream).startswith(b"HTTP/1.1 200 ")
        return str((stream.getpeercert() or {})["serialNumber"])


def test_r9_renewed_certificates_serve_new_connections_without_a_failed_handshake() -> None:
    check_renewals(6)


@pytest.mark.long
def test_r9_a_hundred_renewals() -> None:
    check_renewals(100)


def check_renewals(count: int) -> None:
    with gateway() as process, connect(process.port()) as kept:
        port = process.port()
        serials = {name: serial_of(name) for name in ("shop", "renewed")}
        assert serial(port) == serials["shop"]
        failures: list[Exception] = []
        is_over = threading.Event()
        load = [threading.Thread(target=one, args=(port, is_over, failures)) for one in (shake_hands, come_back)]
        slowest = 0.0
        for thread in load:
            thread.start()
        try:
            for turn in range(count):
                name = ("renewed", "shop")[turn % 2]
                put(process.folder, name)
                began = time.monotonic()
                wait_until(partial(is_shown, port, serials[name]))
                slowest = max(slowest, time.monotonic() - began)
        finally:
            is_over.set()
            for thread in load:
                thread.join()
        assert failures == []
        print(f"a new certificate was shown after {slowest:.2f} s at most")  # noqa: T201
        # What was open before all this is still served.
        assert ask(kept).startswith(b"HTTP/1.1 200 ")


def is_shown(port: int, expected: str) -> bool:
    return serial(port) == expected


def serial_of(name: str) -> str:
    return str(ssl._ssl._test_decode_cert(CERTIFICATES / f"{name}.pem")["serialNumber"])  # type: ignore[attr-defined]


def shake_hands(port: int, is_over: threading.Event, failures: list[Exception]) -> None:
    while not is_over.is_set():
        try:
            serial(port)
        except OSError as problem:
            failures.append(problem)


def come_back(port: int, is_over: threading.Event, failures: list[Exception]) -> None:
    """Go on with sessions: a renewed certificate ends none."""
    context = trusting()
    session = first_session(port, context)
    while not is_over.is_set():
        try:
            with connect(port, context=context, session=session) as stream:
                assert ask(stream).startswith(b"HTTP/1.1 200 ")
                assert stream.session_reused
                session = stream.session or session
        except (OSError, AssertionError) as problem:
            failures.append(problem)


def test_r9_a_broken_pair_changes_nothing() -> None:
    with gateway() as process:
        port = process.port()
        before = serial(port)
        shutil.copy(CERTIFICATES / "other.key", process.folder / "shop.key")
        wait_until(lambda: "this is the key of another certificate" in process.said)
        assert serial(port) == before
        put(process.folder, "renewed")
        wait_until(lambda: serial(port) != before)


def test_r9_a_signal_makes_it_look_again() -> None:
    with gateway("--no-watch") as process:
        port = process.port()
        before = serial(port)
        put(process.folder, "renewed")
        process.signal(signal.SIGHUP)
        wait_until(lambda: serial(port) != before)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_l10_a_ticket_is_good_at_every_worker_and_after_a_death(version: ssl.TLSVersion) -> None:
    context = trusting()
    context.minimum_version = context.maximum_version = version
    with gateway() as process:
        port = process.port()
        session = first_session(port, context)
        assert is_resumed(port, context, session) == {True}
        put(process.folder, "renewed")
        wait_until(lambda: serial(port) == serial_of("renewed"))
        assert is_resumed(port, context, session) == {True}
        process.write(configuration("changed"))
        wait_until(lambda: body(port) == b"changed")
        assert is_resumed(port, context, session) == {True}
        dead = process.worker_pids()[0]
        os.kill(dead, signal.SIGKILL)
        wait_until(lambda: is_whole(process, dead))
        assert is_resumed(port, context, session) == {True}


def test_l10_a_ticket_does_not_outlive_what_the_listener_asked_for() -> None:
    context = trusting()
    with gateway() as process:
        port = process.port()
        session = first_session(port, context)
        process.write(configuration("strict", ", min_version: '1.3'"))
        wait_until(lambda: body(port) == b"strict")
        assert is_resumed(port, context, session) == {False}


def first_session(port: int, context: ssl.SSLContext) -> ssl.SSLSession:
    with connect(port, context=context) as stream:
        ask(stream)
        assert stream.session
        return stream.session


def is_resumed(port: int, context: ssl.SSLContext, session: ssl.SSLSession) -> set[bool | None]:
    """Whether a session is resumed, by as many connections as meet every worker."""
    found = set()
    for _ in range(16):
        with connect(port, context=context, session=session) as stream:
            assert ask(stream).startswith(b"HTTP/1.1 200 ")
            found.add(stream.session_reused)
    return found


def body(port: int) -> bytes:
    with connect(port) as stream:
        return ask(stream).partition(b"\r\n\r\n")[2]


def is_whole(process: GatewayProcess, dead: int) -> bool:
    workers = process.worker_pids()
    return len(workers) == 2 and dead not in workers


def test_the_time_that_is_left_is_a_metric() -> None:
    with gateway() as process:
        lines = str(process.ask("GET", "/metrics")[1]).splitlines()
        value = next(line for line in lines if line.startswith('penstock_certificate_left_seconds{certificate="shop"}'))
        assert float(value.rpartition(" ")[2]) > 0
