"""Three small services for the example gateway to stand in front of; each tells what reached it.

usage: services.py [--until-input-ends]   (ports 9001, 9002 and 9003 of this machine)
"""

import json
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SERVICES = {"orders": 9001, "catalogue": 9002, "catalogue-next": 9003}


class Service(ThreadingHTTPServer):
    """An HTTP server that knows its name."""

    daemon_threads = True

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        super().__init__(("127.0.0.1", port), Handler)


class Handler(BaseHTTPRequestHandler):
    """Answers every request with what arrived, as JSON."""

    server: Service
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Tell the service's name, the request and its headers; a body comes back as it was."""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        told = {
            "service": self.server.name,
            "request": f"{self.command} {self.path}",
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body.decode(errors="replace"),
        }
        text = f"{json.dumps(told, indent=2)}\n".encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the base class looks for these names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing: the gateway has a log."""


def main() -> int:
    """Serve until interrupted, or until standard input ends; 1 when a port is taken."""
    try:
        services = [Service(name, port) for name, port in SERVICES.items()]
    except OSError as error:
        print(f"services: cannot listen on ports {', '.join(map(str, SERVICES.values()))}: {error}", file=sys.stderr)
        return 1
    for service in services:
        threading.Thread(target=service.serve_forever, daemon=True).start()
    try:
        if "--until-input-ends" in sys.argv[1:]:
            sys.stdin.read()
        else:
            threading.Event().wait()
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
