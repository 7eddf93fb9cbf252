"""Sends the request of a test to a gateway, as from whichever client the test names."""

import http.client
import socket
import ssl
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

SECONDS = 10.0
"""Time for one answer."""
SOURCE = "127.0.0.2"
"""Where the tests' own requests come from: an address that no test names as a client's."""
_MOST_BYTES = 10 << 20
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


def send(asked: Mapping[str, Any], listening: str) -> dict[str, Any]:
    """The answer to a request of a test; `problem` says why there is none.

    Shape: `listening` is the listener's address as a URL. It believes PROXY protocol headers of `SOURCE`.
    """
    try:
        with _connected(asked, listening) as stream:
            stream.sendall(_written(asked))
            answer = http.client.HTTPResponse(stream, method=asked["method"])
            answer.begin()
            body = answer.read(_MOST_BYTES)
    except (OSError, http.client.HTTPException) as problem:
        text = "no answer in time" if isinstance(problem, TimeoutError) else str(problem) or type(problem).__name__
        return {"problem": f"{text} from {listening}"}
    return {"status": answer.status, "headers": answer.getheaders(), "body": body.decode(errors="replace")}


def _connected(asked: Mapping[str, Any], listening: str) -> socket.socket:
    place = urlsplit(listening)
    stream = socket.create_connection((place.hostname or "", place.port or 0), SECONDS, (SOURCE, 0))
    client = ip_address(asked["client"])
    family, own = ("TCP4", "127.0.0.1") if client.version == 4 else ("TCP6", "::1")  # noqa: PLR2004 - as IP has it
    stream.sendall(f"PROXY {family} {client} {own} 40000 {place.port}\r\n".encode())
    if place.scheme != "https":
        return stream
    context = ssl.create_default_context()
    # Whose certificate it is was judged by the plan; here only the answer counts.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    try:
        return context.wrap_socket(stream, server_hostname=asked["tls_name"] or urlsplit(asked["url"]).hostname)
    except BaseException:
        stream.close()
        raise


def _written(asked: Mapping[str, Any]) -> bytes:
    _, _, rest = asked["url"].partition("://")
    end = min((place for mark in "/?" if (place := rest.find(mark)) >= 0), default=len(rest))
    authority, target = rest[:end], rest[end:]
    if not target.startswith("/"):
        target = f"/{target}"
    fields = [(name, value) for name, value in asked["headers"] if name not in {"connection", "content-length"}]
    if not any(name == "host" for name, _ in fields):
        fields.insert(0, ("host", authority))
    body = asked["body"].encode()
    if body or asked["method"] in _WITH_BODY:
        fields.append(("content-length", str(len(body))))
    fields.append(("connection", "close"))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    first = f"{asked['method']} {target} HTTP/1.1\r\n"
    return f"{first}{head}\r\n".encode() + bytes(body)
