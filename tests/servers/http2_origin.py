"""An origin for tests that speaks HTTP/2, on a well-known library, and keeps what it was asked."""

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from tests.servers.tls_client import CERTIFICATES

Fields = Iterable[tuple[str, str]]


@dataclass
class Asked:
    """A request as it came, and the means to answer it."""

    connection: "Caller"
    stream: int
    fields: list[tuple[str, str]]
    body: bytes = b""
    trailers: dict[str, str] = field(default_factory=dict)
    reset: int | None = None
    """The error code with which the gateway gave it up."""

    @property
    def named(self) -> dict[str, str]:
        """Its fields by their names."""
        return dict(self.fields)

    def answer(self, body: bytes = b"", status: int = 200, fields: Fields = (), trailers: Fields = ()) -> None:
        """Answer it whole."""
        self.head(status, fields, ends=not body and not trailers)
        if body:
            self.send(body, ends=not trailers)
        if trailers:
            self.connection.do(lambda own: own.send_headers(self.stream, list(trailers), end_stream=True))

    def head(self, status: int = 200, fields: Fields = (), *, ends: bool = False) -> None:
        """Send a head, interim or not."""
        lines = [(":status", str(status)), *fields]
        self.connection.do(lambda own: own.send_headers(self.stream, lines, end_stream=ends))

    def send(self, body: bytes, *, ends: bool = False) -> None:
        """Send a part of a body that the gateway has granted."""
        most = self.connection.library.max_outbound_frame_size
        for start in range(0, len(body), most):
            piece = body[start : start + most]
            is_last = ends and start + most >= len(body)
            self.connection.do(partial(_send_data, self.stream, piece, is_last))

    def refuse(self, code: int = int(h2.errors.ErrorCodes.REFUSED_STREAM)) -> None:
        """Reset it."""
        self.connection.do(lambda own: own.reset_stream(self.stream, code))


def _send_data(stream: int, piece: bytes, is_last: bool, own: h2.connection.H2Connection) -> None:  # noqa: FBT001 - a partial
    own.send_data(stream, piece, is_last)


def echo(asked: Asked) -> None:
    """Answers with the path, or with the body where there is one."""
    asked.answer(asked.body or asked.named[":path"].encode())


class Http2Origin:
    """Runs a script for each request, once it is whole; with `early`, as soon as its head is there."""

    def __init__(
        self,
        script: Callable[[Asked], None] = echo,
        *,
        early: bool = False,
        tls: bool = False,
        settings: dict[h2.settings.SettingCodes, int] | None = None,
    ) -> None:
        self.asked: list[Asked] = []
        self.callers: list[Caller] = []
        self.script, self.early, self.settings = script, early, settings or {}
        self.changed = threading.Condition()
        self._context: ssl.SSLContext | None = None
        if tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(CERTIFICATES / "shop.pem", CERTIFICATES / "shop.key")
            self._context.set_alpn_protocols(["h2", "http/1.1"])
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        scheme = "https" if tls else "h2c"
        self.port = self._listener.getsockname()[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for caller in self.callers:
            caller.close()

    def wait(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds of what came.

        Raises: AssertionError if it does not within 15 seconds.
        """
        with self.changed:
            assert self.changed.wait_for(holds, 15)

    def note(self) -> None:
        """Have those look who wait."""
        with self.changed:
            self.changed.notify_all()

    def _accept(self) -> None:
        while True:
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(stream,), daemon=True).start()

    def _serve(self, stream: socket.socket) -> None:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self._context:
                stream = self._context.wrap_socket(stream, server_side=True)
            caller = Caller(self, stream)
            self.callers.append(caller)
            caller.serve()
        except OSError:
            stream.close()


class Caller:
    """One connection of the gateway."""

    def __init__(self, origin: Http2Origin, stream: socket.socket) -> None:
        self.origin, self.stream = origin, stream
        configuration = h2.config.H2Configuration(
            client_side=False, validate_outbound_headers=False, normalize_outbound_headers=False
        )
        self.library = h2.connection.H2Connection(configuration)
        self.streams: dict[int, Asked] = {}
        self.pings = 0
        """Pings of the gateway."""
        self.is_closed = False
        self._lock = threading.RLock()
        if origin.settings:
            self.library.local_settings = h2.settings.Settings(client=False, initial_values=origin.settings)

    def do(self, act: Callable[[Any], object]) -> None:
        """Do something by the library and send what comes of it; a gateway that has given up is no failure."""
        with self._lock:
            with contextlib.suppress(h2.exceptions.StreamClosedError):
                act(self.library)
            self.send(self.library.data_to_send())

    def send(self, data: bytes) -> None:
        """Send bytes past the library."""
        try:
            with self._lock:
                self.stream.sendall(data)
        except OSError:
            self.is_closed = True

    def go_away(self, last: int, code: int = 0) -> None:
        """Say that no stream beyond this one is served, past the library: it would close at once."""
        payload = last.to_bytes(4, "big") + code.to_bytes(4, "big")
        self.send(len(payload).to_bytes(3, "big") + b"\x07\x00" + bytes(4) + payload)

    def close(self) -> None:
        """Close it."""
        self.is_closed = True
        try:
            self.stream.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def serve(self) -> None:
        """Take what comes until the gateway closes."""
        self.do(lambda own: own.initiate_connection())
        while not self.is_closed and (data := self._receive()):
            with self._lock:
                events = self.library.receive_data(data)
                self.send(self.library.data_to_send())
            for event in events:
                self._take(event)
            self.origin.note()
        self.is_closed = True
        self.stream.close()
        self.origin.note()

    def _receive(self) -> bytes:
        # A stream of TLS cannot be read and written at once.
        try:
            while not select.select([self.stream], [], [], 0.2)[0]:
                if self.is_closed:
                    return b""
            with self._lock:
                return self.stream.recv(65536)
        except (OSError, ValueError):
            return b""

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived(stream_id=stream, headers=fields):
                asked = Asked(self, stream, [(name.decode(), value.decode("latin-1")) for name, value in fields])
                self.streams[stream] = asked
                self.origin.asked.append(asked)
                if self.origin.early:
                    self._run(asked)
            case h2.events.DataReceived(stream_id=stream, data=data, flow_controlled_length=length):
                self.streams[stream].body += data
                self.do(lambda own: own.acknowledge_received_data(length, stream))
            case h2.events.TrailersReceived(stream_id=stream, headers=fields):
                self.streams[stream].trailers = {name.decode(): value.decode() for name, value in fields}
            case h2.events.StreamEnded(stream_id=stream) if not self.origin.early:
                self._run(self.streams[stream])
            case h2.events.PingReceived():
                self.pings += 1
            case h2.events.StreamReset(stream_id=stream, error_code=code):
                self.streams[stream].reset = int(code)

    def _run(self, asked: Asked) -> None:
        threading.Thread(target=self.origin.script, args=(asked,), daemon=True).start()
