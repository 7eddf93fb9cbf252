"""An origin that keeps the headers it is told, and answers what a path asks for."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class ToldOrigin:
    """Answers 200; the first request of each path `/flaky/...` 503, and `/status/N` N."""

    def __init__(self) -> None:
        self.told: list[dict[str, str]] = []
        self.flaky: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.address = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.address}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(origin: ToldOrigin) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            origin.told.append({name.lower(): value for name, value in self.headers.items()})
            status = int(self.path.rpartition("/")[2]) if self.path.startswith("/status/") else 200
            if self.path.startswith("/flaky/") and self.path not in origin.flaky:
                origin.flaky.add(self.path)
                status = 503
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler
