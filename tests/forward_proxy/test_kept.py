"""Connections of the proxy that are kept for further requests to the same destination."""

import socket
from collections.abc import Iterator

import pytest

from penstock import Gateway
from tests.forward_proxy.test_forward_proxy import REACHING, number, proxy
from tests.servers.raw_origin import Caller, RawOrigin

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@pytest.fixture
def through() -> Iterator[int]:
    with Gateway(proxy(allow=REACHING)) as gateway:
        yield number(gateway.url)


def ask(through: int, origin: RawOrigin, host: str = "127.0.0.1", *, method: str = "GET", fields: str = "") -> bytes:
    """The answer to a request, on a connection of its own with the proxy."""
    authority = f"{host}:{number(origin.url)}"
    with socket.create_connection(("127.0.0.1", through), 15) as client:
        wish = f"{method} http://{authority}/ HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n"
        client.sendall(f"{wish}{fields}\r\n".encode())
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_requests_to_one_destination_share_a_connection_whoever_asks(through: int) -> None:
    with RawOrigin.answering(ANSWER) as origin:
        for _ in range(5):
            assert ask(through, origin).endswith(b"ok")
        assert len(origin.callers) == 1
        assert origin.callers[0].received.lower().count(b"via: 1.1 penstock") == 5


def test_another_name_for_the_same_address_has_another_connection(through: int) -> None:
    with RawOrigin.answering(ANSWER) as origin:
        for host in ("127.0.0.1", "localhost", "127.0.0.1", "localhost"):
            assert ask(through, origin, host).endswith(b"ok")
        assert [caller.received.count(b"GET ") for caller in origin.callers] == [2, 2]


def test_who_shows_credentials_to_the_destination_shares_nothing(through: int) -> None:
    """As NTLM has it, they would speak for whoever comes next."""
    with RawOrigin.answering(ANSWER) as origin:
        for fields in ("authorization: NTLM abc\r\n", "", "authorization: NTLM abc\r\n", ""):
            assert ask(through, origin, fields=fields).endswith(b"ok")
        assert [b"NTLM" in caller.received for caller in origin.callers] == [True, False, True]


def test_a_kept_connection_that_was_closed_costs_no_request(through: int) -> None:
    """It closes with the second request upon it, as one that was closed while that was on its way."""

    def script(caller: Caller) -> None:
        caller.until(b"\r\n\r\n")
        caller.send(ANSWER)
        caller.until(b"\r\n\r\n")

    with RawOrigin(script) as origin:
        for _ in range(4):
            assert ask(through, origin).endswith(b"ok")
        received = [caller.received.lower() for caller in origin.callers]
        assert [one.count(b"get /") for one in received] == [2, 2, 2, 1]
        assert all(one.count(b"via:") == one.count(b"get /") for one in received)


def test_what_may_not_be_sent_twice_is_not(through: int) -> None:
    def script(caller: Caller) -> None:
        caller.until(b"\r\n\r\n")
        caller.send(ANSWER)
        caller.until(b"\r\n\r\n")

    with RawOrigin(script) as origin:
        assert ask(through, origin).endswith(b"ok")
        found = ask(through, origin, method="POST", fields="content-length: 0\r\n")
        assert found.startswith(b"HTTP/1.1 502 ")
        assert len(origin.callers) == 1


def test_an_answer_that_ends_with_its_connection_leaves_none(through: int) -> None:
    def script(caller: Caller) -> None:
        caller.until(b"\r\n\r\n")
        caller.send(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok")

    with RawOrigin(script) as origin:
        for _ in range(3):
            assert ask(through, origin).endswith(b"2\r\nok\r\n0\r\n\r\n")
        assert len(origin.callers) == 3


def test_what_is_judged_is_judged_for_each_request() -> None:
    """A kept connection opens no door that the rules have shut since."""
    with RawOrigin.answering(ANSWER) as origin:
        listener, route = proxy(allow=REACHING)
        route["steps"].insert(0, {"kind": "ForwardProxy", "name": "no", "when": "request.query.no == '1'"})
        route["steps"][0]["on"] = {"refused": "end"}
        with Gateway([listener, route]) as gateway:
            through, authority = number(gateway.url), f"127.0.0.1:{number(origin.url)}"
            assert ask(through, origin).endswith(b"ok")
            with socket.create_connection(("127.0.0.1", through), 15) as client:
                client.sendall(f"GET http://{authority}/?no=1 HTTP/1.1\r\nhost: {authority}\r\n\r\n".encode())
                assert b" 403 " in client.recv(65536).split(b"\r\n")[0]
            assert len(origin.callers) == 1
            assert origin.callers[0].received.count(b"GET ") == 1


def test_destinations_without_number_are_served_and_only_some_are_kept(through: int) -> None:
    """Clients may name any number; each name of this machine is a destination of its own."""
    with RawOrigin.answering(ANSWER) as origin:
        hosts = [f"127.{index // 250}.0.{index % 250 + 1}" for index in range(300)]
        with RawOriginEverywhere(origin) as everywhere:
            for _ in range(2):
                for host in hosts:
                    assert ask(through, everywhere, host).endswith(b"ok")
            assert len(everywhere.callers) == 256 + 2 * (len(hosts) - 256)


class RawOriginEverywhere(RawOrigin):
    """Answers at every address of this machine."""

    def __init__(self, like: RawOrigin) -> None:
        super().__init__(like._script)
        self._listener.close()
        self._listener = socket.create_server(("0.0.0.0", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
