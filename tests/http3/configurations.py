"""Configurations for tests of HTTP/3."""

from tests.servers.tls_client import CERTIFICATES


def speaking(to: str, *, protocols: str = "[h3, h2, http1]", limits: str = "{}", more: str = "", tls: str = "") -> str:
    """One listener before one endpoint."""
    return f"""
kind: Certificate
name: shop
certificate: ${{file:{CERTIFICATES}/shop.pem}}
key: ${{file:{CERTIFICATES}/shop.key}}
---
kind: Listener
name: web
address: 127.0.0.1:0
protocols: {protocols}
tls: {{certificates: [shop]{tls}}}
limits: {limits}
{more}
---
kind: Route
name: all
path: /*
to: {to}
---
kind: Route
name: own
path: /own
steps: [{{kind: Respond, status: 404, body: nothing here}}]
"""
