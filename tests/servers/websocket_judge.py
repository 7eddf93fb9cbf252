"""A WebSocket endpoint without threads between its frames: what it answers depends on the bytes that came alone."""

import contextlib
import socket

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from tests.servers.raw_origin import Caller


class _Judge:
    """Says every frame back; the library judges frames and closes, this class whether text is text."""

    def __init__(self) -> None:
        self.protocol = ServerProtocol(max_size=None)
        self.text: bytes | None = None
        """What came of a text under way."""

    def take(self, data: bytes) -> None:
        if data:
            self.protocol.receive_data(data)
        else:
            self.protocol.receive_eof()
        for event in self.protocol.events_received():
            if isinstance(event, Request):
                self.protocol.send_response(self.protocol.accept(event))
            elif isinstance(event, Frame) and self.protocol.state is State.OPEN:
                self._echo(event)

    def _echo(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT:
                self.text = b""
                self.protocol.send_text(frame.data, frame.fin)
            case Opcode.BINARY:
                self.protocol.send_binary(frame.data, frame.fin)
            case Opcode.CONT:
                self.protocol.send_continuation(frame.data, frame.fin)
            case _:
                return
        if self.text is not None:
            self.text += bytes(frame.data)
            if frame.fin:
                self._check_text(self.text)
                self.text = None

    def _check_text(self, text: bytes) -> None:
        try:
            text.decode()
        except UnicodeDecodeError:
            self.protocol.fail(CloseCode.INVALID_DATA)


def judge(caller: Caller) -> None:
    """The script of an endpoint that serves one connection."""
    one = _Judge()
    is_open = True
    while is_open:
        is_open = caller.read()
        data, caller.unread = caller.unread, b""
        # Byte by byte: the library answers a close before it hands out the frames that came with it.
        for byte in data:
            one.take(bytes([byte]))
        if not is_open:
            one.take(b"")
        for piece in one.protocol.data_to_send():
            if piece:
                caller.send(piece)
            else:
                with contextlib.suppress(OSError):
                    caller.stream.shutdown(socket.SHUT_WR)
