"""A web site for a browser: a page with parts, a big file, uploads, and events that wait for each other."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

BIG = bytes(range(256)) * (24 << 12)
"""24 MiB that are the same nowhere for long."""
PAGE = b"""<!doctype html><title>waiting</title>
<link rel=stylesheet href=/style.css><script src=/script.js></script><p>text</p>"""
FILES = {
    "/": ("text/html", PAGE),
    "/style.css": ("text/css", b"p { color: rgb(1, 2, 3) }"),
    "/script.js": ("text/javascript", b"document.title = 'ran'"),
    "/favicon.ico": ("image/x-icon", b""),
    "/big": ("application/octet-stream", BIG),
}


class Site:
    """Serves `FILES`; says length and hash of an upload; `/events` sends one more each time `/next` is asked for."""

    def __init__(self) -> None:
        self.next = threading.Semaphore(0)
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, *_: Any) -> None:
        """A gateway that closes a connection is no news."""


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/events":
                self._events()
                return
            if self.path == "/next":
                site.next.release()
            self._answer(*FILES.get(self.path, ("text/plain", b"")))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self._answer("text/plain", f"{len(body)} {hashlib.sha256(body).hexdigest()}".encode())

        def _events(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            for number in range(4):
                self.wfile.write(f"id: {number}\ndata: event {number}\n\n".encode())
                if not site.next.acquire(timeout=15):
                    return

        def _answer(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler
