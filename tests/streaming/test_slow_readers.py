"""Clients that do not read: the endpoint has to wait, and so it is not for ever (G3)."""

import socket
import time
from typing import Any

import pytest

from penstock import Gateway
from tests.servers.gateway_process import wait_until
from tests.servers.http2_client import Http2Client
from tests.servers.raw_origin import Caller, RawOrigin

BODY = 256 << 20
PIECE = bytes(1 << 16)


def before(url: str) -> list[dict[str, Any]]:
    listener = {"kind": "Listener", "name": "web", "address": "127.0.0.1:0", "protocols": ["http1", "h2c"]}
    return [{**listener, "limits": {"send": "1s"}}, {"kind": "Route", "name": "all", "path": "/*", "to": url}]


class Endless:
    """A script that sends a body which nobody could hold, and counts what was taken of it."""

    def __init__(self) -> None:
        self.taken = 0

    def __call__(self, caller: Caller) -> None:
        caller.until(b"\r\n\r\n")
        caller.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % BODY)
        while self.taken < BODY and not caller.ended.is_set():
            caller.send(PIECE)
            self.taken += len(PIECE)


@pytest.mark.parametrize("protocol", ["http1", "h2c"])
def test_g3_a_client_that_does_not_read_is_given_up_and_holds_no_memory(protocol: str) -> None:
    script = Endless()
    with RawOrigin(script) as origin, Gateway(before(origin.url)) as gateway:
        port = int(gateway.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as stream:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            if protocol == "http1":
                stream.sendall(b"GET / HTTP/1.1\r\nhost: a.test\r\n\r\n")
            else:
                # Granted a window, but never a byte more; and what came is not read either.
                Http2Client(port, grants=False, over=stream).begin()
            began = time.monotonic()
            wait_until(lambda: origin.callers and origin.callers[0].ended.is_set(), 20)
            # The buffers of four sockets lie between them; the body itself would be far more.
            assert script.taken < BODY / 4
            assert time.monotonic() - began < 15
