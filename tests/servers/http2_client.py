"""A client of HTTP/2, on a well-known library; it can also send what that library would not."""

import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self

import h2.config
import h2.connection
import h2.events

Fields = Iterable[tuple[str, str]]

PATIENCE = 15.0
FRAME_HEAD = 9


@dataclass
class Answer:
    """What came of a stream."""

    status: int = 0
    interim: list[int] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    trailers: dict[str, str] = field(default_factory=dict)
    is_whole: bool = False
    reset: int | None = None
    """The error code of a reset."""


def text(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Fields as text."""
    return {name.decode(): value.decode() for name, value in fields}


class Http2Client:
    """One connection. Nothing is checked on the way out, so that a test may break rules."""

    def __init__(self, port: int, *, grants: bool = True, over: socket.socket | None = None) -> None:
        self.socket = over or socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        configuration = h2.config.H2Configuration(
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.connection = h2.connection.H2Connection(configuration)
        self.grants = grants
        """Whether what came of bodies is granted again at once."""
        self.answers: dict[int, Answer] = {}
        self.farewells: list[tuple[int, int]] = []
        """Of each GOAWAY: the last stream and the error code."""
        self.is_closed = False
        self._unfed = b""
        self.connection.initiate_connection()
        self.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def begin(
        self, path: str = "/", *, host: str = "a.test", method: str = "GET", fields: Fields = (), ends: bool = True
    ) -> int:
        """Send the head of a request; gives its stream."""
        stream = self.connection.get_next_available_stream_id()
        scheme = "https" if isinstance(self.socket, ssl.SSLSocket) else "http"
        pseudo = [(":method", method), (":scheme", scheme), (":authority", host), (":path", path)]
        self.send_head(stream, [*pseudo, *fields], ends=ends)
        return stream

    def send_head(self, stream: int, fields: Fields, *, ends: bool = True) -> None:
        """Send any fields as a head, or as trailers where the stream has one."""
        self.answers.setdefault(stream, Answer())
        self.connection.send_headers(stream, list(fields), end_stream=ends)
        self.flush()

    def begin_with(self, frames: Callable[[int], bytes]) -> int:
        """Begin a stream with frames past the library, which only learns that there is one."""
        stream = self.connection.get_next_available_stream_id()
        self.answers[stream] = Answer()
        self.connection.send_headers(stream, [(":method", "GET")], end_stream=True)
        self.connection.data_to_send()
        self.socket.sendall(frames(stream))
        return stream

    def send_body(self, stream: int, body: bytes, *, ends: bool = True) -> None:
        """Send a body as the gateway grants it."""
        while body:
            room = self.connection.local_flow_control_window(stream)
            piece = body[: min(room, self.connection.max_outbound_frame_size)]
            if not piece:
                self.receive()
                continue
            body = body[len(piece) :]
            self.connection.send_data(stream, piece)
            self.flush()
        if ends:
            self.connection.end_stream(stream)
            self.flush()

    def send_frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """Send a frame past the library."""
        self.socket.sendall(
            len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
        )

    def reset(self, stream: int) -> None:
        """Give a stream up."""
        self.connection.reset_stream(stream, error_code=8)
        self.flush()

    def get(self, path: str = "/", fields: Fields = ()) -> Answer:
        """Ask and wait for the answer."""
        return self.answer(self.begin(path, fields=fields))

    def answer(self, stream: int) -> Answer:
        """Wait until a stream has ended in whatever way."""
        answer = self.answers[stream]
        while not (answer.is_whole or answer.reset is not None or self.is_closed):
            self.receive()
        return answer

    def finish(self) -> None:
        """Take everything up to the end of the connection."""
        while not self.is_closed:
            self.receive()

    def flush(self) -> None:
        self.socket.sendall(self.connection.data_to_send())

    def receive(self) -> None:
        """Take what comes next.

        Raises: TimeoutError if nothing comes.
        """
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.is_closed = True
            return
        self._unfed += data
        # Frame by frame: the library takes nothing that comes with a farewell.
        while len(self._unfed) >= FRAME_HEAD and len(self._unfed) >= (size := self._frame_size()):
            for event in self.connection.receive_data(self._unfed[:size]):
                self._take(event)
            self._unfed = self._unfed[size:]
        if not self.is_closed:
            self.flush()

    def _frame_size(self) -> int:
        return FRAME_HEAD + int.from_bytes(self._unfed[:3], "big")

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.InformationalResponseReceived(stream_id=stream, headers=fields):
                self.answers[stream].interim.append(int(text(fields)[":status"]))
            case h2.events.ResponseReceived(stream_id=stream, headers=fields):
                self.answers[stream].fields = text(fields)
                self.answers[stream].status = int(text(fields)[":status"])
            case h2.events.DataReceived(stream_id=stream, data=data, flow_controlled_length=length):
                self.answers[stream].body += data
                if self.grants:
                    self.connection.acknowledge_received_data(length, stream)
            case h2.events.TrailersReceived(stream_id=stream, headers=fields):
                self.answers[stream].trailers = text(fields)
            case h2.events.StreamEnded(stream_id=stream):
                self.answers[stream].is_whole = True
            case h2.events.StreamReset(stream_id=stream, error_code=code):
                self.answers[stream].reset = int(code)
            case h2.events.ConnectionTerminated(last_stream_id=last, error_code=code):
                self.farewells.append((last or 0, int(code or 0)))
                # The library takes a farewell for the end, but what was asked before is still answered.
                self.connection.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
