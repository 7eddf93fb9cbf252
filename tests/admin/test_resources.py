"""Resources by the admin API: looked at, changed, tried, taken back."""

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.admin.api import Api, api_of
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.requests import get

FILES = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
{kind: Route, name: owned, path: /owned, labels: {team: shop}, steps: [{kind: Respond, status: 200, body: owned}]}
"""
ROUTES = "/api/v1/resources/route"
UPSTREAMS = "/api/v1/resources/upstream"
CERTIFICATES = Path(__file__).parent.parent / "certificates"


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(FILES, "--admin", "127.0.0.1:0", workers=1) as started:
        yield started


@pytest.fixture(scope="module")
def running(gateway: GatewayProcess) -> Api:
    return api_of(gateway)


@pytest.fixture
def api(running: Api) -> Iterator[Api]:
    """The API of a gateway that holds nothing beside its files."""
    yield running
    for item in running.ask("GET", "/api/v1/resources").data["items"]:
        if item["status"]["owner"] != "files":
            path = f"/api/v1/resources/{item['kind'].lower()}/{item['name']}?cascade=true"
            assert running.ask("DELETE", path).status in {200, 404}


def respond(name: str, body: str = "made", **more: Any) -> dict[str, Any]:
    return {"kind": "Route", "name": name, "path": f"/{name}", "steps": [{"kind": "Respond", "body": body}], **more}


def test_what_is_created_serves_by_the_time_of_the_answer(api: Api, gateway: GatewayProcess) -> None:
    made = api.ask("POST", ROUTES, respond("made"))
    assert (made.status, [one["action"] for one in made.data["changes"]]) == (201, ["create"])
    assert get(gateway.port(), "/made") == (200, b"made")
    replaced = api.ask("PUT", f"{ROUTES}/made", respond("made", "again"))
    assert (replaced.status, get(gateway.port(), "/made")) == (200, (200, b"again"))
    assert '-      "body": "made"\n+      "body": "again"\n' in replaced.data["changes"][0]["diff"]
    patch = {"path": "/other", "labels": {"team": "x"}}
    assert api.ask("PATCH", f"{ROUTES}/made", patch, content_type="application/merge-patch+json").status == 200
    assert get(gateway.port(), "/other") == (200, b"again")
    assert api.ask("DELETE", f"{ROUTES}/made").status == 200
    assert get(gateway.port(), "/other")[0] == 404
    assert api.ask("GET", f"{ROUTES}/made").status == 404


def test_one_that_is_there_is_not_created_again(api: Api) -> None:
    assert api.ask("POST", ROUTES, respond("made")).status == 201
    assert api.ask("POST", ROUTES, respond("made")).status == 409
    assert api.ask("PUT", f"{ROUTES}/made", respond("made"), if_none_match="*").status == 412
    assert api.ask("PUT", f"{ROUTES}/put", respond("put"), if_none_match="*").status == 201


def test_i14_a_change_to_what_has_changed_since_is_refused(api: Api) -> None:
    api.ask("POST", ROUTES, respond("made"))
    tag = api.ask("GET", f"{ROUTES}/made").headers["etag"]
    assert api.ask("GET", f"{ROUTES}/made", if_none_match=tag).status == 304
    assert api.ask("PUT", f"{ROUTES}/made", respond("made", "first"), if_match=tag).status == 200
    assert api.ask("PUT", f"{ROUTES}/made", respond("made", "second"), if_match=tag).status == 412
    assert api.ask("DELETE", f"{ROUTES}/made", if_match=tag).status == 412
    assert api.ask("PUT", f"{ROUTES}/made", respond("made"), if_match="W/x").status == 400


def test_a_dry_run_tells_problems_lines_and_parts_and_changes_nothing(api: Api) -> None:
    before = api.ask("GET", "/api/v1/resources").data["revision"]
    tried = api.ask("PUT", f"{ROUTES}/made?dry_run=true", respond("made"))
    assert tried.status == 200
    assert tried.data["revision"] is None
    assert tried.data["effect"]["put"] == ["pipeline/route.made", "route/made"]
    wrong = api.ask(
        "POST", "/api/v1/apply?dry_run=true", [respond("a", priority="high"), {"kind": "Rout", "name": "b"}]
    )
    assert wrong.status == 422
    assert [(one["path"], one["message"]) for one in wrong.data["problems"]] == [
        ("[0].priority", "expected a whole number, found 'high'"),
        ("[1].kind", "no kind of resource is called `Rout`"),
    ]
    assert wrong.data["problems"][1]["hint"] == "did you mean `Route`?"
    assert api.ask("GET", "/api/v1/resources").data["revision"] == before


def test_many_are_applied_in_one_revision(api: Api, gateway: GatewayProcess) -> None:
    upstream = {"kind": "Upstream", "name": "orders", "endpoints": ["http://127.0.0.1:1"]}
    route = {"kind": "Route", "name": "orders", "path": "/orders", "to": "orders"}
    applied = api.ask("POST", "/api/v1/apply?message=orders%20move%20in", [route, upstream])
    assert applied.status == 200
    newest = api.ask("GET", "/api/v1/history?limit=1").data["items"][0]
    assert newest["revision"] == applied.data["revision"]
    assert (newest["author"], newest["source"], newest["message"]) == ("admin", "api", "orders move in")
    assert newest["put"] == ["route/orders", "upstream/orders"]
    assert newest["results"][0]["problems"] == []
    refused = api.ask("DELETE", f"{UPSTREAMS}/orders")
    assert (refused.status, "route/orders" in refused.data["detail"]) == (409, True)
    gone = api.ask("DELETE", f"{UPSTREAMS}/orders?cascade=true")
    assert [one["key"] for one in gone.data["changes"]] == ["route/orders", "upstream/orders"]
    assert get(gateway.port(), "/orders")[0] == 404


def test_what_files_own_is_theirs(api: Api, gateway: GatewayProcess) -> None:
    seen = api.ask("GET", f"{ROUTES}/owned")
    assert seen.data["status"]["owner"] == "files"
    for method, data in [("PUT", respond("owned")), ("DELETE", None)]:
        refused = api.ask(method, f"{ROUTES}/owned", data)
        assert (refused.status, refused.data["detail"]) == (409, "route/owned is owned by files: change it there")
    # Nor do they take over what was made here.
    api.ask("POST", ROUTES, respond("made"))
    gateway.write(f"{FILES}---\n{{kind: Route, name: made, path: /made, to: 'http://127.0.0.1:1'}}\n")
    wait_until(lambda: "`route/made` is owned by the admin API" in gateway.said)
    assert get(gateway.port(), "/made") == (200, b"made")
    gateway.write(FILES)
    wait_until(lambda: not gateway.status()["is_refused"])


def test_what_no_worker_can_run_is_taken_back(api: Api, gateway: GatewayProcess) -> None:
    before = api.ask("GET", "/api/v1/resources").data
    taken = {"kind": "Listener", "name": "taken", "address": f"127.0.0.1:{api.port}"}
    refused = api.ask("POST", "/api/v1/resources/listener", taken)
    assert refused.status == 409
    assert "in use" in refused.data["worker_problems"][0]
    assert api.ask("GET", "/api/v1/resources").data["items"] == before["items"]
    assert get(gateway.port(), "/owned") == (200, b"owned")


def test_a_rollback_is_a_change_like_any_other(api: Api, gateway: GatewayProcess) -> None:
    start = api.ask("GET", "/api/v1/resources").data["revision"]
    api.ask("POST", ROUTES, respond("made", "first"))
    good = api.ask("PUT", f"{ROUTES}/made", respond("made", "second")).data["revision"]
    api.ask("PUT", f"{ROUTES}/made", respond("made", "third"))
    api.ask("POST", ROUTES, respond("more"))
    tried = api.ask("POST", f"/api/v1/history/{good}/rollback?dry_run=true")
    assert [(one["key"], one["action"]) for one in tried.data["changes"]] == [
        ("route/made", "replace"),
        ("route/more", "delete"),
    ]
    assert get(gateway.port(), "/made") == (200, b"third")
    assert api.ask("POST", f"/api/v1/history/{good}/rollback").status == 200
    assert (get(gateway.port(), "/made"), get(gateway.port(), "/more")[0]) == ((200, b"second"), 404)
    shown = api.ask("GET", f"/api/v1/history/{good}").data
    assert '+      "body": "second"' in shown["changes"][0]["diff"]
    assert api.ask("POST", f"/api/v1/history/{start}/rollback").status == 200
    assert api.ask("GET", "/api/v1/history/999999").status == 410
    assert api.ask("GET", "/api/v1/history/x").status == 400


def test_lists_are_chosen_from_by_labels_and_come_in_pages(api: Api) -> None:
    made = [respond(f"r{number}", labels={"team": "a" if number % 2 else "b", "n": str(number)}) for number in range(6)]
    assert api.ask("POST", "/api/v1/apply", made).status == 200

    def names(query: str) -> list[str]:
        return [item["name"] for item in api.ask("GET", f"{ROUTES}?{query}").data["items"]]

    assert names("labels=team=a") == ["r1", "r3", "r5"]
    assert names("labels=team%21=a,n") == ["r0", "r2", "r4"]
    assert names("labels=%21n") == ["owned"]
    first = api.ask("GET", f"{ROUTES}?limit=4&fields=path").data
    assert first["items"][0] == {"kind": "Route", "name": "owned", "path": "/owned"}
    rest = names(f"limit=4&after={first['next']}")
    assert [item["name"] for item in first["items"]] + rest == names("")
    for query in ("limit=0", "limit=x", "limit=99999999999999999999", "limit=0000000011000000"):
        assert api.ask("GET", f"{ROUTES}?{query}").status == 400


def test_i15_a_secret_is_never_read_back_and_stays_where_it_is_left(api: Api) -> None:
    key = (CERTIFICATES / "shop.key").read_text()
    pem = (CERTIFICATES / "shop.pem").read_text()
    certificate = {"kind": "Certificate", "name": "shop", "certificate": pem, "key": key}
    assert api.ask("POST", "/api/v1/resources/certificate", certificate).status == 201
    seen = api.ask("GET", "/api/v1/resources/certificate/shop")
    assert seen.data["key"] == "**********"
    # It may be sent as it was seen.
    assert api.ask("PUT", "/api/v1/resources/certificate/shop", {**seen.data, "labels": {"a": "b"}}).status == 200
    moved = api.ask("PUT", "/api/v1/resources/certificate/other", {**seen.data, "name": "other"})
    assert (moved.status, "stands for a secret" in moved.data["problems"][0]["message"]) == (422, True)
    secret = key.splitlines()[1]
    revision = api.ask("GET", "/api/v1/history?limit=1").data["items"][0]["revision"]
    for path in (
        "/api/v1/resources",
        "/api/v1/history",
        f"/api/v1/history/{revision}",
        f"/api/v1/history/{revision - 1}",
    ):
        assert secret not in api.ask("GET", path).text, path
    assert secret not in api.ask("POST", f"/api/v1/history/{revision - 1}/rollback?dry_run=true").text


BODIES: list[tuple[bytes, str]] = [
    (b"{", "not JSON"),
    (b'{"a": NaN}', "NaN"),
    (b'{"a": 1e999}', "too large"),
    (b'{"a": ' + b"9" * 10_000 + b"}", "too long"),
    (b'{"a": 1, "a": 2}', "key `a` is given twice"),
    (b"[" * 10_000 + b"]" * 10_000, "deep"),
    (b"[" * 100 + b"]" * 100, "deep"),
    (b"\xff\xfe", "not UTF-8"),
    (b"[]", "send one resource"),
    (b'"text"', "send one resource"),
    (b'{"kind": "Upstream"}', "`kind` is not that of the path"),
    (b"", "not JSON"),
]


@pytest.mark.parametrize(("body", "said"), BODIES, ids=[f"{body[:12]!r}" for body, _ in BODIES])
def test_i11_a_body_that_is_no_plain_json_is_refused_with_the_reason(api: Api, body: bytes, said: str) -> None:
    refused = api.ask("PUT", f"{ROUTES}/a", body=body, content_type="application/json")
    assert refused.status == 400
    assert said in refused.data["detail"]
    assert refused.headers["content-type"] == "application/problem+json"


def test_i11_a_body_has_a_size_and_a_type(api: Api) -> None:
    large = b'{"a": "' + b"x" * (11 * 1024 * 1024) + b'"}'
    assert api.ask("PUT", f"{ROUTES}/a", body=large, content_type="application/json").status == 413
    assert api.ask("PUT", f"{ROUTES}/a", body=b"kind: Route", content_type="application/yaml").status == 415


WRONG_PLACES = [
    ("GET", f"{ROUTES}/..%2f..%2fetc%2fx", 404),
    ("GET", f"{ROUTES}/a%00b", 400),
    ("GET", f"{ROUTES}/{'a' * 300}", 400),
    ("GET", "/api/v1/resources/rout/a", 404),
    ("GET", f"{ROUTES}/", 404),
    ("GET", "/api/v1/resources/order/files", 404),
    ("POST", f"{ROUTES}/a", 405),
    ("DELETE", f"{ROUTES}/nobody", 404),
    ("DELETE", f"{ROUTES}/owned?cascade=yes", 400),
]


@pytest.mark.parametrize(("method", "path", "status"), WRONG_PLACES)
def test_i13_names_are_names_and_lead_nowhere_else(api: Api, method: str, path: str, status: int) -> None:
    answer = api.ask(method, path)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_changes_are_told_as_they_happen(api: Api) -> None:
    since = api.ask("GET", "/api/v1/resources").data["revision"]
    told: list[str] = []

    def watch() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=30)
        connection.request("GET", f"/api/v1/watch?since={since}", headers={"authorization": f"Bearer {api.token}"})
        answer = connection.getresponse()
        while "more" not in "".join(told):
            told.append(answer.readline().decode())
        connection.close()

    watching = threading.Thread(target=watch)
    watching.start()
    api.ask("POST", ROUTES, respond("made"))
    api.ask("POST", ROUTES, respond("more"))
    watching.join(20)
    events = [line for line in told if line.startswith(("id:", "event:"))]
    assert events == [f"id: {since + 1}\n", "event: change\n", f"id: {since + 2}\n", "event: change\n"]


@pytest.mark.parametrize("path", ["/api/v1/watch", "/api/v1/logs"])
def test_what_never_ends_is_told_of_by_its_head_alone(api: Api, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=30)
    fields = {"authorization": f"Bearer {api.token}"}
    # What is asked next on a connection is answered when the answer before has ended.
    for method, asked, media in (("HEAD", path, "text/event-stream"), ("GET", ROUTES, "application/json")):
        connection.request(method, asked, headers=fields)
        answer = connection.getresponse()
        assert (answer.status, answer.headers.get_content_type()) == (200, media)
        answer.read()
    connection.close()


def test_two_writers_at_once_lose_nothing(api: Api) -> None:
    def write(first: int) -> None:
        for number in range(first, first + 10):
            assert api.ask("POST", ROUTES, respond(f"w{number}")).status == 201

    writers = [threading.Thread(target=write, args=(first,)) for first in (0, 10)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    names = {item["name"] for item in api.ask("GET", ROUTES).data["items"]}
    assert names == {"owned", *(f"w{number}" for number in range(20))}


def test_what_was_made_here_is_there_after_a_restart() -> None:
    with GatewayProcess(FILES, "--admin", "127.0.0.1:0", workers=1) as gateway:
        api = api_of(gateway)
        assert api.ask("POST", ROUTES, respond("made")).status == 201
        gateway.process.kill() if gateway.process else None
        gateway.wait(10)
        gateway.start()
        assert get(gateway.port(), "/made") == (200, b"made")


def test_i2_every_operation_needs_the_token(running: Api) -> None:
    described = running.ask("GET", "/openapi.json").data
    asked = 0
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            known = {"kind": "route", "name": "owned", "revision": "1", "filter": "Respond", "archive": "sha256:0"}
            place = path.format(**known)
            for token in ("", "wrong"):
                stranger = Api(running.port, token)
                answer = stranger.ask(method.upper(), place, {} if "requestBody" in operation else None)
                is_open = operation.get("security") == [] or path == "/metrics"
                assert (answer.status == 401) is not is_open, (method, path)
                asked += 1
    assert asked > 20
    assert Api(running.port, "").ask("GET", "/openapi.json").status == 401
