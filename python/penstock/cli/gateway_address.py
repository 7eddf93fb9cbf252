"""Where commands reach a gateway, by what right, and the connection there: a socket of this machine, or an address."""

import os
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from penstock.cli.command import Stopped

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PORT = 9700
_PRINTABLE = frozenset(map(chr, range(0x21, 0x7F)))


class NoGateway(Stopped):
    """No gateway to ask; the text says why in one line."""


@dataclass(frozen=True, slots=True)
class Address:
    """A gateway's admin API.

    Shape: `path` is that of a unix socket; where it is absent, `server` is `https://HOST:PORT`, or `http://` on
    loopback. `authority` is a file of certificates that may have signed the gateway's; absent: those of the system.
    `certificate` and `key` are files by which the command shows who it is.
    """

    path: Path | None = None
    server: str = ""
    token: str = ""
    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def __str__(self) -> str:
        return str(self.path or self.server)

    @property
    def head(self) -> str:
        """The fields that every request to it has."""
        host = "localhost" if self.path else urlsplit(self.server).netloc
        right = f"authorization: Bearer {self.token}\r\n" if self.token else ""
        return f"host: {host}\r\nconnection: close\r\n{right}"

    def connect(self, seconds: float) -> socket.socket:
        """A connection, enciphered where the address says so.

        Raises: NoGateway.
        """
        try:
            return self._connected(seconds)
        except ssl.SSLCertVerificationError as problem:
            hint = "the context's `authority` or --authority names the certificate that signed it"
            raise NoGateway(f"{self}: its certificate is not trusted: {problem.verify_message}; {hint}") from None
        except ssl.SSLError as problem:
            if problem.reason == "WRONG_VERSION_NUMBER":
                raise NoGateway(f"{self} speaks no TLS: on the machine itself, write http://") from None
            raise NoGateway(f"{self}: the handshake failed: {problem.reason or problem}") from None
        except OSError as problem:
            raise NoGateway(f"no gateway answers at {self}: {(problem.strerror or str(problem)).lower()}") from None

    def _connected(self, seconds: float) -> socket.socket:
        if self.path:
            stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                stream.settimeout(seconds)
                stream.connect(str(self.path))
            except OSError:
                stream.close()
                raise
            return stream
        parts = urlsplit(self.server)
        host, port = parts.hostname or "", parts.port or _PORT
        stream = socket.create_connection((host, port), seconds)
        if parts.scheme == "http":
            return stream
        try:
            return self._trust().wrap_socket(stream, server_hostname=host)
        except OSError:
            stream.close()
            raise

    def _trust(self) -> ssl.SSLContext:
        trust = ssl.create_default_context(cafile=str(self.authority) if self.authority else None)
        if self.certificate:
            trust.load_cert_chain(self.certificate, self.key)
        return trust


def checked_server(text: str) -> str:
    """The address of a gateway, as it may be written.

    Raises: ValueError that says what to write.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or not set(text) <= _PRINTABLE:
        raise ValueError(
            f"not the address of a gateway: {text[:80]!r}; write one as in https://gateway.example.com:9700"
        )
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        raise ValueError(f"{text[:80]!r} is more than an address: write the scheme, the host and the port")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError(f"{text[:80]!r} would show the token to everyone on the way: write https://")
    return f"{parts.scheme}://{parts.netloc}"


def checked_token(text: str) -> str:
    """A token, as it may be sent.

    Raises: ValueError that does not show it.
    """
    token = text.strip()
    if not set(token) <= _PRINTABLE:
        raise ValueError("the token holds what no token has, such as a space or the end of a line")
    return token


def read_token(path: Path) -> str:
    """The token in a file.

    Raises: NoGateway.
    """
    try:
        return checked_token(path.expanduser().read_text("ascii"))
    except OSError as problem:
        raise NoGateway(f"{path}: {(problem.strerror or str(problem)).lower()}") from None
    except ValueError:
        raise NoGateway(f"{path}: this is no token") from None


def token_of_environment() -> str:
    """The token in `$PENSTOCK_TOKEN`, if there is one.

    Raises: NoGateway.
    """
    try:
        return checked_token(os.environ.get("PENSTOCK_TOKEN", ""))
    except ValueError as problem:
        raise NoGateway(f"$PENSTOCK_TOKEN: {problem}") from None
