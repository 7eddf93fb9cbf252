"""A client of WebSocket within a stream of HTTP/2 (RFC 8441), on two well-known libraries: one for each layer."""

from collections.abc import Iterable
from typing import Self

from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from tests.servers.http2_client import Fields, Http2Client


def request(path: str = "/", fields: Fields = (), *, protocol: str = "websocket") -> list[tuple[str, str]]:
    """The head that asks for a connection."""
    pseudo = [(":method", "CONNECT"), (":protocol", protocol), (":scheme", "http"), (":path", path)]
    return [*pseudo, (":authority", "a.test"), ("sec-websocket-version", "13"), *fields]


def ask(client: Http2Client, head: Fields) -> int:
    """Send a head and wait for the answer's, or for the stream's end; gives the stream."""
    stream = client.connection.get_next_available_stream_id()
    client.send_head(stream, head, ends=False)
    answer = client.answers[stream]
    while not (answer.status or answer.reset is not None or client.is_closed):
        client.receive()
    return stream


class Http2WebSocket:
    """One connection, in a stream of its own."""

    def __init__(self, client: Http2Client, path: str = "/", fields: Fields = ()) -> None:
        self.client = client
        self.stream = ask(client, request(path, fields))
        self.answer = client.answers[self.stream]
        assert self.answer.status == 200, self.answer
        self.protocol = Protocol(Side.CLIENT, state=State.OPEN, max_size=None)
        self.frames: list[Frame] = []
        """Frames that came and were not taken."""
        self._fed = 0
        self._has_ended = False

    def send(self, message: str | bytes | Iterable[str]) -> None:
        """Send a message; of several texts, one in as many fragments."""
        match message:
            case str():
                self.protocol.send_text(message.encode())
            case bytes():
                self.protocol.send_binary(message)
            case _:
                first, *others = [piece.encode() for piece in message]
                self.protocol.send_text(first, fin=False)
                for piece in others:
                    self.protocol.send_continuation(piece, fin=False)
                self.protocol.send_continuation(b"", fin=True)
        self.flush()

    def ping(self, payload: bytes = b"") -> None:
        """Ask whether the endpoint is there."""
        self.protocol.send_ping(payload)
        self.flush()

    def close(self, code: int = 1000) -> None:
        """Say good-bye and wait until the other side has."""
        self.protocol.send_close(code)
        self.flush()
        self.finish()

    def flush(self) -> None:
        """Send what the library wants sent."""
        for piece in self.protocol.data_to_send():
            if piece:
                self.client.send_body(self.stream, piece, ends=False)
            elif not self._has_ended:
                self._has_ended = True
                self.client.send_body(self.stream, b"")

    def receive(self) -> None:
        """Take what came, and wait for more of this stream or another if nothing has."""
        if not self._feed():
            self.client.receive()
            self._feed()

    def _feed(self) -> bool:
        fresh = self.answer.body[self._fed :]
        self._fed += len(fresh)
        if fresh and self.protocol.state is not State.CLOSED:
            self.protocol.receive_data(fresh)
        if self.answer.is_whole:
            self.protocol.receive_eof()
        self.frames += [event for event in self.protocol.events_received() if isinstance(event, Frame)]
        if self.answer.reset is None:
            self.flush()
        return bool(fresh)

    def take(self) -> Frame:
        """The next frame, whatever it is."""
        while not self.frames:
            self.receive()
            has_ended = self.answer.is_whole or self.answer.reset is not None or self.client.is_closed
            assert self.frames or not has_ended, self.answer
        return self.frames.pop(0)

    def message(self) -> bytes:
        """The next message, over all its frames; pings and pongs between are passed over."""
        found = b""
        while True:
            frame = self.take()
            if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                found += frame.data
                if frame.fin:
                    return found

    def finish(self) -> Self:
        """Take everything up to the end of the stream."""
        while not (self.answer.is_whole or self.answer.reset is not None or self.client.is_closed):
            self.receive()
        self._feed()
        return self

    @property
    def close_code(self) -> int | None:
        """What the other side has said for good-bye."""
        return self.protocol.close_rcvd.code if self.protocol.close_rcvd else None
