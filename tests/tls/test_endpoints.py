"""Endpoints that speak TLS: who is believed, what is shown, what is reused (L9)."""

import json
import shutil
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from penstock import Gateway
from penstock.compiler import compile_resources
from penstock.filters.native import native_catalogue
from penstock.model.loading import load_resources
from penstock.runtime.change.authorities import system_authorities
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.tls_client import AUTHORITY, CERTIFICATES, pair
from tests.servers.tls_origin import TlsOrigin

TRUSTED = {"ca": AUTHORITY.read_text(), "server_name": "shop.test"}


def resources(url: str, tls: dict[str, Any] | None) -> list[dict[str, Any]]:
    certificate, key = pair("client")
    upstream = {"kind": "Upstream", "name": "orders", "endpoints": [url], **({"tls": tls} if tls is not None else {})}
    return [
        {"kind": "Certificate", "name": "own", "certificate": certificate, "key": key},
        upstream,
        {"kind": "Route", "name": "all", "path": "/*", "to": "orders"},
    ]


def asked(gateway: Gateway, path: str = "/", body: bytes | None = None) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(gateway.url + path, body, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_requests_bodies_and_answers_pass(version: ssl.TLSVersion) -> None:
    body = bytes(range(256)) * 4_000
    with TlsOrigin(oldest=version) as origin, Gateway(resources(origin.url, TRUSTED)) as gateway:
        assert asked(gateway, "/orders/7") == (200, b"/orders/7")
        for sent in (b"x", body[:70_000], body):
            assert asked(gateway, "/upload", sent) == (200, str(len(sent)).encode())
        assert origin.names == ["shop.test"]


def test_the_name_of_a_url_is_asked_for_and_compared() -> None:
    with TlsOrigin("shop") as origin:
        named = origin.url.replace("127.0.0.1", "localhost")
        with Gateway(resources(named, {"ca": AUTHORITY.read_text()})) as gateway:
            assert asked(gateway)[0] == 502
        assert origin.names == ["localhost"]


@pytest.mark.parametrize(
    ("certificate", "tls"),
    [
        ("expired", {**TRUSTED, "server_name": "expired.test"}),
        ("shop", {**TRUSTED, "server_name": "other.test"}),
        ("shop", {"ca": AUTHORITY.read_text()}),
        ("shop", {"server_name": "shop.test"}),
        ("shop", None),
        ("stranger", {**TRUSTED, "server_name": "stranger"}),
        ("client", {**TRUSTED, "server_name": "alice.test"}),
    ],
    ids=["expired", "wrong name", "no address in it", "nobody known", "by default", "self-made", "for clients only"],
)
def test_l9_an_endpoint_that_is_not_to_be_believed_gets_no_request(
    certificate: str, tls: dict[str, Any] | None
) -> None:
    with TlsOrigin(certificate) as origin, Gateway(resources(origin.url, tls)) as gateway:
        status, body = asked(gateway, "/secret", b"body")
        assert status == 502
        assert b"certificate" in body
        assert origin.counts == {}


@contextmanager
def plain_speaker(said: bytes) -> Iterator[str]:
    """Something at an address that speaks first, and no TLS."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    stream, _ = server.accept()
                except OSError:
                    return
                with stream:
                    stream.sendall(said)
                    stream.recv(4096)

        threading.Thread(target=serve, daemon=True).start()
        yield "https://{}:{}".format(*server.getsockname())
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("said", [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", b"\x15\x03\x03\x00\x02\x02\x28"])
def test_l9_clear_text_before_the_handshake_is_no_answer(said: bytes) -> None:
    """CVE-2026-1642: bytes from before the handshake must not be taken for an answer."""
    with plain_speaker(said) as url, Gateway(resources(url, TRUSTED)) as gateway:
        status, body = asked(gateway)
        assert status == 502
        assert b"evil" not in body


def test_an_endpoint_that_never_shakes_hands_is_given_up_in_the_time_to_connect() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = "https://{}:{}".format(*silent.getsockname())
        configuration = resources(url, TRUSTED)
        configuration[1]["timeouts"] = {"connect": "200ms"}
        with Gateway(configuration) as gateway:
            assert asked(gateway)[0] == 504


def test_any_certificate_is_taken_where_that_is_spelt_out() -> None:
    with TlsOrigin("expired") as origin, Gateway(resources(origin.url, {"insecure": True})) as gateway:
        assert asked(gateway, "/a") == (200, b"/a")


def test_our_own_certificate_is_shown_where_the_endpoint_asks() -> None:
    with TlsOrigin(asks_clients=True) as origin:
        with Gateway(resources(origin.url, {**TRUSTED, "certificate": "own"})) as gateway:
            assert asked(gateway, "/a") == (200, b"/a")
            assert origin.subjects == ["alice"]
        with Gateway(resources(origin.url, TRUSTED)) as gateway:
            assert asked(gateway, "/b")[0] == 502
        assert "/b" not in origin.counts


def test_connections_are_kept_and_sessions_resumed() -> None:
    with TlsOrigin() as origin:
        configuration = resources(origin.url, TRUSTED)
        with Gateway(configuration) as gateway:
            for _ in range(10):
                assert asked(gateway, "/a")[0] == 200
        assert len(origin.names) == 1
        configuration[1]["idle_connections"] = 0
        with Gateway(configuration) as gateway:
            for _ in range(4):
                assert asked(gateway, "/b")[0] == 200
    assert origin.resumed[-4:] == [False, True, True, True]


def test_connections_of_other_terms_serve_nobody() -> None:
    with TlsOrigin() as origin:
        text = """
kind: Upstream
name: orders
endpoints: [{url}]
tls: {{ca: "${{file:ca.pem}}", server_name: {name}}}
---
{{kind: Listener, name: web, address: "127.0.0.1:0"}}
---
{{kind: Route, name: all, path: /*, to: orders}}
"""
        process = GatewayProcess(text.format(url=origin.url, name="shop.test"), workers=1)
        shutil.copy(AUTHORITY, process.folder / "ca.pem")
        with process:
            url = f"http://127.0.0.1:{process.port()}/a"
            assert status_of(url) == 200
            process.write(text.format(url=origin.url, name="elsewhere.test"))
            wait_until(lambda: status_of(url) == 502)
            process.write(text.format(url=origin.url, name="shop.test"))
            wait_until(lambda: status_of(url) == 200)
            shutil.copy(CERTIFICATES / "stranger.pem", process.folder / "ca.pem")
            wait_until(lambda: status_of(url) == 502)


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def test_whom_the_machine_trusts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    assert system_authorities() == AUTHORITY.read_text()
    with TlsOrigin() as origin, Gateway(resources(origin.url, {"server_name": "shop.test"})) as gateway:
        assert asked(gateway, "/a") == (200, b"/a")


@pytest.mark.parametrize(
    ("url", "tls", "expected"),
    [
        ("https://a.test", {}, []),
        ("https://a.test", {"ca": "ca.pem"}, ["error tls.ca: no certificate in it"]),
        ("https://a.test", {"certificate": "owm"}, ["error tls.certificate: no certificate is called `owm`"]),
        ("https://a.test", {"insecure": True}, ["warning tls.insecure: anybody between here and the endpoints can"]),
        ("http://a.test", {"server_name": "b.test"}, ["warning tls: no endpoint speaks TLS"]),
        ("https://a.test", {"server_name": "b test"}, ["error tls.server_name: not a host name: 'b test'"]),
        (
            "ftp://a.test",
            None,
            ["error endpoints[0].url: ftp endpoints are not built yet; write http://, https:// or h2c://"],
        ),
    ],
)
def test_what_cannot_be_asked_of_endpoints_is_told(url: str, tls: dict[str, Any] | None, expected: list[str]) -> None:
    loaded = load_resources("\n---\n".join(map(json.dumps, resources(url, tls))))
    compiled = compile_resources(loaded.resources, native_catalogue(), unusable=loaded.unusable)
    found = [f"{one.severity} {one.path_text}: {one.message}" for one in (*loaded.problems, *compiled.problems)]
    found = [line for line in found if "listener" not in line]
    assert len(found) == len(expected), found
    assert all(line.startswith(words) for line, words in zip(found, expected, strict=True)), found
