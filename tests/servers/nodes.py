"""Gateways that share a store in etcd, for tests."""

from typing import Any

from tests.admin.api import Api, api_of
from tests.servers.asking import fetch
from tests.servers.etcd import Etcd
from tests.servers.gateway_process import GatewayProcess, wait_until


class Node(GatewayProcess):
    """A gateway whose store is in etcd, with an admin port."""

    def __init__(self, name: str, etcd: Etcd, configuration: str | None = None, *flags: str) -> None:
        shared = ("--etcd", *etcd.endpoints, "--node", name, "--admin", "127.0.0.1:0")
        super().__init__(configuration, *shared, *flags, workers=1)
        self.name = name
        self._token = ""

    @property
    def api(self) -> Api:
        """Its admin API, of the latest start."""
        port = self.said.rpartition("admin port on 127.0.0.1:")[2].partition("\n")[0]
        self._token = self._token or api_of(self).token
        return Api(int(port), self._token)

    def fetch(self, path: str, port: int | None = None) -> tuple[int, str]:
        """Status and body of a request to its listener; 0 if it is refused."""
        return fetch(self, path, port)

    def wait_for(self, revision: int, seconds: float = 20.0) -> None:
        """Return once it has applied a revision of the store, or a later one."""
        wait_until(lambda: (self.status().get("store_revision") or -1) >= revision, seconds)


def route(name: str, body: str) -> dict[str, Any]:
    """A route that answers with a text."""
    steps = [{"kind": "Respond", "status": 200, "body": body}]
    return {"kind": "Route", "name": name, "path": f"/{name}", "steps": steps}


LISTENER = {"kind": "Listener", "name": "web", "address": "127.0.0.1:0"}
