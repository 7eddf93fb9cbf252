"""What a handshake came to, told by conditions, templates, filters, the log and the metrics."""

import hashlib
import json
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.http2_client import Http2Client
from tests.servers.tls_client import AUTHORITY, CERTIFICATES, ask, connect, trusting

TOLD = "{{ tls.version }} {{ tls.cipher }} {{ tls.protocol }} {{ tls.name }} {{ tls.client.subject }}"
FILTER = '''
from penstock.sdk import Filter, Request, Response

KEPT = []


class Tells(Filter):
    """Tells what it sees of the connection."""

    def on_request(self, request: Request) -> Response:
        """Answer with it."""
        tls = request.tls
        if tls is None:
            return Response(200, body="clear")
        KEPT.append(tls)
        client = tls.client
        said = [tls.version, tls.cipher, tls.protocol, tls.name]
        if client is not None:
            said += [client.subject, client.issuer, client.serial, client.fingerprint]
            said += [client.name, client.email, client.uri]
        return Response(200, body="|".join(said), headers={"x-kept": KEPT[0].name})
'''
CONFIGURATION = f"""
kind: Certificate
name: shop
certificate: ${{file:{CERTIFICATES}/shop.pem}}
key: ${{file:{CERTIFICATES}/shop.key}}
---
kind: Listener
name: web
address: 127.0.0.1:0
tls: {{certificates: [shop], client_ca: "${{file:{AUTHORITY}}}", client_certificate: optional, unknown_name: refuse}}
---
{{kind: Listener, name: clear, address: "unix:FOLDER/clear"}}
---
{{kind: Plugin, name: own, python: tells.py}}
---
{{kind: Route, name: filter, path: /filter, steps: [{{kind: Tells}}]}}
---
kind: Route
name: strong
path: /strong
when: tls.cipher == "TLS_AES_256_GCM_SHA384" and tls.protocol == "http/1.1"
steps: [{{kind: Respond, status: 200, body: strong}}]
---
kind: Route
name: all
path: /*
steps: [{{kind: Respond, status: 200, body: "{TOLD}"}}]
---
{{kind: Telemetry, name: default, access_log: {{path: FOLDER/access.log, format: FORMAT}}}}
"""
TEMPLATE = (
    '"{{ tls_version }} {{ tls_cipher }} {{ tls_protocol }} {{ tls_name }} {{ tls_client_subject }} {{ status }}"'
)


def gateway(form: str) -> GatewayProcess:
    process = GatewayProcess("", workers=1)
    process.write(CONFIGURATION.replace("FORMAT", form).replace("FOLDER", str(process.folder)))
    (process.folder / "tells.py").write_text(FILTER)
    return process


@pytest.fixture(scope="module")
def web() -> Iterator[GatewayProcess]:
    with gateway("json") as process:
        yield process


def client(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3, protocol: str = "http/1.1") -> ssl.SSLContext:
    """Settings of a client that shows a certificate."""
    context = trusting()
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    context.set_alpn_protocols([protocol])
    context.load_cert_chain(CERTIFICATES / "client.pem", CERTIFICATES / "client.key")
    return context


def said(port: int, path: str, context: ssl.SSLContext | None = None) -> str:
    with connect(port, "SHOP.test", context) as stream:
        return ask(stream, path).decode().partition("\r\n\r\n")[2]


def in_clear_text(process: GatewayProcess) -> socket.socket:
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(10)
    stream.connect(str(process.folder / "clear"))
    return stream


def lines(process: GatewayProcess) -> list[dict[str, Any]]:
    log = process.folder / "access.log"
    found = log.read_text().splitlines() if log.exists() else []
    return [json.loads(line) for line in found if line.startswith("{")]


def line_of(process: GatewayProcess, path: str) -> dict[str, Any]:
    """The line of a request that only one test sends."""
    wait_until(lambda: any(line["path"] == path for line in lines(process)))
    return next(line for line in lines(process) if line["path"] == path)


OF_TLS = {"tls_version", "tls_cipher", "tls_protocol", "tls_name", "tls_client_subject", "tls_client_fingerprint"}


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (ssl.TLSVersion.TLSv1_2, "1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 http/1.1 shop.test CN=alice"),
        (ssl.TLSVersion.TLSv1_3, "1.3 TLS_AES_256_GCM_SHA384 http/1.1 shop.test CN=alice"),
    ],
)
def test_templates_know_what_was_agreed_on(web: GatewayProcess, version: ssl.TLSVersion, expected: str) -> None:
    assert said(web.port(), "/", client(version)) == expected


def test_conditions_know_what_was_agreed_on(web: GatewayProcess) -> None:
    assert said(web.port(), "/strong", client()) == "strong"
    assert said(web.port(), "/strong").startswith("1.3 ")


def test_what_was_not_said_is_empty(web: GatewayProcess) -> None:
    with connect(web.port(), None) as stream:
        assert ask(stream).decode().partition("\r\n\r\n")[2].split() == ["1.3", "TLS_AES_256_GCM_SHA384"]
    with in_clear_text(web) as plain:
        assert ask(plain).decode().partition("\r\n\r\n")[2].split() == []


def test_streams_of_http2_know_it_too(web: GatewayProcess) -> None:
    context = client(protocol="h2")
    with Http2Client(web.port(), over=connect(web.port(), context=context)) as http2:
        streams = [http2.begin(path, host="shop.test") for path in ("/streams/1", "/filter", "/streams/2")]
        first, of_filter, last = [http2.answer(stream).body.decode() for stream in streams]
    assert first == last == "1.3 TLS_AES_256_GCM_SHA384 h2 shop.test CN=alice"
    assert of_filter.startswith("1.3|TLS_AES_256_GCM_SHA384|h2|shop.test|CN=alice|")
    told = line_of(web, "/streams/2")
    assert (told["protocol"], told["tls_protocol"], told["tls_client_subject"]) == ("HTTP/2", "h2", "CN=alice")


def test_filters_see_the_connection_and_the_clients_certificate(web: GatewayProcess) -> None:
    version, cipher, protocol, name, *of_client = said(web.port(), "/filter", client()).split("|")
    assert (version, cipher, protocol, name) == ("1.3", "TLS_AES_256_GCM_SHA384", "http/1.1", "shop.test")
    assert (of_client[0], of_client[1]) == ("CN=alice", "CN=Penstock tests")
    assert len(of_client[3]) == 64
    assert of_client[4:] == ["alice.test", "alice@shop.test", "spiffe://shop.test/alice"]
    assert said(web.port(), "/filter").count("|") == 3
    with in_clear_text(web) as plain:
        assert ask(plain, "/filter").endswith(b"clear")


def test_a_line_of_the_log_tells_it_where_the_connection_is_enciphered(web: GatewayProcess) -> None:
    said(web.port(), "/logged", client())
    told = line_of(web, "/logged")
    assert {name: value for name, value in told.items() if name in OF_TLS} == {
        "tls_version": "1.3",
        "tls_cipher": "TLS_AES_256_GCM_SHA384",
        "tls_protocol": "http/1.1",
        "tls_name": "shop.test",
        "tls_client_subject": "CN=alice",
        "tls_client_fingerprint": fingerprint(),
    }
    with in_clear_text(web) as plain:
        ask(plain, "/logged/clear")
    assert not OF_TLS.intersection(line_of(web, "/logged/clear"))


def fingerprint() -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert((CERTIFICATES / "client.pem").read_text())).hexdigest()


def test_a_refused_request_and_a_failed_handshake_are_told_of_too(web: GatewayProcess) -> None:
    with connect(web.port(), context=client()) as stream:
        stream.sendall(b"GET / HTTP/9.9\r\n\r\n")
        with suppress(OSError):
            stream.recv(100)
    with pytest.raises(ssl.SSLError):
        connect(web.port(), "nobody.test")
    wait_until(lambda: any(line["reason"] == "tls_unknown_name" for line in lines(web)))
    failed = next(line for line in lines(web) if line["reason"] == "tls_unknown_name")
    assert (failed["tls_name"], failed["tls_version"], failed["host"]) == ("nobody.test", "", "nobody.test")
    wait_until(lambda: any(line["reason"] == "version" for line in lines(web)))
    refused = next(line for line in lines(web) if line["reason"] == "version")
    assert (refused["tls_client_subject"], refused["tls_version"]) == ("CN=alice", "1.3")


def test_a_template_of_the_log_may_name_it() -> None:
    with gateway(TEMPLATE) as process:
        said(process.port(), "/", client())
        with in_clear_text(process) as plain:
            ask(plain)
        log = process.folder / "access.log"
        wait_until(lambda: log.exists() and log.read_text().count("\n") == 2)
        assert log.read_text().splitlines() == [
            "1.3 TLS_AES_256_GCM_SHA384 http/1.1 shop.test CN=alice 200",
            "     200",
        ]


def test_handshakes_are_counted_by_version_and_failures_by_reason() -> None:
    with gateway("json") as process:
        port = process.port()
        context = client()
        with connect(port, context=context) as stream:
            ask(stream)
            session = stream.session
        with connect(port, context=context, session=session) as stream:
            ask(stream)
        said(port, "/", client(ssl.TLSVersion.TLSv1_2))
        with pytest.raises(ssl.SSLError):
            connect(port, "nobody.test")
        wait_until(lambda: failures(process) == {"tls_unknown_name": 1})
        text = str(process.ask("GET", "/metrics")[1])
        form = r'^penstock_tls_handshakes_total{listener="web",version="(.*)",resumed="(.*)"} (\d+)$'
        counted = {(version, resumed): int(count) for version, resumed, count in re.findall(form, text, re.MULTILINE)}
        assert counted == {("1.2", "false"): 1, ("1.2", "true"): 0, ("1.3", "false"): 1, ("1.3", "true"): 1}


def failures(process: GatewayProcess) -> dict[str, int]:
    text = str(process.ask("GET", "/metrics")[1])
    found = re.findall(r'^penstock_failures_total{reason="(tls_\w+)",blame="client"} (\d+)$', text, re.MULTILINE)
    return {reason: int(count) for reason, count in found if count != "0"}
