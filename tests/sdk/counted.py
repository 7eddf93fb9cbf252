"""Serves so many requests, one after the other, through the two filters of the bench: what a profiler runs."""

import socket
import sys
from pathlib import Path
from typing import Any

from penstock import Gateway

FILTERS = Path(__file__).parents[2] / "bench/conf/filters.py"
STEPS: list[dict[str, Any]] = [
    {"kind": "NameConsumer"},
    {"kind": "StampAnswer"},
    {"kind": "Respond", "status": 200, "body": "counted"},
]
REQUEST = b"GET / HTTP/1.1\r\nhost: shop.example.com\r\nuser-agent: counted\r\naccept: */*\r\nx-request-id: 1\r\n\r\n"


def main() -> None:
    """Serve as many as the command line says."""
    resources: list[dict[str, Any]] = [
        {"kind": "Plugin", "name": "bench", "python": str(FILTERS)},
        {"kind": "Route", "name": "all", "path": "/*", "steps": STEPS},
    ]
    with Gateway(resources) as gateway:
        host, _, port = gateway.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as stream:
            for _ in range(int(sys.argv[1])):
                stream.sendall(REQUEST)
                answer = stream.recv(4096)
                if not answer.endswith(b"counted") or b"x-gateway: python" not in answer:
                    sys.exit(f"not what was expected: {answer!r}")


if __name__ == "__main__":
    main()
