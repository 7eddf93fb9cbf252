"""Configurations for tests of WebSocket."""

from typing import Any

from penstock import Gateway


def resources(to: str, *, limits: dict[str, Any] | None = None, **settings: Any) -> list[dict[str, Any]]:
    """One listener before one endpoint; settings are those of a `WebSocket` step."""
    steps = [{"kind": "WebSocket", **settings}] if settings else []
    return [
        {"kind": "Listener", "name": "web", "address": "127.0.0.1:0", "limits": limits or {}},
        {"kind": "Route", "name": "all", "path": "/*", "steps": [*steps, {"kind": "Forward", "to": to}]},
    ]


def port(gateway: Gateway) -> int:
    """The port of the listener."""
    return int(gateway.url.rpartition(":")[2])
