"""Configurations for tests of the runtime."""


def forwarding(to: str, mark: str = "1", address: str = "127.0.0.1:0") -> str:
    """One listener before one endpoint; answers carry the mark in `x-mark`."""
    return f"""
kind: Listener
name: web
address: {address}
---
kind: Route
name: all
path: /*
steps:
  - {{kind: SetHeaders, response: {{set: {{x-mark: "{mark}"}}}}}}
  - {{kind: Forward, to: {to}}}
"""
