"""The admin port over TLS: certificates renewed, asked for, and refused; never without a token (I1, I6)."""

import re
import shutil
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.gateway_process import GatewayProcess, wait_until

CERTIFICATES = Path(__file__).parent.parent / "certificates"
AUTHORITY = CERTIFICATES / "authority.pem"
NAME = "www.shop.test"
CONFIGURATION = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
{kind: Route, name: hello, path: /hello, steps: [{kind: Respond, status: 200, body: hi}]}
"""


class Enciphered:
    """A gateway whose admin port speaks TLS with files that a test may replace."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.certificate, self.key = folder / "admin.pem", folder / "admin.key"
        self.use("shop")
        self.gateway = GatewayProcess(
            CONFIGURATION,
            *("--admin", "127.0.0.1:0", "--admin-certificate", str(self.certificate), "--admin-key", str(self.key)),
            *("--admin-host", NAME, *flags),
            workers=1,
        )

    def use(self, name: str) -> None:
        shutil.copy(CERTIFICATES / f"{name}.key", self.key)
        shutil.copy(CERTIFICATES / f"{name}.pem", self.certificate)

    def connect(self) -> socket.socket:
        def found() -> re.Match[str] | None:
            return re.search(r"admin port on 127\.0\.0\.1:(\d+), enciphered", self.gateway.said)

        wait_until(found)
        match = found()
        assert match is not None
        return socket.create_connection(("127.0.0.1", int(match[1])), 30)

    @property
    def token(self) -> str:
        found = re.search(r"token, shown only this time: (\S+)\n", self.gateway.said)
        assert found is not None
        return found[1]

    def ask(self, trust: ssl.SSLContext, host: str = NAME, token: str = "") -> tuple[int, bytes]:
        """Status of an answer, and the certificate that came with it."""
        with trust.wrap_socket(self.connect(), server_hostname=NAME) as stream:
            shown = stream.getpeercert(binary_form=True) or b""
            right = f"authorization: Bearer {token}\r\n" if token else ""
            stream.sendall(f"GET /-/status HTTP/1.1\r\nhost: {host}\r\n{right}connection: close\r\n\r\n".encode())
            said = b"".join(iter(lambda: stream.recv(65536), b""))
            return int(said.split()[1]), shown


def trust(certificate: str | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=AUTHORITY)
    if certificate:
        context.load_cert_chain(CERTIFICATES / f"{certificate}.pem", CERTIFICATES / f"{certificate}.key")
    return context


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enciphered]:
    made = Enciphered(tmp_path_factory.mktemp("tls"))
    with made.gateway:
        yield made


def test_the_port_is_enciphered_and_asks_for_a_token_all_the_same(plain: Enciphered) -> None:
    assert plain.ask(trust())[0] == 401
    assert plain.ask(trust(), token=plain.token)[0] == 200
    assert plain.ask(trust(), "evil.test", plain.token)[0] == 421
    with plain.connect() as stream:
        stream.sendall(b"GET /-/live HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert not stream.recv(1024).startswith(b"HTTP/")


def test_old_versions_are_not_spoken(plain: Enciphered) -> None:
    old = trust()
    old.minimum_version = ssl.TLSVersion.TLSv1_2
    assert plain.ask(old, token=plain.token)[0] == 200
    with plain.connect() as stream:
        # A greeting of TLS 1.1.
        stream.sendall(bytes.fromhex("16030200310100002d0302" + "00" * 32 + "000006c013c014002f0100"))
        assert stream.recv(1024)[:1] in {b"\x15", b""}


def test_a_renewed_certificate_is_used_by_the_next_connection_and_a_broken_one_never(plain: Enciphered) -> None:
    before = plain.ask(trust(), token=plain.token)[1]
    plain.use("renewed")
    renewed = plain.ask(trust(), token=plain.token)[1]
    assert renewed != before
    plain.certificate.write_text("no certificate")
    assert plain.ask(trust(), token=plain.token) == (200, renewed)
    assert "the earlier certificate is used" in plain.gateway.said
    plain.use("shop")
    assert plain.ask(trust(), token=plain.token) == (200, before)


def test_those_who_never_end_a_handshake_keep_nobody_out(plain: Enciphered) -> None:
    silent = [plain.connect() for _ in range(100)]
    assert plain.ask(trust(), token=plain.token)[0] == 200
    for stream in silent:
        stream.close()
    assert plain.ask(trust(), token=plain.token)[0] == 200
    assert "Traceback" not in plain.gateway.said


def test_who_has_to_show_a_certificate_shows_a_token_too(tmp_path: Path) -> None:
    made = Enciphered(tmp_path, "--admin-clients", str(AUTHORITY))
    with made.gateway:
        assert made.ask(trust("client"))[0] == 401
        assert made.ask(trust("client"), token=made.token)[0] == 200
        for certificate in (None, "stranger", "client_expired"):
            with pytest.raises((ssl.SSLError, ConnectionError, IndexError)):
                made.ask(trust(certificate), token=made.token)
        # The command line shows one by its context.
        check_command(made, tmp_path)


def check_command(made: Enciphered, folder: Path) -> None:
    with made.connect() as stream:
        port = stream.getpeername()[1]
    (folder / "token").write_text(made.token)
    (folder / "token").chmod(0o600)
    context = {
        "server": f"https://localhost:{port}",
        "token_file": str(folder / "token"),
        "authority": str(AUTHORITY),
        "certificate": str(CERTIFICATES / "client.pem"),
        "key": str(CERTIFICATES / "client.key"),
    }
    lines = "".join(f"    {name}: {value}\n" for name, value in context.items())
    file = folder / "contexts.yaml"
    file.write_text(f"current: near\ncontexts:\n  near:\n{lines}")
    file.chmod(0o600)
    found = made.gateway.command("get", "--context", "near", PENSTOCK_CONFIG=str(file))
    # The certificate is that of another name, and there is no way to go on all the same.
    assert found.returncode == 1
    assert "its certificate is not trusted" in found.stderr


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--admin-certificate", "/nowhere.pem"), "TLS of the admin port: /nowhere.pem: "),
        (("--admin-key", "/nowhere.pem"), "are for --admin-certificate"),
        (("--admin-certificate", str(AUTHORITY)), "TLS of the admin port: "),
    ],
)
def test_a_certificate_that_cannot_be_used_is_said_at_the_start(flags: tuple[str, ...], says: str) -> None:
    gateway = GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", *flags, workers=1)
    try:
        process = gateway.spawn()
        assert process.wait(30) == 1
        assert says in gateway.said
        assert "Traceback" not in gateway.said
    finally:
        gateway.__exit__()
