"""Clients of every protocol at once, which ask all the time and note whatever goes wrong."""

import http.client
import queue
import select
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Self

import grpc

from tests.http3.configurations import speaking
from tests.servers.grpc_origin import SERVICE
from tests.servers.http2_client import Http2Client
from tests.servers.http3_client import Closed, Http3Client
from tests.servers.load import Load
from tests.servers.tunnels import Tunnels
from tests.servers.websocket_client import open_websocket

PAUSE_SECONDS = 0.02
UPLOAD_BYTES = 2 * 1024 * 1024
REFUSED_STREAM, REQUEST_REJECTED = 0x7, 0x10B


def configuration(origin: str, calls: str, sockets: str, mark: str = "1") -> str:
    """Listeners of clear text and of TLS before an origin, a service of gRPC and one of WebSocket."""
    return f"""
kind: Listener
name: clear
address: 127.0.0.1:0
protocols: [http1, h2c]
---
kind: Route
name: calls
path: /{SERVICE}/*
to: {calls}
---
kind: Route
name: sockets
path: /
to: {sockets}
---
{speaking(origin)}
---
kind: Route
name: mark
path: /mark
steps: [{{kind: Respond, status: 200, headers: {{x-mark: "{mark}"}}}}]
"""


def has_said_farewell(client: Http2Client) -> bool:
    """Whether the gateway has said that it takes no more, by all that has come so far."""
    while not client.is_closed and select.select([client.socket], [], [], 0)[0]:
        client.receive()
    assert client.farewells or not client.is_closed, "closed without a word"
    return bool(client.farewells)


class MixedLoad:
    """Clients of HTTP/1.1 (kept and fresh), HTTP/2 and HTTP/3, a WebSocket, a stream of gRPC, tunnels, and uploads.

    `wrong` says what went wrong, `done` counts what was answered, by client.
    """

    def __init__(self, clear: int, enciphered: int) -> None:
        self.clear, self.enciphered = clear, enciphered
        self.wrong: list[str] = []
        self.done: dict[str, int] = {}
        self.cut_handshakes: list[str] = []
        """Of HTTP/3: those that the gateway has ended before they were done."""
        self.load = Load(clear, kept=3, pause=PAUSE_SECONDS)
        self.tunnels = Tunnels(clear, 3)
        self._ending = threading.Event()
        loops = (self._http2, self._http3, self._websocket, self._call, self._upload)
        self._threads = [threading.Thread(target=self._run, args=(loop,), daemon=True) for loop in loops]
        self._open: list[AbstractContextManager[Any]] = [self.load, self.tunnels]

    def __enter__(self) -> Self:
        for one in self._open:
            one.__enter__()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()
        for one in self._open:
            one.__exit__(None, None, None)

    def all_went_well(self) -> None:
        """Nothing was refused, reset or lost, and every client was answered."""
        assert (self.wrong, self.cut_handshakes) == ([], [])
        losses = self.load.losses
        assert (losses.lost, losses.dropped) == ([], 0)
        assert self.tunnels.broken == []
        assert self.done.keys() == {"_http2", "_http3", "_websocket", "_call", "_upload"}
        assert min(self.done.values()) > 0, self.done

    def answered(self) -> int:
        """How often somebody was answered."""
        return sum(self.done.values()) + self.load.losses.answered + self.tunnels.echoes

    def all_are_answered_again(self) -> Callable[[], bool]:
        """Tells whether each of the clients has been answered since now."""
        before = dict(self.done)
        return lambda: all(self.done.get(loop.__name__, 0) > before.get(loop.__name__, 0) + 1 for loop in self._loops())

    def _loops(self) -> tuple[Callable[[], None], ...]:
        return (self._http2, self._http3, self._websocket, self._call, self._upload)

    def _run(self, loop: Callable[[], None]) -> None:
        try:
            loop()
        except Exception as problem:  # noqa: BLE001 - whatever it is, a client was not served
            self.wrong.append(f"{loop.__name__}: {type(problem).__name__}: {problem}")

    def _did(self, loop: Callable[[], None]) -> None:
        self.done[loop.__name__] = self.done.get(loop.__name__, 0) + 1
        time.sleep(PAUSE_SECONDS)

    def _http2(self) -> None:
        while not self._ending.is_set():
            with Http2Client(self.clear) as client:
                while not (self._ending.is_set() or has_said_farewell(client)):
                    stream = client.begin("/two")
                    answer = client.answer(stream)
                    if answer.reset == REFUSED_STREAM or (client.farewells and stream > client.farewells[-1][0]):
                        # The gateway has said that it knows nothing of this one: it is asked again.
                        break
                    assert (answer.status, answer.body, answer.is_whole) == (200, b"/two", True), answer
                    self._did(self._http2)

    def _http3(self) -> None:
        while not self._ending.is_set():
            with Http3Client(self.enciphered, waits=False) as client:
                try:
                    client.until(partial(getattr, client, "is_ready"))
                except Closed as closed:
                    self.cut_handshakes.append(str(closed))
                    continue
                while not (self._ending.is_set() or client.farewells):
                    stream = client.begin("/three")
                    answer = client.answer(stream)
                    if answer.reset == REQUEST_REJECTED or (client.end is not None and not answer.is_whole):
                        # Only what the farewell did not count among what is answered: nothing of it was done.
                        assert answer.reset or client.farewells, client.end
                        assert answer.reset or stream >= client.farewells[-1], (client.end, client.farewells, stream)
                        break
                    assert (answer.status, answer.body, answer.is_whole) == (200, b"/three", True), answer
                    self._did(self._http3)

    def _websocket(self) -> None:
        with open_websocket(self.clear) as connection:
            number = 0
            while not self._ending.is_set():
                number += 1
                connection.send(f"message {number}")
                assert connection.recv(15) == f"message {number}"
                self._did(self._websocket)

    def _call(self) -> None:
        with grpc.insecure_channel(f"127.0.0.1:{self.clear}") as channel:
            sent: queue.Queue[bytes | None] = queue.Queue()
            chat: Any = channel.stream_stream(f"/{SERVICE}/Chat")
            answers = chat(iter(sent.get, None))
            number = 0
            while not self._ending.is_set():
                number += 1
                sent.put(b"message %d" % number)
                assert next(answers) == b"message %d" % number
                self._did(self._call)
            sent.put(None)
            assert list(answers) == []

    def _upload(self) -> None:
        piece = bytes(64 * 1024)
        while not self._ending.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.clear, timeout=30)
            connection.putrequest("POST", "/upload")
            connection.putheader("content-length", str(UPLOAD_BYTES))
            connection.endheaders()
            for _ in range(UPLOAD_BYTES // len(piece)):
                connection.send(piece)
                self._ending.wait(PAUSE_SECONDS)
            assert connection.getresponse().read() == str(UPLOAD_BYTES).encode()
            connection.close()
            self._did(self._upload)
