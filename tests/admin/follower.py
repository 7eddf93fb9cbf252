"""Follows requests by the admin API, as `penstock logs -f` does, and keeps what it is told."""

import http.client
import json
import threading
from typing import Any, Self
from urllib.parse import urlencode

from tests.admin.api import Api
from tests.servers.gateway_process import wait_until

PATIENCE = 60.0


class Follower:
    """One listener; used in a `with`, in which every worker tells of its requests."""

    def __init__(self, api: Api, **asked: str) -> None:
        self.requests: list[dict[str, Any]] = []
        self.nodes: list[dict[str, Any]] = []
        self.dropped = 0
        self.has_ended = threading.Event()
        self._connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=PATIENCE)
        self._path = f"/api/v1/logs?{urlencode(asked)}"
        self._headers = {"authorization": f"Bearer {api.token}"}
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._connection.request("GET", self._path, headers=self._headers)
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200, self._answer.read()
        self._thread.start()
        wait_until(lambda: self.nodes, PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection.sock is not None:
            self._connection.sock.shutdown(2)
        self._thread.join(PATIENCE)
        self._connection.close()

    def until(self, count: int) -> list[dict[str, Any]]:
        """The requests, as soon as there are so many."""
        wait_until(lambda: len(self.requests) >= count, PATIENCE)
        return self.requests

    def paths(self, count: int) -> list[str]:
        """Their paths."""
        return [one["path"] for one in self.until(count)]

    def _read(self) -> None:
        event = ""
        try:
            for line in self._answer:
                word, _, rest = line.decode().rstrip("\n").partition(": ")
                if word == "event":
                    event = rest
                elif word == "data":
                    self._take(event, json.loads(rest))
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # it was closed in the middle
        self.has_ended.set()

    def _take(self, event: str, data: dict[str, Any]) -> None:
        if event == "request":
            self.requests.append(data)
        elif event == "node":
            self.nodes.append(data)
        else:
            assert event == "dropped"
            self.dropped += data["requests"]
