"""Whom the machine trusts to sign certificates of endpoints."""

import ssl
from collections.abc import Iterator
from pathlib import Path

from penstock.compiler.compiled import part_of
from penstock.runtime.change.delta import Parts

_KEY = "authorities/system"
_ASKING = ("upstream/", "telemetry/")
"""What the keys of parts begin with that connect with anybody."""
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where distributions keep them, for an OpenSSL that looks elsewhere."""


def system_authorities() -> str:
    """Their certificates in PEM, from `SSL_CERT_FILE` or where the system keeps them; empty where there are none."""
    for path in (ssl.get_default_verify_paths().cafile, *_BUNDLES):
        try:
            if path:
                return Path(path).read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
    return ""


def with_authorities(parts: Parts) -> Parts:
    """The plan with a part for those whom the machine trusts, if some endpoint's certificate is judged by them."""
    others = {key: part for key, part in parts.items() if key != _KEY} if _KEY in parts else parts
    asking = [part["body"] for key, part in others.items() if key.startswith(_ASKING)]
    if not any(_asks_for_them(tls) for body in asking for tls in _asked(body)):
        return others
    text = system_authorities()
    if not text:
        return others
    return {**others, _KEY: part_of({"kind": "authorities", "name": "system", "certificates": text})}


def _asked(body: Parts) -> Iterator[Parts | None]:
    """What a part asks of those that it connects with."""
    if body["kind"] == "upstream":
        yield body["tls"]
    if body["kind"] == "telemetry":
        tracing = body["tracing"]
        places = [log["to"] for log in body["access_logs"]]
        collectors = [place["remote"]["collector"] for place in places if "remote" in place]
        collectors += [body["otlp"], tracing and tracing["collector"]]
        yield from (collector["tls"] for collector in collectors if collector is not None)


def _asks_for_them(tls: Parts | None) -> bool:
    return tls is not None and tls["authorities"] is None and not tls["is_insecure"]
