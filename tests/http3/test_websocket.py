"""The good-bye of a draining worker within a stream of HTTP/3."""

import signal
import time

from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from tests.http3.configurations import speaking
from tests.servers.gateway_process import GatewayProcess
from tests.servers.http2_client import PATIENCE
from tests.servers.http3_client import DATA, HEADERS, Http3Client, headers
from tests.servers.websocket_origin import WebSocketOrigin

GOING_AWAY = 1001
ASKING = [
    (":method", "CONNECT"),
    (":protocol", "websocket"),
    (":scheme", "https"),
    (":authority", "shop.test"),
    (":path", "/"),
    ("sec-websocket-version", "13"),
]


class WebSocket:
    """A connection in a stream of its own."""

    def __init__(self, client: Http3Client) -> None:
        self.client = client
        self.stream = client.quic.get_next_available_stream_id()
        client.send_frame(self.stream, HEADERS, headers(ASKING))
        self.answer = client.answers[self.stream]
        client.until(lambda: bool(self.answer.status))
        self.protocol = Protocol(Side.CLIENT, state=State.OPEN, max_size=None)
        self.frames: list[Frame] = []
        self._fed = 0

    def flush(self) -> None:
        for piece in self.protocol.data_to_send():
            if piece:
                self.client.send_frame(self.stream, DATA, piece)
            else:
                self.client.send_bytes(self.stream, b"", ends=True)

    def take(self) -> Frame:
        """The next frame."""
        late = time.monotonic() + PATIENCE
        while not self.frames:
            assert time.monotonic() < late, self.answer
            fresh = self.answer.body[self._fed :]
            if not fresh:
                self.client.move(late)
                continue
            self._fed += len(fresh)
            self.protocol.receive_data(fresh)
            self.frames += [event for event in self.protocol.events_received() if isinstance(event, Frame)]
            self.flush()
        return self.frames.pop(0)


def test_a_worker_that_drains_says_good_bye() -> None:
    with (
        WebSocketOrigin() as origin,
        GatewayProcess(speaking(origin.url), "--grace", "5s", workers=1) as gateway,
        Http3Client(gateway.port()) as client,
    ):
        opened = WebSocket(client)
        gateway.signal(signal.SIGTERM)
        while opened.take().opcode is not Opcode.CLOSE:
            pass
        assert opened.protocol.close_rcvd
        assert opened.protocol.close_rcvd.code == GOING_AWAY
