"""Comes in by a browser: waits on a port of this machine for what the gateway sends it back with.

Source: RFC 8252, section 7.3.
"""

import base64
import secrets
import sys
import time
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from penstock.cli.gateway_address import Address, NoGateway
from penstock.cli.gateway_client import exchange

_SECONDS = 300.0


class _Waiting(HTTPServer):
    """Waits for one code."""

    code = ""


class _Handler(BaseHTTPRequestHandler):
    server: _Waiting
    timeout = 10

    def do_GET(self) -> None:
        """What the browser was sent here with."""
        self.server.code = (parse_qs(urlsplit(self.path).query).get("code") or [""])[0] or self.server.code
        said = b"You have come in; this window may be closed.\n" if self.server.code else b"Nothing to see here.\n"
        self.send_response(200)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Nothing: what comes here is a secret."""


def come_in_by_browser(address: Address, provider: str) -> Any:
    """What the gateway answers to somebody who has come in by a provider.

    Raises: NoGateway if nobody comes.
    """
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    with _Waiting(("127.0.0.1", 0), _Handler) as waiting:
        query = urlencode({"port": waiting.server_port, "challenge": challenge})
        print(
            f"open this in a browser on this machine:\n{address.server}/api/v1/login/{provider}?{query}",
            file=sys.stderr,
        )
        sys.stderr.flush()
        until = time.monotonic() + _SECONDS
        while not waiting.code and (left := until - time.monotonic()) > 0:
            waiting.timeout = left
            waiting.handle_request()
    if not waiting.code:
        raise NoGateway(f"nobody has come in within {_SECONDS:.0f} s")
    return exchange(address, "POST", "/api/v1/session", {"code": waiting.code, "verifier": verifier})
