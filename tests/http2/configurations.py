"""Configurations for tests of HTTP/2."""


def speaking(to: str, protocols: str = "[http1, h2c]", limits: str = "{}") -> str:
    """One listener before one endpoint."""
    return f"""
kind: Listener
name: web
address: 127.0.0.1:0
protocols: {protocols}
limits: {limits}
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
