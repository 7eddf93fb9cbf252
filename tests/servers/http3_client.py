"""A client of HTTP/3, on a well-known library; it can also send what that library would not."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterable
from typing import Self

from aioquic._buffer import Buffer, BufferReadError
from aioquic.buffer import encode_uint_var
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import (
    ConnectionTerminated,
    HandshakeCompleted,
    QuicEvent,
    StopSendingReceived,
    StreamDataReceived,
    StreamReset,
)
from aioquic.tls import SessionTicket

from tests.servers.http2_client import PATIENCE, Answer, Fields, text
from tests.servers.tls_client import AUTHORITY

DATA, HEADERS, SETTINGS, GOAWAY = 0x0, 0x1, 0x4, 0x7
MOST_DATAGRAM = 65536


class _Http(H3Connection):
    """The library's own, which leaves judging to tests."""

    def _check_content_length(self, stream: object) -> None:
        """The library does not know that an answer to HEAD has no body, whatever its length."""


class Closed(Exception):  # noqa: N818 - says what happened
    """The connection has ended."""


class Http3Client:
    """One connection, without a thread: whoever waits for something moves it on."""

    def __init__(
        self,
        port: int,
        *,
        name: str | None = "shop.test",
        alpn: list[str] | None = None,
        http: bool = True,
        tune: Callable[[QuicConfiguration], None] = lambda _: None,
        host: str = "127.0.0.1",
        before: Callable[[QuicConnection], None] = lambda _: None,
        waits: bool = True,
        on_ticket: Callable[[SessionTicket], None] | None = None,
        first: Callable[[Self], object] = lambda _: None,
    ) -> None:
        configuration = QuicConfiguration(is_client=True, alpn_protocols=alpn if alpn is not None else H3_ALPN)
        configuration.load_verify_locations(cafile=str(AUTHORITY))
        configuration.server_name = name
        tune(configuration)
        self.peer = (host, port)
        self.socket = self.fresh_socket()
        self.quic = QuicConnection(configuration=configuration, session_ticket_handler=on_ticket)
        self.answers: dict[int, Answer] = {}
        self.stopped: dict[int, int] = {}
        """The error codes with which the gateway asked for no more of a stream."""
        self.events: list[QuicEvent] = []
        self.end: ConnectionTerminated | None = None
        self.single: dict[int, bytearray] = {}
        """What came in the gateway's streams of one direction."""
        self.was_reset = False
        """Whether the gateway has said that it knows nothing of this connection: the library does not look for that."""
        self.before_flush: Callable[[], None] = lambda: None
        self.is_ready = False
        self.is_refused = False
        """Whether the system has said that nobody takes datagrams there."""
        before(self.quic)
        self.http = _Http(self.quic) if http else None
        self.quic.connect(self.peer, now=time.monotonic())
        first(self)
        self.flush()
        if waits:
            self.until(lambda: self.is_ready)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.quic.close()
        self.flush()
        self.socket.close()

    def fresh_socket(self, source: str = "127.0.0.1") -> socket.socket:
        """A socket of a port that was not used before."""
        kind = socket.AF_INET6 if ":" in self.peer[0] else socket.AF_INET
        made = socket.socket(kind, socket.SOCK_DGRAM)
        made.bind(("::1" if kind == socket.AF_INET6 else source, 0))
        # Connected, so that it hears of a port that nobody has.
        made.connect(self.peer)
        made.settimeout(0)
        return made

    def rebind(self, source: str = "127.0.0.1") -> None:
        """Go on from another port, as behind a box that has forgotten the first one, or from another address."""
        self.socket.close()
        self.socket = self.fresh_socket(source)

    @property
    def farewells(self) -> list[int]:
        """The numbers of each GOAWAY, which the library keeps to itself."""
        found: list[int] = []
        for data in self.single.values():
            buffer = Buffer(data=bytes(data))
            with contextlib.suppress(BufferReadError):
                is_control = buffer.pull_uint_var() == 0
                while is_control:
                    kind, payload = buffer.pull_uint_var(), buffer.pull_bytes(buffer.pull_uint_var())
                    if kind == GOAWAY:
                        found.append(Buffer(data=payload).pull_uint_var())
        return found

    def begin(
        self, path: str = "/", *, host: str = "shop.test", method: str = "GET", fields: Fields = (), ends: bool = True
    ) -> int:
        """Send the head of a request; gives its stream."""
        stream = self.quic.get_next_available_stream_id()
        pseudo = [(":method", method), (":scheme", "https"), (":authority", host), (":path", path)]
        self.send_head(stream, [*pseudo, *fields], ends=ends)
        return stream

    def send_head(self, stream: int, fields: Fields, *, ends: bool = True) -> None:
        """Send any fields as a head, or as trailers where the stream has one."""
        assert self.http
        self.answers.setdefault(stream, Answer())
        block = self.http._encode_headers(stream, [(name.encode(), value.encode()) for name, value in fields])
        self.send_frame(stream, HEADERS, block, ends=ends)

    def send_frame(self, stream: int, kind: int, payload: bytes, *, ends: bool = False) -> None:
        """Send a frame past the library's rules of order."""
        self.send_bytes(stream, encode_uint_var(kind) + encode_uint_var(len(payload)) + payload, ends=ends)

    def send_bytes(self, stream: int, data: bytes, *, ends: bool = False) -> None:
        """Send bytes of a stream past the library."""
        self.answers.setdefault(stream, Answer())
        self.quic.send_stream_data(stream, data, end_stream=ends)
        self.flush()

    def send_body(self, stream: int, body: bytes, *, ends: bool = True) -> None:
        """Send a body in one frame; the connection below waits for what it is granted."""
        self.send_frame(stream, DATA, body, ends=ends)

    def reset(self, stream: int, code: int = 0x10C) -> None:
        """Give both ways of a stream up."""
        self.quic.reset_stream(stream, code)
        self.quic.stop_stream(stream, code)
        self.flush()

    def get(self, path: str = "/", fields: Fields = ()) -> Answer:
        """Ask and wait for the answer."""
        return self.answer(self.begin(path, fields=fields))

    def answer(self, stream: int) -> Answer:
        """Wait until a stream has ended in whatever way."""
        answer = self.answers[stream]
        self.until(lambda: answer.is_whole or answer.reset is not None or self.end is not None)
        return answer

    def finish(self) -> ConnectionTerminated:
        """Wait for the end of the connection, and say what it was."""
        self.until(lambda: self.end is not None)
        assert self.end
        return self.end

    def until(self, has_come: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Move the connection on until something is the case.

        Raises: TimeoutError if it does not come to be; Closed if the connection ends before.
        """
        late = time.monotonic() + patience
        while not has_come():
            if time.monotonic() > late:
                raise TimeoutError
            if self.end is not None:
                raise Closed(self.end)
            self.move(late)

    def move(self, late: float) -> None:
        """Take one datagram, or what time brings."""
        timer = self.quic.get_timer()
        now = time.monotonic()
        wait = min(late, timer if timer is not None else late) - now
        self.socket.settimeout(max(wait, 0.001))
        try:
            data, _ = self.socket.recvfrom(MOST_DATAGRAM)
        except (TimeoutError, BlockingIOError):
            self.quic.handle_timer(now=time.monotonic())
        except ConnectionRefusedError:
            self.is_refused = True
        else:
            self.was_reset = self.was_reset or data[-16:] in self._reset_tokens()
            self.quic.receive_datagram(data, self.peer, now=time.monotonic())
        self._take_events()
        self.flush()

    def is_due(self) -> bool:
        """Whether time has brought something."""
        timer = self.quic.get_timer()
        return timer is not None and timer <= time.monotonic()

    def flush(self) -> None:
        """Send what is to be sent."""
        self.before_flush()
        for data, _ in self.quic.datagrams_to_send(now=time.monotonic()):
            self.send_datagram(data)

    def send_datagram(self, data: bytes) -> None:
        """Send one datagram."""
        self.socket.settimeout(PATIENCE)
        with contextlib.suppress(ConnectionRefusedError):
            self.socket.send(data)

    def _reset_tokens(self) -> set[bytes]:
        known = [self.quic._peer_cid, *self.quic._peer_cid_available]
        return {one.stateless_reset_token for one in known} - {b""}

    def _take_events(self) -> None:
        # The library tells of an end only once it has also waited for what may still be on its way.
        self.end = self.end or self.quic._close_event
        while (event := self.quic.next_event()) is not None:
            self.events.append(event)
            match event:
                case HandshakeCompleted():
                    self.is_ready = True
                case ConnectionTerminated():
                    self.end = event
                case StreamReset(stream_id=stream, error_code=code):
                    self.answers.setdefault(stream, Answer()).reset = code
                case StreamDataReceived(stream_id=stream, data=data) if stream & 3 == 3:
                    self.single.setdefault(stream, bytearray()).extend(data)
                case StopSendingReceived(stream_id=stream, error_code=code):
                    self.stopped[stream] = code
            if self.http and self.end is None:
                for seen in self.http.handle_event(event):
                    self._take(seen)

    def _take(self, event: H3Event) -> None:
        match event:
            case HeadersReceived(headers=headers, stream_id=stream, stream_ended=ends):
                fields, answer = text(headers), self.answers.setdefault(stream, Answer())
                if answer.status:
                    answer.trailers = fields
                elif fields[":status"].startswith("1"):
                    answer.interim.append(int(fields[":status"]))
                else:
                    answer.fields, answer.status = fields, int(fields[":status"])
                answer.is_whole = ends
            case DataReceived(data=data, stream_id=stream, stream_ended=ends):
                self.answers[stream].body += data
                self.answers[stream].is_whole = ends


def numbers(*values: int) -> bytes:
    """Numbers of variable length, one behind the other."""
    return b"".join(encode_uint_var(value) for value in values)


def headers(fields: Iterable[tuple[str, str]]) -> bytes:
    """A header block without any table: each line is spelt out."""
    found = bytearray(b"\x00\x00")
    for name, value in fields:
        found += _prefixed(0x20, 3, name.encode()) + _prefixed(0, 7, value.encode())
    return bytes(found)


def _prefixed(pattern: int, prefix: int, text: bytes) -> bytes:
    most, length = (1 << prefix) - 1, len(text)
    if length < most:
        return bytes([pattern | length]) + text
    rest, found = length - most, bytearray([pattern | most])
    while rest >= 0x80:
        found.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes(found) + bytes([rest]) + text
