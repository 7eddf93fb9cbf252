"""An origin that keeps what it is sent."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Self


class Recorder:
    """Answers 200 to everything; `heads` and `bodies` are those of the requests, in order."""

    def __init__(self) -> None:
        self.heads: list[list[tuple[str, str]]] = []
        self.bodies: list[bytes] = []
        self._server = HTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(recorder: Recorder) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._record()

        def do_POST(self) -> None:
            self._record()

        def _record(self) -> None:
            recorder.heads.append([(name.lower(), value) for name, value in self.headers.items()])
            recorder.bodies.append(self.rfile.read(int(self.headers.get("content-length", 0))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler
