"""A gateway with the `Probe` plugin, and a client that asks it."""

import http.client
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.servers.gateway_process import GatewayProcess

PLUGIN = Path(__file__).parent / "plugin"

BASE = f"""
kind: Listener
name: web
address: 127.0.0.1:0
---
kind: Plugin
name: probe
python: {PLUGIN}
"""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


def probing(actions: Iterable[str], *more: str, workers: int = 1) -> GatewayProcess:
    """A gateway with a route for each action, `/ACTION/*`, and further documents."""
    routes = (
        f"kind: Route\nname: {action.replace('_', '-')}\npath: /{action}/*\n"
        f"steps: [{{kind: Probe, does: {action}}}, {{kind: Respond, status: 200, body: passed}}]\n"
        for action in actions
    )
    return GatewayProcess("\n---\n".join([BASE, *routes, *more]), workers=workers)


def ask(
    gateway: GatewayProcess,
    target: str,
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    body: bytes | None = None,
    port: int | None = None,
) -> Answered:
    """The answer to one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port or gateway.port(), timeout=10)
    try:
        connection.putrequest("GET" if body is None else "POST", target, skip_host=True)
        connection.putheader("host", "Shop.Example.com:80")
        for name, value in dict(headers).items() if isinstance(headers, Mapping) else headers:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return Answered(answer.status, answer.headers, answer.read())
    finally:
        connection.close()
