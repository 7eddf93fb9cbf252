"""What two WebSocket peers say to each other passes the gateway as it is."""

import threading
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection
from websockets.typing import Subprotocol

from penstock import Gateway
from tests.servers.gateway_process import wait_until
from tests.servers.websocket_client import open_websocket
from tests.servers.websocket_origin import WebSocketOrigin
from tests.websocket.configurations import port, resources

MEBIBYTE = 1 << 20
SIZES = [0, 1, 125, 126, 127, 65535, 65536, MEBIBYTE]


@pytest.fixture(scope="module", params=[None, "deflate"], ids=["plain", "deflated"])
def between(request: pytest.FixtureRequest) -> Iterator[tuple[int, str | None]]:
    compression = request.param
    with WebSocketOrigin(compression=compression) as origin, Gateway(resources(origin.url)) as gateway:
        yield port(gateway), compression


@pytest.mark.parametrize("size", SIZES)
def test_messages_of_every_size_come_back(between: tuple[int, str | None], size: int) -> None:
    number, compression = between
    with open_websocket(number, compression=compression) as client:
        assert len(client.protocol.extensions) == (1 if compression else 0)
        for message in ("\u00e9" * (size // 2), bytes(index % 251 for index in range(size))):
            client.send(message)
            assert client.recv(15) == message


def test_fragments_stay_fragments(between: tuple[int, str | None]) -> None:
    number, compression = between
    with open_websocket(number, compression=compression) as client:
        fragments = ["one", "two", "", "three" * 50_000]
        client.send(fragments)
        assert [one for one in client.recv_streaming() if one] == [one for one in fragments if one]


def test_pings_are_answered_by_the_other_side_also_between_fragments(between: tuple[int, str | None]) -> None:
    number, compression = between
    with open_websocket(number, compression=compression) as client:
        answered: list[bool] = []

        def fragments() -> Iterator[str]:
            yield "before"
            answered.append(client.ping(b"here?").wait(15))
            yield "after"

        client.send(fragments())
        assert client.recv(15) == "beforeafter"
        assert answered == [True]


def test_both_agree_on_a_sub_protocol() -> None:
    offered = [Subprotocol("other"), Subprotocol("superchat")]
    with (
        WebSocketOrigin(subprotocols=["chat", "superchat"]) as origin,
        Gateway(resources(origin.url)) as gateway,
        open_websocket(port(gateway), subprotocols=offered) as client,
    ):
        assert client.subprotocol == "superchat"


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1011, 3000, 4999])
def test_a_close_passes_with_code_and_reason(code: int) -> None:
    def leave(connection: ServerConnection) -> None:
        connection.recv()
        connection.close(code, "that is all")

    with WebSocketOrigin() as origin, Gateway(resources(origin.url)) as gateway:
        with open_websocket(port(gateway)) as client:
            client.close(code, "that is all")
        assert (client.close_code, client.close_reason) == (code, "that is all")
        wait_until(lambda: origin.ends == [code])
    with (
        WebSocketOrigin(leave) as origin,
        Gateway(resources(origin.url)) as gateway,
        open_websocket(port(gateway)) as client,
    ):
        client.send("go")
        with pytest.raises(ConnectionClosed):
            client.recv(15)
        assert (client.close_code, client.close_reason) == (code, "that is all")


def test_a_peer_that_does_not_read_holds_the_other_back() -> None:
    piece, count = bytes(64 << 10), 640
    sent: list[int] = []

    def pour(connection: ServerConnection) -> None:
        for _ in range(count):
            connection.send(piece)
            sent.append(len(piece))
        assert connection.recv() == "all here"

    with (
        WebSocketOrigin(pour) as origin,
        Gateway(resources(origin.url)) as gateway,
        open_websocket(port(gateway), max_queue=1) as client,
    ):
        stood_still = threading.Event()
        seen = -1
        while not stood_still.wait(0.3):
            if len(sent) == seen:
                stood_still.set()
            seen = len(sent)
        assert 0 < seen < count, "sockets and one buffer hold what was sent"
        for _ in range(count):
            assert len(client.recv(15)) == len(piece)
        client.send("all here")
        client.close()
        wait_until(lambda: origin.ends == [1000])


def test_an_endpoint_that_does_not_read_holds_the_client_back() -> None:
    piece, count = bytes(64 << 10), 640
    reads = threading.Event()
    sent: list[int] = []

    def dam(connection: ServerConnection) -> None:
        assert reads.wait(30)
        for _ in range(count):
            assert len(connection.recv()) == len(piece)
        connection.send("all here")

    with (
        WebSocketOrigin(dam) as origin,
        Gateway(resources(origin.url)) as gateway,
        open_websocket(port(gateway)) as client,
    ):

        def pour() -> None:
            for _ in range(count):
                client.send(piece)
                sent.append(len(piece))

        pouring = threading.Thread(target=pour, daemon=True)
        pouring.start()
        seen = -1
        while len(sent) != seen:
            seen = len(sent)
            pouring.join(0.3)
        assert seen < count, "sockets and one buffer hold what was sent"
        reads.set()
        assert client.recv(30) == "all here"
        pouring.join(15)
        client.close()
        assert len(sent) == count


def test_a_connection_in_which_nothing_moves_ends_and_no_other_does() -> None:
    with (
        WebSocketOrigin() as origin,
        Gateway(resources(origin.url, limits={"idle": "600ms"})) as gateway,
        open_websocket(port(gateway)) as silent,
        open_websocket(port(gateway)) as chatty,
    ):
        for number in range(100):
            chatty.send(str(number))
            assert chatty.recv(15) == str(number)
            try:
                silent.recv(0.1)
            except TimeoutError:
                continue
            except ConnectionClosed:
                break
        assert silent.close_code == 1006
        chatty.close()
        assert chatty.close_code == 1000
