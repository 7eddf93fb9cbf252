"""Requests are followed as they come, by whom it is for, and for nobody else's account."""

import http.client
import socket
from collections.abc import Iterator

import pytest

from tests.admin.api import Api, api_of
from tests.admin.follower import PATIENCE, Follower
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.requests import ask_many, get

LOGS = "/api/v1/logs"
FILES = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
{kind: Route, name: hello, path: /hello/*, steps: [{kind: Respond, status: 200, body: hi}]}
---
{kind: Route, name: bad, path: /bad/*, steps: [{kind: Respond, status: 503, body: no}]}
"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(FILES, "--admin", "127.0.0.1:0", "--node", "first", workers=2) as started:
        yield started


@pytest.fixture
def api(gateway: GatewayProcess) -> Api:
    return api_of(gateway)


def test_every_request_appears_once_though_there_is_no_access_log(api: Api, gateway: GatewayProcess) -> None:
    with Follower(api) as follower:
        assert follower.nodes[0] == {"node": "first", "workers": 2}
        assert ask_many(gateway.port(), "/hello/x", 100) == {200: 100}
        get(gateway.port(), "/bad/y")
        get(gateway.port(), "/nowhere")
        found = follower.until(102)
    assert len({one["id"] for one in found}) == len(found) == 102
    assert sorted({(one["path"], one["status"], one["route"]) for one in found}) == [
        ("/bad/y", 503, "bad"),
        ("/hello/x", 200, "hello"),
        ("/nowhere", 404, ""),
    ]
    assert follower.dropped == 0


CASES = [
    ({"route": "hello"}, ["/hello/a", "/hello/b"]),
    ({"route": "bad,none"}, ["/bad/c"]),
    ({"status": "5xx,404"}, ["/bad/c", "/other"]),
    ({"status": "200"}, ["/hello/a", "/hello/b"]),
    ({"method": "POST"}, ["/hello/b"]),
    ({"host": "Shop.test"}, ["/bad/c"]),
    ({"path": "/hello/b"}, ["/hello/b"]),
    ({"client": "127.0.0.0/8", "status": "404"}, ["/other"]),
    ({"client": "192.0.2.1"}, []),
    ({"slower": "1h"}, []),
    ({"where": 'request.headers["x-mark"] == "1" and response.status < 400'}, ["/hello/a"]),
]


@pytest.mark.parametrize(("asked", "paths"), CASES, ids=[str(asked) for asked, _ in CASES])
def test_only_what_is_asked_for_is_shown(
    api: Api, gateway: GatewayProcess, asked: dict[str, str], paths: list[str]
) -> None:
    # The second listener tells when everything has been.
    with Follower(api, **asked) as follower, Follower(api) as all_of_them:
        for method, path, headers in (
            ("GET", "/hello/a", {"x-mark": "1"}),
            ("POST", "/hello/b", {}),
            ("GET", "/bad/c", {"host": "shop.test"}),
            ("GET", "/other", {"x-mark": "1"}),
        ):
            send(gateway.port(), method, path, headers)
        all_of_them.until(4)
        assert sorted(follower.paths(len(paths))) == paths


def send(port: int, method: str, path: str, headers: dict[str, str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, headers=headers)
    connection.getresponse().read()
    connection.close()


WRONG = [
    ("status=abc", 400, "write a status such as 503, or a class such as 5xx"),
    ("client=shop", 400, "client: not an IP address"),
    ("slower=fast", 400, "slower: "),
    ("method=G%20T", 400, "write one such as POST"),
    ("where=request.methd", 400, "did you mean `method`?"),
    ("rate=many", 400, "rate: write a number"),
]


@pytest.mark.parametrize(("query", "status", "says"), WRONG)
def test_what_cannot_be_understood_is_told(api: Api, query: str, status: int, says: str) -> None:
    answer = api.ask("GET", f"{LOGS}?{query}")
    assert answer.status == status
    assert says in answer.data["detail"]


def test_g13_more_than_may_be_shown_is_dropped_and_counted(api: Api, gateway: GatewayProcess) -> None:
    with Follower(api, rate="10") as follower:
        assert ask_many(gateway.port(), "/hello/x", 200) == {200: 200}
        wait_until(lambda: len(follower.requests) + follower.dropped >= 200, PATIENCE)
    assert len(follower.requests) + follower.dropped == 200
    assert follower.dropped > 0


def test_a_listener_that_stands_still_costs_the_others_and_the_requests_nothing(
    api: Api, gateway: GatewayProcess
) -> None:
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as silent:
        # It takes nothing of what it asked for.
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        head = f"GET {LOGS} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {api.token}\r\n\r\n"
        silent.sendall(head.encode())
        with Follower(api) as follower:
            for _ in range(10):
                assert ask_many(gateway.port(), "/hello/" + "x" * 4000, 100) == {200: 100}
            wait_until(lambda: len(follower.requests) + follower.dropped >= 1000, PATIENCE)
            assert len(follower.requests) + follower.dropped == 1000


def test_as_many_may_follow_as_may_and_no_more_and_who_leaves_makes_room(api: Api) -> None:
    followers = [Follower(api) for _ in range(16)]
    try:
        for follower in followers:
            follower.__enter__()
        refused = api.ask("GET", LOGS)
        assert (refused.status, refused.headers["retry-after"]) == (429, "10")
    finally:
        for follower in followers:
            follower.__exit__()

    wait_until(lambda: status(api) == 200, PATIENCE)


def status(api: Api) -> int:
    """That of an answer of which no more is read, for it does not end."""
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=PATIENCE)
    try:
        connection.request("GET", LOGS, headers={"authorization": f"Bearer {api.token}"})
        return connection.getresponse().status
    finally:
        connection.close()
