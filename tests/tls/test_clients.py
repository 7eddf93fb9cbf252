"""Certificates of clients: which are taken, and what they are good for (F13)."""

import hashlib
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from penstock import Gateway
from tests.servers.tls_client import AUTHORITY, CERTIFICATES, ask, connect, pair, trusting

LIST = CERTIFICATES / "revoked.crl"
SEEN = "{{ tls.version }} {{ tls.name }} {{ tls.client.subject | default('nobody') }}"


def resources(**tls: Any) -> list[dict[str, Any]]:
    certificate, key = pair("shop")
    listener: dict[str, Any] = {"kind": "Listener", "name": "web", "address": "127.0.0.1:0"}
    listener["tls"] = {"certificates": ["shop"], "client_ca": AUTHORITY.read_text(), **tls}
    answer = {"kind": "Respond", "status": 200, "body": SEEN}
    fields = "subject issuer serial fingerprint name email uri"
    texts = "|".join(f"{{{{ tls.client.{field} }}}}" for field in fields.split())
    inside = 'tls.client.uri == "spiffe://shop.test/alice" and "subject" in tls.client'
    return [
        {"kind": "Certificate", "name": "shop", "certificate": certificate, "key": key},
        listener,
        {"kind": "Route", "name": "seen", "path": "/seen", "steps": [answer]},
        {"kind": "Route", "name": "all", "path": "/all", "steps": [{**answer, "body": texts}]},
        {"kind": "Route", "name": "inside", "path": "/inside", "when": inside, "steps": [answer]},
    ]


def port(gateway: Gateway) -> int:
    return int(gateway.url.rpartition(":")[2])


@pytest.fixture(scope="module")
def required() -> Iterator[int]:
    with Gateway(resources(client_crl=LIST.read_text())) as gateway:
        yield port(gateway)


@pytest.fixture(scope="module")
def optional() -> Iterator[int]:
    with Gateway(resources(client_certificate="optional")) as gateway:
        yield port(gateway)


def showing(name: str, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    """Settings of a client that shows a certificate."""
    context = trusting()
    context.minimum_version = context.maximum_version = version
    if name:
        context.load_cert_chain(CERTIFICATES / f"{name}.pem", CERTIFICATES / f"{name}.key")
    return context


def seen(port: int, context: ssl.SSLContext, path: str = "/seen", session: ssl.SSLSession | None = None) -> str:
    with connect(port, context=context, session=session) as stream:
        return ask(stream, path).decode().partition("\r\n\r\n")[2]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    "name", ["", "client_expired", "client_early", "server_only", "stranger", "revoked", "long_chain"]
)
def test_f13_a_certificate_that_is_not_good_is_refused(required: int, name: str, version: ssl.TLSVersion) -> None:
    # With TLS 1.3 the client is done before it is judged, and hears of it with its first answer.
    with pytest.raises((ssl.SSLError, ConnectionError)):
        assert not seen(required, showing(name, version))


@pytest.mark.parametrize("name", ["client_expired", "server_only", "stranger"])
def test_f13_where_certificates_are_optional_a_bad_one_is_refused_all_the_same(optional: int, name: str) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        assert not seen(optional, showing(name))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_good_certificate_is_seen_by_pipelines(required: int, version: ssl.TLSVersion) -> None:
    number = version.name.removeprefix("TLSv").replace("_", ".")
    assert seen(required, showing("client", version)) == f"{number} shop.test CN=alice"


def test_every_field_of_a_certificate_has_a_name(required: int) -> None:
    der = ssl.PEM_cert_to_DER_cert((CERTIFICATES / "client.pem").read_text())
    subject, issuer, serial, fingerprint, *names = seen(required, showing("client"), "/all").split("|")
    assert (subject, issuer) == ("CN=alice", "CN=Penstock tests")
    assert fingerprint == hashlib.sha256(der).hexdigest()
    known = ssl._ssl._test_decode_cert(CERTIFICATES / "client.pem")["serialNumber"]  # type: ignore[attr-defined]
    assert serial == known.lower()
    assert names == ["alice.test", "alice@shop.test", "spiffe://shop.test/alice"]


def test_routes_and_conditions_know_a_client_by_its_certificate(optional: int) -> None:
    assert seen(optional, showing("")) == "1.3 shop.test nobody"
    assert seen(optional, showing("client"), "/inside").endswith("CN=alice")
    assert "404" in seen(optional, showing(""), "/inside")
    assert "404" in seen(optional, showing("revoked"), "/inside")


def test_f13_a_resumed_session_keeps_its_certificate(optional: int) -> None:
    context = showing("client")
    with connect(optional, context=context) as stream:
        ask(stream)
        session = stream.session
    assert session
    with connect(optional, context=context, session=session) as stream:
        assert stream.session_reused
        assert ask(stream, "/seen").endswith(b"CN=alice")


def test_f13_a_session_of_a_listener_that_asks_for_nothing_opens_no_other() -> None:
    """CVE-2025-23419: tickets of one listener are unreadable at another."""
    certificate, open_, *routes = resources()
    guarded = {**open_, "name": "guarded"}
    open_ = {**open_, "tls": {"certificates": ["shop"]}}
    with Gateway([certificate, open_, guarded, *routes]) as gateway:
        at = {name: int(gateway.urls[name].rpartition(":")[2]) for name in ("web", "guarded")}
        context = trusting()
        with connect(at["web"], context=context) as stream:
            ask(stream)
            session = stream.session
        with connect(at["web"], context=context, session=session) as stream:
            assert stream.session_reused
        with pytest.raises((ssl.SSLError, ConnectionError)):
            assert not seen(at["guarded"], context, session=session)
