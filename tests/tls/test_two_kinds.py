"""Two certificates for one name: which a client is shown is decided by the signatures it understands (L8)."""

import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from penstock import Gateway
from tests.servers.tls_client import CERTIFICATES, ask, connect, pair, trusting

ECDSA = {"ECDHE-ECDSA-AES128-GCM-SHA256": "shop"}
RSA = {"ECDHE-RSA-AES128-GCM-SHA256": "shop_rsa"}
BOTH = {"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256": "shop"}


def resources(*names: str) -> list[dict[str, Any]]:
    texts = [(name, *pair(name)) for name in names]
    certificates = [
        {"kind": "Certificate", "name": name.replace("_", "-"), "certificate": certificate, "key": key}
        for name, certificate, key in texts
    ]
    used = [certificate["name"] for certificate in certificates]
    listener = {"kind": "Listener", "name": "web", "address": "127.0.0.1:0", "tls": {"certificates": used}}
    answer = {"kind": "Respond", "status": 200, "body": "{{ request.host }}"}
    return [*certificates, listener, {"kind": "Route", "name": "all", "path": "/*", "steps": [answer]}]


@pytest.fixture(scope="module")
def web() -> Iterator[int]:
    with Gateway(resources("shop", "shop_rsa", "other")) as gateway:
        yield int(gateway.url.rpartition(":")[2])


def understanding(suites: str) -> ssl.SSLContext:
    """Settings of a client of TLS 1.2, which says by its suites which signatures it understands."""
    context = trusting()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suites)
    return context


def shown(stream: ssl.SSLSocket) -> str:
    """Whose certificate it is, by its number."""
    serial = str((stream.getpeercert() or {})["serialNumber"])
    known = {serial_of(name): name for name in ("shop", "shop_rsa", "other")}
    return known[serial]


def serial_of(name: str) -> str:
    return str(ssl._ssl._test_decode_cert(CERTIFICATES / f"{name}.pem")["serialNumber"])  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["shop.test", "a.shop.test", "unknown.test", None])
@pytest.mark.parametrize(("suites", "expected"), [*ECDSA.items(), *RSA.items(), *BOTH.items()])
def test_l8_the_client_decides_between_two_kinds_of_key(web: int, suites: str, expected: str, name: str | None) -> None:
    with connect(web, name, understanding(suites)) as stream:
        assert shown(stream) == expected
        assert ask(stream).startswith(b"HTTP/1.1 200 ")


def test_l8_the_order_of_the_listener_decides_where_the_client_understands_both() -> None:
    with Gateway(resources("shop_rsa", "shop")) as gateway:
        port = int(gateway.url.rpartition(":")[2])
        with connect(port) as stream:
            assert shown(stream) == "shop_rsa"
        with connect(port, context=understanding(next(iter(ECDSA)))) as stream:
            assert shown(stream) == "shop"


def test_l8_a_client_that_understands_none_of_them_is_refused() -> None:
    with Gateway(resources("shop")) as gateway, pytest.raises(ssl.SSLError):
        connect(int(gateway.url.rpartition(":")[2]), context=understanding(next(iter(RSA))))


@pytest.mark.parametrize("suites", [*ECDSA, *RSA])
def test_b20_either_of_them_serves_all_their_hosts(web: int, suites: str) -> None:
    with connect(web, "shop.test", understanding(suites)) as stream:
        assert ask(stream, host="a.shop.test").startswith(b"HTTP/1.1 200 ")
    with connect(web, "shop.test", understanding(suites)) as stream:
        assert ask(stream, host="other.test").startswith(b"HTTP/1.1 421 ")
