"""Asks the admin API of a gateway that a test has started."""

import http.client
import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.servers.gateway_process import GatewayProcess, wait_until

JSON = "application/json"


@dataclass
class Answer:
    """An answer of the admin API; `data` is empty where there is no JSON."""

    status: int
    data: Any
    headers: dict[str, str]
    text: str


@dataclass
class Api:
    """The admin API on a port, asked with a token."""

    port: int
    token: str
    sent: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, data: Any = None, body: bytes | None = None, **headers: str) -> Answer:
        """One request; `data` is sent as JSON."""
        fields = {
            "authorization": f"Bearer {self.token}",
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        if data is not None:
            body = json.dumps(data).encode()
            fields.setdefault("content-type", JSON)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, fields)
            answer = connection.getresponse()
            text = answer.read().decode()
            known = {name.lower(): value for name, value in answer.getheaders()}
            is_json = known.get("content-type", "").partition(";")[0].endswith(("/json", "+json"))
            return Answer(answer.status, json.loads(text) if is_json and text else {}, known, text)
        finally:
            connection.close()


def api_of(gateway: GatewayProcess) -> Api:
    """The admin API of a gateway that was started with `--admin 127.0.0.1:0`, as soon as it tells where it is."""
    wait_until(lambda: re.search(r"token, shown only this time: \S+\n", gateway.said))
    port = re.search(r"admin port on 127\.0\.0\.1:(\d+)", gateway.said)
    token = re.search(r"token, shown only this time: (\S+)\n", gateway.said)
    assert port is not None
    assert token is not None
    return Api(int(port[1]), token[1])
