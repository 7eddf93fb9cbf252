"""A client that speaks TLS, and the certificates that tests use."""

import socket
import ssl
from pathlib import Path

CERTIFICATES = Path(__file__).parent.parent / "certificates"
AUTHORITY = CERTIFICATES / "authority.pem"


def pair(name: str) -> tuple[str, str]:
    """The texts of a certificate and its key."""
    return (CERTIFICATES / f"{name}.pem").read_text(), (CERTIFICATES / f"{name}.key").read_text()


def trusting() -> ssl.SSLContext:
    """Settings of a client that trusts the tests' authority, and asks for any name."""
    context = ssl.create_default_context(cafile=str(AUTHORITY))
    context.check_hostname = False
    return context


def connect(
    port: int,
    name: str | None = "shop.test",
    context: ssl.SSLContext | None = None,
    session: ssl.SSLSession | None = None,
) -> ssl.SSLSocket:
    """A connection after its handshake.

    Raises: ssl.SSLError or OSError where that fails.
    """
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    return (context or trusting()).wrap_socket(plain, server_hostname=name, session=session)


def shown(stream: ssl.SSLSocket) -> str:
    """The common name of the certificate that the gateway has shown."""
    subject = (stream.getpeercert() or {})["subject"]
    return str(dict(part[0] for part in subject)["commonName"])  # type: ignore[misc] # as ssl has it


def ask(stream: socket.socket, path: str = "/", host: str = "shop.test", *, is_last: bool = True) -> bytes:
    """The answer to one request; with `is_last` the gateway closes behind it."""
    wish = "close" if is_last else "keep-alive"
    stream.sendall(f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: {wish}\r\n\r\n".encode())
    return everything(stream) if is_last else one_answer(stream)


def everything(stream: socket.socket) -> bytes:
    """All that comes until the end."""
    return b"".join(iter(lambda: stream.recv(1 << 16), b""))


def one_answer(stream: socket.socket) -> bytes:
    """One answer with a `Content-Length`."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += stream.recv(1 << 16)
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = [line.partition(b":") for line in head.lower().split(b"\r\n")]
    length = next(int(value) for name, _, value in lines if name == b"content-length")
    while len(body) < length:
        body += stream.recv(1 << 16)
    return head + b"\r\n\r\n" + body
