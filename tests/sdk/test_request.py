"""What a filter sees of a request and does to it, through a whole gateway."""

import ast
import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.sdk.probing import Answered, ask, probing
from tests.sdk.recorder import Recorder
from tests.servers.gateway_process import GatewayProcess

ACTIONS = ("facts", "inject", "keep", "use_kept", "from_thread", "objects", "empty", "read_body", "denied", "nothing")
STEPS = """
kind: Route
name: body
path: /body
steps: [{kind: Body}, {kind: Respond, status: 200, body: passed}]
---
kind: Route
name: parameters
path: /parameters/{id}/*
steps: [{kind: Probe, does: facts}]
---
kind: Route
name: jumps
path: /jumps/*
steps:
  - {kind: Probe, name: one, does: first, on: {first: far, second: near}}
  - {kind: Respond, name: near, status: 201}
  - {kind: Respond, name: far, status: 202}
---
kind: Route
name: goes-on
path: /goes-on
steps: [{kind: Probe, does: second}, {kind: Respond, status: 204}]
---
kind: Route
name: stamp
path: /stamp
steps: [{kind: Stamp}, {kind: Respond, status: 200, body: mine}]
"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with probing(ACTIONS, STEPS) as running:
        yield running


def facts(answer: Answered) -> dict[str, object]:
    found: dict[str, object] = ast.literal_eval(answer.text)
    return found


def test_a_filter_sees_the_request_decoded_and_normalised(gateway: GatewayProcess) -> None:
    headers = [("X-One", "1"), ("x-one", "2"), ("x-latin", "\xe9"), ("cookie", "a=b%20c; d=e+f"), ("cookie", "a=z")]
    seen = facts(ask(gateway, "/facts/./%41/../b%20c?a=1+2&b=%c3%a9&a=%ff&c", headers))
    assert seen == {
        "method": "GET",
        "path": "/facts/b%20c",
        "host": "shop.example.com",
        "client_ip": "127.0.0.1",
        "route": "facts",
        "query": [[("a", "1 2"), ("a", "\ufffd"), ("b", "\xe9"), ("c", "")], "1 2", ["1 2", "\ufffd"], True],
        "cookies": {"a": "b c", "d": "e+f"},
        "params": {"rest": "b c"},
        "header": ["1", ["1", "2"], True],
        "missing": [None, 7, False],
        "latin": "\xe9",
    }


def test_parameters_of_the_path_are_decoded(gateway: GatewayProcess) -> None:
    params = facts(ask(gateway, "/parameters/a%20b+c/x/y"))["params"]
    assert params == {"id": "a b+c", "rest": "x/y"}


def test_changed_headers_reach_the_upstream() -> None:
    with Recorder() as origin:
        steps = f"[{{kind: Probe, does: change}}, {{kind: Forward, to: {origin.url}}}]"
        with probing((), f"{{kind: Route, name: change, path: /change, steps: {steps}}}") as gateway:
            ask(gateway, "/change", {"x-one": "1", "X-GONE": "1"})
        head = origin.heads[-1]
        assert {name: value for name, value in head if name.startswith("x-one")} == {"x-one": "set"}
        assert [value for name, value in head if name == "x-two"] == ["a", "b\xe9"]
        assert [value for name, value in head if name == "x-missing"] == ["KeyError"]
        assert "x-gone" not in dict(head)


def test_j9_no_header_breaks_a_message(gateway: GatewayProcess) -> None:
    assert ask(gateway, "/inject").text == ""


def test_a_kept_request_shows_no_other(gateway: GatewayProcess) -> None:
    assert ask(gateway, "/keep/secret").text == "/keep/secret"
    assert ask(gateway, "/use_kept").text.splitlines() == ["False", *["this request is over"] * 4]


def test_no_object_is_made_for_a_call_and_nothing_is_left_of_it(gateway: GatewayProcess) -> None:
    port = gateway.port()
    seen = [ask(gateway, "/objects", port=port).text.split() for _ in range(350)]
    warm, last = seen[50], seen[-1]
    assert last[:3] == warm[:3]
    assert abs(int(last[3]) - int(warm[3])) < 50


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_is_sent_without(gateway: GatewayProcess, status: int) -> None:
    head, _, rest = exchange(gateway, f"GET /empty?status={status} HTTP/1.1\r\nhost: a\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert rest == b""


def exchange(gateway: GatewayProcess, text: str) -> bytes:
    """All bytes that come back before the gateway has been silent for a moment."""
    with socket.create_connection(("127.0.0.1", gateway.port()), 5) as stream:
        stream.sendall(text.encode())
        stream.settimeout(0.3)
        received = b""
        with contextlib.suppress(TimeoutError):
            while piece := stream.recv(65536):
                received += piece
        return received


def test_a_request_belongs_to_its_thread(gateway: GatewayProcess) -> None:
    assert "belongs to another thread" in ask(gateway, "/from_thread").text


def test_a_body_is_read_only_by_filters_that_say_so(gateway: GatewayProcess) -> None:
    assert ask(gateway, "/body", body=b"hello").text == "hello!"
    assert ask(gateway, "/body").text == "!"
    assert ask(gateway, "/read_body", body=b"hello").status == 500


def test_a_changed_body_is_what_the_upstream_gets() -> None:
    with Recorder() as origin:
        route = (
            f"{{kind: Route, name: body, path: /body, steps: [{{kind: Body}}, {{kind: Forward, to: {origin.url}}}]}}"
        )
        with probing((), route) as gateway:
            assert ask(gateway, "/body", {"x-change": "1"}, body=b"hello").status == 200
        assert origin.bodies == [b"olleh"]


def test_a_prepared_answer_may_be_given_again_and_again(gateway: GatewayProcess) -> None:
    for _ in range(3):
        answer = ask(gateway, "/denied")
        assert (answer.status, answer.headers["x-reason"], answer.text) == (403, "no", "no\n")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(("target", "status"), [("/jumps/a", 202), ("/goes-on", 204), ("/nothing", 200)])
def test_a_result_leads_where_the_step_says(gateway: GatewayProcess, target: str, status: int) -> None:
    assert ask(gateway, target).status == status


@pytest.mark.parametrize(
    ("wish", "status", "body", "header"),
    [
        ("", 200, "mine", ("x-status", "200")),
        ("body", 201, "another body", ("x-status", "200")),
        ("replace", 418, "short and stout", ("x-status", None)),
        ("read", 200, "mine", ("x-body", "mine")),
    ],
)
def test_a_filter_changes_the_answer_on_its_way_out(
    gateway: GatewayProcess, wish: str, status: int, body: str, header: tuple[str, str | None]
) -> None:
    answer = ask(gateway, f"/stamp?wish={wish}")
    assert (answer.status, answer.text, answer.headers[header[0]]) == (status, body, header[1])
