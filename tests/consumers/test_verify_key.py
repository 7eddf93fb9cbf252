"""Who sends the key of a consumer is let in, over every version of HTTP, and the upstream learns no key."""

import http.client
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from penstock import Gateway
from tests.servers.http2_client import Http2Client
from tests.servers.raw_origin import Caller, RawOrigin

ALICE, ROTATED, BOB = "alice-0123456789abcdef", "alice-fedcba9876543210", "bob+0123456789abcdef"
Ask = Callable[..., tuple[int, dict[str, str], str]]
Resource = dict[str, Any]


def respond(body: str, **more: Any) -> Resource:
    return {"kind": "Respond", "name": body, "status": 200, "body": body, **more}


def route(path: str, *steps: Resource) -> Resource:
    return {"kind": "Route", "name": path.strip("/*"), "path": path, "steps": list(steps)}


VERIFY = {"kind": "VerifyKey"}
NAME = {"kind": "Respond", "status": 200, "body": "{{ consumer.name }}"}
RESOURCES: list[Resource] = [
    {"kind": "Listener", "name": "web", "address": "127.0.0.1:0", "protocols": ["http1", "h2c"]},
    {"kind": "Consumer", "name": "alice", "keys": [ALICE, ROTATED], "groups": ["gold"]},
    {"kind": "Consumer", "name": "bob", "keys": [BOB]},
    {"kind": "Consumer", "name": "gone", "keys": ["gone-0123456789abcdef"], "enabled": False},
    route("/any", VERIFY, NAME),
    route("/query", {**VERIFY, "query": "apikey"}, NAME),
    route("/gold", {**VERIFY, "allow": {"groups": ["gold"]}}, NAME),
    route("/bob", {**VERIFY, "allow": {"consumers": ["bob"]}}, NAME),
    route(
        "/when",
        VERIFY,
        respond("gold", when='"gold" in consumer.groups'),
        respond("bob", when='consumer.name == "bob"'),
    ),
    route(
        "/either",
        {**VERIFY, "on": {"missing": "by_query"}},
        {"kind": "VerifyKey", "name": "by_query", "query": "apikey", "when": "not consumer.name"},
        NAME,
    ),
    route(
        "/forbidden",
        {**VERIFY, "allow": {"groups": ["gold"]}, "on": {"missing": "by_query", "forbidden": "by_query"}},
        {"kind": "VerifyKey", "name": "by_query", "query": "apikey", "when": "not consumer.name"},
        NAME,
    ),
    route("/stranger", {**VERIFY, "on": {"missing": "stranger"}}, NAME, respond("stranger")),
    route("/end", {**VERIFY, "on": {"missing": "end"}}, NAME),
]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with Gateway(RESOURCES) as gateway:
        yield int(gateway.url.rpartition(":")[2])


@pytest.fixture(params=["http1", "h2c"])
def ask(port: int, request: pytest.FixtureRequest) -> Iterator[Ask]:
    """Asks on one connection: status, fields and body."""
    if request.param == "h2c":
        with Http2Client(port) as client:

            def over_http2(path: str, *fields: tuple[str, str]) -> tuple[int, dict[str, str], str]:
                answer = client.get(path, fields)
                return answer.status, answer.fields, answer.body.decode()

            yield over_http2
        return
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)

    def over_http1(path: str, *fields: tuple[str, str]) -> tuple[int, dict[str, str], str]:
        connection.putrequest("GET", path)
        for name, value in fields:
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()

    yield over_http1
    connection.close()


def key(value: str) -> tuple[str, str]:
    return "x-api-key", value


SERVED = [
    ("/any", [key(ALICE)], "alice"),
    ("/any", [key(ROTATED)], "alice"),
    ("/any", [key(BOB)], "bob"),
    ("/query?apikey=bob%2B0123456789abcdef&a=1", [], "bob"),
    ("/gold", [key(ALICE)], "alice"),
    ("/bob", [key(BOB)], "bob"),
    ("/when", [key(ALICE)], "gold"),
    ("/when", [key(BOB)], "bob"),
    ("/either", [key(BOB)], "bob"),
    ("/forbidden", [key(ALICE)], "alice"),
    (f"/either?apikey={ALICE}", [], "alice"),
    ("/stranger", [], "stranger"),
    ("/stranger", [key(ALICE)], "alice"),
]
REFUSED = [
    ("/any", [], 401, "key_missing"),
    (f"/any?x-api-key={ALICE}", [], 401, "key_missing"),
    ("/query", [key(ALICE)], 401, "key_missing"),
    ("/any", [key(ALICE[:-1])], 401, "key_invalid"),
    ("/any", [key(f"{ALICE}x")], 401, "key_invalid"),
    ("/any", [key("gone-0123456789abcdef")], 401, "key_invalid"),
    ("/any", [key(ALICE), key(ALICE)], 401, "key_invalid"),
    ("/any", [key("x" * 5000)], 401, "key_invalid"),
    (f"/query?apikey={ALICE}&apikey={ALICE}", [], 401, "key_invalid"),
    ("/query?apikey=bob+0123456789abcdef", [], 401, "key_invalid"),
    ("/gold", [key(BOB)], 403, "consumer_forbidden"),
    ("/bob", [key(ALICE)], 403, "consumer_forbidden"),
    ("/either", [], 401, "key_missing"),
    ("/forbidden", [key(BOB)], 401, "key_missing"),
    ("/either?apikey=wrong", [], 401, "key_invalid"),
    ("/stranger", [key("wrong")], 401, "key_invalid"),
    ("/end", [], 401, "key_missing"),
]


@pytest.mark.parametrize(("path", "fields", "body"), SERVED)
def test_who_has_a_key_is_let_in_and_known(ask: Ask, path: str, fields: list[tuple[str, str]], body: str) -> None:
    status, _, told = ask(path, *fields)
    assert (status, told) == (200, body)


@pytest.mark.parametrize(("path", "fields", "status", "reason"), REFUSED)
def test_f12_who_has_none_is_told_so_and_nothing_of_the_key(
    ask: Ask, path: str, fields: list[tuple[str, str]], status: int, reason: str
) -> None:
    found, answered, told = ask(path, *fields)
    assert (found, f'"reason":"{reason}"' in told) == (status, True)
    assert ("www-authenticate" in answered) == (status == 401)
    assert not [value for _, value in fields if value in told + str(answered)]


def test_who_it_was_is_forgotten_with_the_request(ask: Ask) -> None:
    assert ask("/any", key(ALICE))[2] == "alice"
    assert ask("/stranger")[2] == "stranger"
    assert ask("/when")[0] == 401


def keep(caller: Caller) -> None:
    while caller.until(b"\r\n\r\n"):
        caller.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


@pytest.mark.parametrize("version", ["http1", "h2c"])
def test_f12_the_upstream_is_told_a_name_and_no_key(version: str) -> None:
    by_query = {**VERIFY, "query": "apikey", "tell": "X-Consumer"}
    with RawOrigin(keep) as origin:
        to = {"kind": "Forward", "to": origin.url}
        routes = [
            route("/header", {**VERIFY, "tell": "x-consumer"}, to),
            route("/query", by_query, to),
            route("/open", {**by_query, "on": {"invalid": "Forward", "missing": "Forward"}}, to),
        ]
        with Gateway([*RESOURCES[:3], *routes]) as gateway:
            number = int(gateway.url.rpartition(":")[2])
            forged = ("x-consumer", "root")
            asked = [
                ("/header?apikey=kept", [key(ALICE), forged]),
                (f"/query?a=1&apikey={ALICE}&b=2", [forged, ("X-CONSUMER" if version == "http1" else forged[0], "x")]),
                ("/open?apikey=secret-but-wrong", [forged]),
                ("/open", [forged]),
            ]
            for path, fields in asked:
                assert status_of(number, version, path, fields) == 200, path
        seen = origin.received.decode().lower()
    heads = [head for head in seen.split("\r\n\r\n") if head]
    assert [head.split()[1] for head in heads] == ["/header?apikey=kept", "/query?a=1&b=2", "/open", "/open"]
    told = [[line for line in head.splitlines() if line.startswith("x-consumer")] for head in heads]
    assert told == [["x-consumer: alice"], ["x-consumer: alice"], [], []]
    assert not [hidden for hidden in (ALICE, "secret-but-wrong", "x-api-key") if hidden in seen]


def status_of(number: int, version: str, path: str, fields: list[tuple[str, str]]) -> int:
    if version == "h2c":
        with Http2Client(number) as client:
            return client.get(path, fields).status
    connection = http.client.HTTPConnection("127.0.0.1", number, timeout=15)
    connection.putrequest("GET", path)
    for name, value in fields:
        connection.putheader(name, value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status
