"""Asks gateways of tests over their admin sockets, and their listeners."""

import http.client
import json
import socket
import urllib.error
import urllib.request
from typing import Any

from tests.servers.gateway_process import GatewayProcess


def write(gateway: GatewayProcess, method: str, path: str, data: Any, seconds: float = 40) -> tuple[int, Any]:
    """Status and data of an answer on a gateway's admin socket; 0 if there is none."""
    text = json.dumps(data).encode()
    connection = http.client.HTTPConnection("localhost", timeout=seconds)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(seconds)
        connection.sock.connect(str(gateway.state.admin_socket))
        connection.request(method, path, text, {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException):
        return 0, {}
    finally:
        connection.close()


def fetch(gateway: GatewayProcess, path: str, port: int | None = None) -> tuple[int, str]:
    """Status and body of a request to its listener; 0 if it is refused."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port or gateway.port()}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode()
    except OSError:
        return 0, ""
