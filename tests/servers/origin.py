"""An origin for tests: a real HTTP/1.1 server that says what it was asked, and counts."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


class Origin:
    """Answers 200 with the path it was asked for; `?sleep=1.5` waits first. An upload is answered with its length.

    Asked to upgrade to `echo` it becomes a tunnel that says everything back.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def count(self, path: str) -> None:
        with self._lock:
            self.counts[path] = self.counts.get(path, 0) + 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, *_: Any) -> None:
        """A gateway that closes a connection is no news."""


def _handler(origin: Origin) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            if self.headers.get("upgrade") == "echo":
                self._echo()
                return
            target = urlsplit(self.path)
            origin.count(target.path)
            time.sleep(float(parse_qs(target.query).get("sleep", ["0"])[0]))
            self._answer(target.path.encode())

        def do_POST(self) -> None:
            left = length = int(self.headers["content-length"])
            while left > 0:
                piece = self.rfile.read(min(left, 65536))
                if not piece:
                    return
                left -= len(piece)
            origin.count(self.path)
            self._answer(str(length).encode())

        def _echo(self) -> None:
            self.send_response(101)
            self.send_header("connection", "upgrade")
            self.send_header("upgrade", "echo")
            self.end_headers()
            while piece := self.connection.recv(65536):
                self.connection.sendall(piece)
            self.close_connection = True

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler
