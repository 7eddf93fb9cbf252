"""Certificates over HTTP/3: which is shown, which are asked for, and what requests may be asked on a connection."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aioquic.quic.configuration import QuicConfiguration
from aioquic.tls import CipherSuite, SessionTicket
from cryptography import x509

from penstock import Gateway
from tests.http3.configurations import speaking
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.http3_client import Http3Client
from tests.servers.origin import Origin
from tests.servers.tls_client import AUTHORITY, CERTIFICATES, pair

ACCESS_DENIED, CERTIFICATE_REQUIRED = 0x131, 0x174
SEEN = (
    "{{ tls.version }} {{ tls.cipher }} {{ tls.name }} {{ tls.protocol }} {{ tls.client.subject | default('nobody') }}"
)
AES = "TLS_AES_256_GCM_SHA384"


def resources(**tls: Any) -> list[dict[str, Any]]:
    certificates = [
        {"kind": "Certificate", "name": name, "certificate": certificate, "key": key}
        for name, (certificate, key) in ((name, pair(name)) for name in ("shop", "other"))
    ]
    listener = {
        "kind": "Listener",
        "name": "web",
        "address": "127.0.0.1:0",
        "protocols": ["h3", "h2", "http1"],
        "tls": {"certificates": ["shop", "other"], **tls},
    }
    route = {"kind": "Route", "name": "seen", "path": "/*", "steps": [{"kind": "Respond", "status": 200, "body": SEEN}]}
    return [*certificates, listener, route]


def port_of(gateway: Gateway) -> int:
    return int(gateway.url.rpartition(":")[2])


@pytest.fixture(scope="module")
def web() -> Iterator[int]:
    with Gateway(resources()) as gateway:
        yield port_of(gateway)


def shown(client: Http3Client) -> str:
    """The common name of the certificate that the gateway has shown."""
    certificate = client.quic.tls._peer_certificate
    assert isinstance(certificate, x509.Certificate)
    return str(certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)


@pytest.mark.parametrize("name", ["shop.test", "other.test"])
def test_l8_each_client_is_shown_the_certificate_of_the_name_it_asks_for(web: int, name: str) -> None:
    with Http3Client(web, name=name) as client:
        assert shown(client) == name
        answer = client.answer(client.begin(host=name))
        assert answer.body.decode() == f"1.3 {AES} {name} h3 nobody"


def test_b20_a_request_for_the_host_of_another_certificate_is_misdirected(web: int) -> None:
    with Http3Client(web) as client:
        hosts = ["shop.test", "other.test", "a.shop.test"]
        assert [client.answer(client.begin(host=host)).status for host in hosts] == [200, 421, 200]


def test_l8_a_name_that_no_certificate_has_may_be_refused() -> None:
    with (
        Gateway(resources(unknown_name="refuse")) as gateway,
        Http3Client(port_of(gateway), name="nobody.test", waits=False) as client,
    ):
        assert client.finish().error_code == ACCESS_DENIED


def showing(name: str) -> Any:
    """Lets a client show a certificate."""

    def tune(configuration: QuicConfiguration) -> None:
        configuration.load_cert_chain(str(CERTIFICATES / f"{name}.pem"), str(CERTIFICATES / f"{name}.key"))

    return tune


def test_certificates_of_clients_are_asked_for_and_told_on() -> None:
    with Gateway(resources(client_ca=AUTHORITY.read_text())) as gateway:
        with Http3Client(port_of(gateway), tune=showing("client")) as client:
            assert client.get().body.endswith(b"CN=alice")
        for name in ("", "client_expired", "stranger"):
            tune = showing(name) if name else lambda _: None
            with Http3Client(port_of(gateway), tune=tune, waits=False) as client:
                end = client.finish()
                assert 0x100 <= end.error_code < 0x200, name
                assert (end.error_code == CERTIFICATE_REQUIRED) == (not name)


SUITES = {
    CipherSuite.AES_128_GCM_SHA256: "TLS_AES_128_GCM_SHA256",
    CipherSuite.CHACHA20_POLY1305_SHA256: "TLS_CHACHA20_POLY1305_SHA256",
}


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: str(suite.name))
def test_the_cipher_suite_is_told_that_both_agreed_on(web: int, suite: CipherSuite) -> None:
    def only(configuration: QuicConfiguration) -> None:
        configuration.cipher_suites = [suite]

    with Http3Client(web, tune=only) as client:
        assert client.get().body.decode().split()[1] == SUITES[suite]


def test_handshakes_are_counted_by_whether_a_session_went_on_and_lines_of_the_log_tell_the_cipher_suite(
    tmp_path: Path,
) -> None:
    log = tmp_path / "access.log"
    more = f"---\nkind: Telemetry\nname: main\naccess_log: {{path: {log}}}\n"
    kept: list[SessionTicket] = []
    with Origin() as origin, GatewayProcess(speaking(origin.url) + more, workers=2) as gateway:
        with Http3Client(gateway.port(), on_ticket=kept.append) as client:
            client.get("/own")
            client.until(lambda: bool(kept))

        def with_ticket(configuration: QuicConfiguration) -> None:
            configuration.session_ticket = kept[0]

        for _ in range(2):
            with Http3Client(gateway.port(), tune=with_ticket) as client:
                assert client.get("/own").status == 404
        wait_until(lambda: handshakes(gateway) == {"false": "1", "true": "2"})
        wait_until(lambda: log.exists() and log.read_text().count("\n") == 3)
        assert [json.loads(line)["tls_cipher"] for line in log.read_text().splitlines()] == [AES] * 3


def handshakes(gateway: GatewayProcess) -> dict[str, str]:
    """How many there were, by whether a session went on."""
    form = r'^penstock_tls_handshakes_total{listener="web",version="1.3",resumed="(.*)"} (\d+)$'
    return dict(re.findall(form, str(gateway.ask("GET", "/metrics")[1]), re.MULTILINE))


def test_a_handshake_that_was_refused_is_a_line_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    more = f"---\nkind: Telemetry\nname: main\naccess_log: {{path: {log}}}\n"
    tls = f", client_ca: '${{file:{AUTHORITY}}}'"
    with Origin() as origin, GatewayProcess(speaking(origin.url, tls=tls) + more, workers=1) as gateway:
        with Http3Client(gateway.port(), waits=False) as client:
            client.finish()
        wait_until(lambda: log.exists() and log.read_text().endswith("\n"))
        line = json.loads(log.read_text().splitlines()[0])
        assert (line["status"], line["reason"], line["client"]) == (499, "tls_no_client_certificate", "127.0.0.1")


def test_a_renewed_certificate_is_shown_to_the_next_client_and_no_connection_is_closed() -> None:
    with (
        Origin() as origin,
        GatewayProcess(speaking(origin.url), workers=2) as gateway,
        Http3Client(gateway.port()) as before,
    ):
        first = before.quic.tls._peer_certificate
        gateway.write(speaking(origin.url).replace("/shop.", "/renewed."))
        assert gateway.ask("POST", "/-/reload")[0] == 200
        with Http3Client(gateway.port()) as after:
            assert after.quic.tls._peer_certificate != first
            assert after.get("/own").status == 404
        assert before.get("/own").status == 404


def test_it_is_spoken_over_both_versions_of_ip_by_one_listener() -> None:
    if not Path("/proc/net/if_inet6").exists():
        pytest.skip("no IPv6 here")
    with Origin() as origin:
        configuration = speaking(origin.url).replace("address: 127.0.0.1:0", 'address: "[::]:0"')
        with GatewayProcess(configuration, workers=2) as gateway:
            for host in ("127.0.0.1", "::1"):
                for _ in range(4):
                    with Http3Client(gateway.port(), host=host) as client:
                        assert client.get("/x").body == b"/x"
                        client.rebind()
                        assert client.get("/y").body == b"/y"
