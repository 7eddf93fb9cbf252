"""What clients of a listener that speaks TLS are shown, offered and refused (L7, L8, A45, B20, G10)."""

import http.client
import select
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from penstock import Gateway
from tests.servers.origin import Origin
from tests.servers.tls_client import AUTHORITY, ask, connect, everything, pair, shown, trusting

SEEN = "{{ request.headers['x-forwarded-proto'] }} {{ request.headers['x-forwarded-port'] }} {{ request.host }}"


def resources(**tls: Any) -> list[dict[str, Any]]:
    names = ("shop", "other")
    texts = [(name, *pair(name)) for name in names]
    found: list[dict[str, Any]] = [
        {"kind": "Certificate", "name": name, "certificate": certificate, "key": key}
        for name, certificate, key in texts
    ]
    listener = {"kind": "Listener", "name": "web", "address": "127.0.0.1:0", "tls": {"certificates": names, **tls}}
    listener["limits"] = {"header_time": "300ms"}
    answer = {"kind": "Respond", "status": 200, "body": SEEN}
    return [*found, listener, {"kind": "Route", "name": "seen", "path": "/seen", "steps": [answer]}]


def port(gateway: Gateway) -> int:
    return int(gateway.url.rpartition(":")[2])


@pytest.fixture(scope="module")
def web() -> Iterator[int]:
    with Gateway(resources()) as gateway:
        assert gateway.url.startswith("https://")
        yield port(gateway)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shop.test", "shop.test"),
        ("SHOP.test", "shop.test"),
        ("a.shop.test", "shop.test"),
        ("a.b.shop.test", "shop.test"),
        ("other.test", "other.test"),
        ("cdn.other.test", "other.test"),
        ("www.other.test", "shop.test"),
        ("unknown.test", "shop.test"),
        (None, "shop.test"),
    ],
)
def test_l8_the_certificate_is_chosen_by_the_name_asked_for(web: int, name: str | None, expected: str) -> None:
    with connect(web, name) as stream:
        assert shown(stream) == expected


def test_l8_a_name_that_no_certificate_has_may_be_refused() -> None:
    with Gateway(resources(unknown_name="refuse")) as gateway:
        for name in ("shop.test", "a.shop.test", "other.test", None):
            connect(port(gateway), name).close()
        for name in ("a.b.shop.test", "unknown.test"):
            with pytest.raises(ssl.SSLError):
                connect(port(gateway), name)


def only(version: ssl.TLSVersion) -> ssl.SSLContext:
    context = trusting()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = version
    context.maximum_version = version
    return context


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_l7_old_versions_are_refused(web: int, version: ssl.TLSVersion) -> None:
    with pytest.raises(ssl.SSLError):
        connect(web, context=only(version))


def test_l7_weak_suites_are_refused(web: int) -> None:
    for suites in (
        "AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES128-SHA256",
        "ECDHE-ECDSA-AES256-SHA",
        "DHE-RSA-AES128-GCM-SHA256",
        "AES256-SHA",
    ):
        context = only(ssl.TLSVersion.TLSv1_2)
        context.set_ciphers(f"{suites}:@SECLEVEL=0")
        with pytest.raises(ssl.SSLError):
            connect(web, context=context)


def test_versions_and_suites_are_those_of_the_listener() -> None:
    with connect_to(resources(), only(ssl.TLSVersion.TLSv1_2)) as stream:
        assert stream.version() == "TLSv1.2"
    with pytest.raises(ssl.SSLError), connect_to(resources(min_version="1.3"), only(ssl.TLSVersion.TLSv1_2)):
        pass
    chosen = ["TLS_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]
    with connect_to(resources(ciphers=chosen), trusting()) as stream:
        assert stream.cipher() == ("TLS_CHACHA20_POLY1305_SHA256", "TLSv1.3", 256)
    with connect_to(resources(ciphers=chosen), only(ssl.TLSVersion.TLSv1_2)) as stream:
        assert stream.cipher() == ("ECDHE-ECDSA-AES256-GCM-SHA384", "TLSv1.2", 256)


class connect_to:  # noqa: N801 - used as a function
    """A connection to a gateway of its own."""

    def __init__(self, configuration: list[dict[str, Any]], context: ssl.SSLContext) -> None:
        self.gateway = Gateway(configuration)
        self.context = context

    def __enter__(self) -> ssl.SSLSocket:
        self.gateway.start()
        try:
            self.stream = connect(port(self.gateway), context=self.context)
        except BaseException:
            self.gateway.stop()
            raise
        return self.stream

    def __exit__(self, *_: object) -> None:
        self.stream.close()
        self.gateway.stop()


@pytest.mark.parametrize(
    ("offered", "expected"), [(["h2", "http/1.1"], "h2"), (["h2"], "h2"), (["http/1.1"], "http/1.1"), ([], None)]
)
def test_the_protocol_is_agreed_on_in_the_handshake(web: int, offered: list[str], expected: str | None) -> None:
    context = trusting()
    if offered:
        context.set_alpn_protocols(offered)
    with connect(web, context=context) as stream:
        assert stream.selected_alpn_protocol() == expected


def test_l8_a_client_that_speaks_no_protocol_in_common_is_refused(web: int) -> None:
    context = trusting()
    context.set_alpn_protocols(["smtp"])
    with pytest.raises(ssl.SSLError, match=r"(?i)no_application_protocol|no application protocol"):
        connect(web, context=context)


def test_the_upstream_and_the_pipeline_are_told_of_https(web: int) -> None:
    with connect(web) as stream:
        assert ask(stream, "/seen").endswith(f"https {web} shop.test".encode())


@pytest.mark.parametrize(
    ("name", "host", "status"),
    [
        ("shop.test", "shop.test", b"200"),
        ("shop.test", "a.shop.test", b"200"),
        ("shop.test", "other.test", b"421"),
        ("other.test", "shop.test", b"421"),
        ("unknown.test", "other.test", b"421"),
        ("other.test", "unknown.test", b"200"),
        (None, "other.test", b"200"),
    ],
)
def test_b20_a_request_for_a_host_of_another_certificate_is_misdirected(
    web: int, name: str | None, host: str, status: bytes
) -> None:
    with connect(web, name) as stream:
        assert ask(stream, "/seen", host).split(b" ")[1] == status


def test_a45_clear_text_on_a_port_that_speaks_tls_is_answered_in_clear_text(web: int) -> None:
    for request in (b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n", b"POST /a HTTP/1.0\r\n"):
        with socket.create_connection(("127.0.0.1", web), timeout=10) as stream:
            stream.sendall(request)
            answer = everything(stream)
            assert answer.startswith(b"HTTP/1.1 400 ")
            assert b"write https:// instead of http://" in answer


def test_a45_what_is_neither_is_closed(web: int) -> None:
    for opening in (
        b"\x00" * 100,
        b"SSH-2.0-client\r\n",
        b"\x80\x2e\x01\x00\x02" + b"\x00" * 40,
        b"\x16\x03\x01\x00\x05hello",
    ):
        with socket.create_connection(("127.0.0.1", web), timeout=10) as stream:
            stream.sendall(opening)
            assert not everything(stream).startswith(b"HTTP")


def test_g10_a_handshake_that_never_ends_is_given_up_after_the_header_time(web: int) -> None:
    for opening in (b"", b"\x16", hello()[:50]):
        with socket.create_connection(("127.0.0.1", web), timeout=10) as stream:
            stream.sendall(opening)
            assert everything(stream) == b""


def test_g10_a_hello_without_end_is_refused(web: int) -> None:
    record = b"\x16\x03\x01\x40\x00" + b"\x01\x03\xff\xff" + b"\x00" * (0x4000 - 4)
    with socket.create_connection(("127.0.0.1", web), timeout=10) as stream, suppress(OSError):
        for _ in range(64):
            stream.sendall(record)
        assert everything(stream)[:1] in {b"", b"\x15"}
    with connect(web) as stream:
        assert ask(stream, "/seen").startswith(b"HTTP/1.1 200 ")


def hello() -> bytes:
    """The first flight of a client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting().wrap_bio(incoming, outgoing, server_hostname="shop.test")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_g10_a_hello_in_records_of_one_byte_is_refused_or_understood(web: int) -> None:
    message = hello()[5:]
    with socket.create_connection(("127.0.0.1", web), timeout=10) as stream:
        stream.sendall(b"".join(b"\x16\x03\x01\x00\x01" + bytes([byte]) for byte in message))
        assert stream.recv(1) in {b"\x16", b"\x15"}


def test_a_client_hears_of_its_handshake_before_it_asks_for_anything(web: int) -> None:
    """Else one that waits for an acknowledgement first (RFC 896) waits for the kernel's delayed one."""
    with connect(web) as stream:
        assert stream.version() == "TLSv1.3"
        readable, _, _ = select.select([stream], [], [], 10)
        assert readable == [stream]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_resumed_by_tickets(web: int, version: ssl.TLSVersion) -> None:
    context = only(version)
    with connect(web, context=context) as stream:
        assert not stream.session_reused
        ask(stream, "/seen")
        session = stream.session
    assert session is not None
    with connect(web, context=context, session=session) as stream:
        assert stream.session_reused
        assert ask(stream, "/seen").startswith(b"HTTP/1.1 200 ")


def test_a_connection_carries_many_requests_and_says_its_end(web: int) -> None:
    with connect(web) as stream:
        for _ in range(20):
            assert ask(stream, "/seen", is_last=False).startswith(b"HTTP/1.1 200 ")
        # Without a word of the end this raises: an end of the wire alone could be anybody's doing.
        stream.suppress_ragged_eofs = False  # type: ignore[attr-defined]
        assert ask(stream, "/seen").startswith(b"HTTP/1.1 200 ")


def test_large_bodies_pass_both_ways() -> None:
    body = bytes(range(256)) * 20_000
    with Origin() as origin:
        everywhere = {"kind": "Route", "name": "all", "path": "/*", "to": origin.url}
        with Gateway([*resources(), everywhere]) as gateway:
            connection = http.client.HTTPSConnection("127.0.0.1", port(gateway), context=trusting(), timeout=20)
            for sent in (body, body[:1], body[:70_000]):
                connection.request("POST", "/count", sent)
                assert connection.getresponse().read() == str(len(sent)).encode()
            connection.close()
            with connect(port(gateway)) as stream:
                assert echoed(stream, body) == body


def echoed(stream: ssl.SSLSocket, body: bytes) -> bytes:
    """What comes back through a tunnel while it is being sent."""
    stream.sendall(b"GET / HTTP/1.1\r\nhost: shop.test\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += stream.recv(1 << 16)
    assert answer.startswith(b"HTTP/1.1 101 ")
    found = bytearray(answer.partition(b"\r\n\r\n")[2])
    with ThreadPoolExecutor(1) as sender:
        sent = sender.submit(stream.sendall, body)
        while len(found) < len(body):
            found += stream.recv(1 << 16)
        sent.result()
    return bytes(found)


def test_curl_and_openssl_are_served(web: int) -> None:
    curl, openssl = shutil.which("curl"), shutil.which("openssl")
    assert curl, "these tests need curl"
    assert openssl, "these tests need openssl"
    address = f"shop.test:{web}"
    for version in ("1.2", "1.3"):
        command = [curl, "-sS", "--cacert", str(AUTHORITY), "--resolve", f"{address}:127.0.0.1", f"--tlsv{version}"]
        asked = subprocess.run(
            [*command, "--tls-max", version, f"https://{address}/seen"], capture_output=True, timeout=20, check=True
        )
        assert asked.stdout == f"https {web} shop.test".encode()
    command = [openssl, "s_client", "-connect", f"127.0.0.1:{web}", "-servername", "other.test", "-quiet", "-ign_eof"]
    request = b"GET /seen HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n"
    asked = subprocess.run(command, input=request, capture_output=True, timeout=20, check=False)
    assert asked.stdout.endswith(b"other.test")
