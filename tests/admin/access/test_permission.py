"""Who may do what: every operation asked by nobody, by a viewer and by a team (I2, I3)."""

import http.client
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.admin.api import Api, api_of
from tests.servers.gateway_process import GatewayProcess, wait_until

CONFIGURATION = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
{kind: Listener, name: inner, address: "127.0.0.1:0"}
---
{kind: Pipeline, name: shared-checks, steps: [{kind: Forward, to: "http://127.0.0.1:1"}]}
---
{kind: Route, name: hello, path: /hello, steps: [{kind: Respond, status: 200, body: hi}]}
"""
EXAMPLES = {"kind": "route", "name": "hello", "revision": "1", "filter": "Respond"}
ROUTES = "/api/v1/resources/route"


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", workers=1) as started:
        yield started


@pytest.fixture(scope="module")
def admin(gateway: GatewayProcess) -> Api:
    return api_of(gateway)


@pytest.fixture(scope="module")
def teams(admin: Api) -> dict[str, Api]:
    for team in ("team-a", "team-b"):
        namespace = {
            "hosts": [f"{team}.example.com", f"*.{team}.test"],
            "listeners": ["web"],
            "shared": ["pipeline/shared-*"],
        }
        assert admin.ask("PUT", f"/api/v1/namespaces/{team}", namespace).status == 201
    return {team: holding(admin, f"of-{team}", role="operator", namespace=team) for team in ("team-a", "team-b")}


def holding(admin: Api, name: str, **rights: Any) -> Api:
    """The API with a new token."""
    made = admin.ask("POST", "/api/v1/tokens", {"name": name, **rights})
    assert made.status == 201, made.text
    return Api(admin.port, made.data["token"])


def operations(admin: Api) -> Iterator[tuple[str, str, dict[str, Any]]]:
    found = admin.ask("GET", "/openapi.json").data
    for path, methods in found["paths"].items():
        concrete = re.sub(r"\{(\w+)\}", lambda found: EXAMPLES.get(found[1], "x"), path)
        for method, operation in methods.items():
            yield method.upper(), concrete, operation


def status(api: Api, method: str, path: str, **headers: str) -> int:
    """The status of an answer, of which no more is read: some do not end."""
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=30)
    try:
        if api.token:
            headers["authorization"] = f"Bearer {api.token}"
        connection.request(method, path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def route(name: str, host: str | None = "team-a.example.com", **more: Any) -> dict[str, Any]:
    leads = {} if {"pipeline", "to", "steps"} & more.keys() else {"steps": [{"kind": "Respond", "body": name}]}
    hosts = {"hosts": [host]} if host else {}
    return {"kind": "Route", "name": name, "path": f"/{name}", "listeners": ["web"], **hosts, **leads, **more}


def test_i2_every_operation_asks_for_a_token(admin: Api) -> None:
    nobody = Api(admin.port, "")
    asked = 0
    for method, path, operation in operations(admin):
        needed = operation.get("security")
        if needed == [] or (needed and {} in needed):
            continue
        asked += 1
        assert status(nobody, method, path) == 401, (method, path)
    assert asked > 20
    assert status(nobody, "GET", "/openapi.json") == 401
    # Nothing is told of what is there: what is not there is answered alike.
    assert status(nobody, "GET", "/api/v1/nothing") == 401


def test_i3_a_viewer_reads_and_does_nothing_else(admin: Api) -> None:
    viewer = holding(admin, "viewer-1", role="viewer")
    refused = 0
    for method, path, operation in operations(admin):
        verb = operation.get("x-penstock-verb")
        if operation.get("security") == [] or verb is None:
            continue
        found = status(viewer, method, path)
        if verb == "read":
            assert found not in {401, 403}, (method, path)
        else:
            refused += 1
            assert found == 403, (method, path)
    assert refused > 10
    assert admin.ask("GET", f"{ROUTES}/hello").status == 200


def test_an_operator_changes_resources_and_manages_nobody(admin: Api) -> None:
    operator = holding(admin, "operator-1", role="operator")
    assert operator.ask("PUT", f"{ROUTES}/mine", route("mine")).status == 201
    assert operator.ask("DELETE", f"{ROUTES}/mine").status == 200
    for method, path, operation in operations(admin):
        if operation.get("x-penstock-verb") == "administer":
            assert status(operator, method, path) == 403, (method, path)
    assert operator.ask("POST", "/-/reload").status == 200


def test_revisions_are_of_whoever_made_them(admin: Api) -> None:
    api = holding(admin, "deployer", role="operator")
    made = api.ask("PUT", f"{ROUTES}/authored", route("authored"))
    found = admin.ask("GET", f"/api/v1/history/{made.data['revision']}").data
    assert (found["author"], found["source"]) == ("deployer", "api")
    assert admin.ask("GET", "/api/v1/whoami").data["name"] == "admin"
    assert api.ask("GET", "/api/v1/whoami").data["role"] == "operator"
    assert admin.ask("DELETE", f"{ROUTES}/authored").status == 200


def test_a_token_is_shown_once_kept_as_a_hash_and_good_until_it_is_revoked(admin: Api, gateway: GatewayProcess) -> None:
    api = holding(admin, "short", role="viewer", description="for a while")
    assert api.ask("GET", "/api/v1/whoami").status == 200
    listed = admin.ask("GET", "/api/v1/tokens")
    found = next(one for one in listed.data["items"] if one["name"] == "short")
    assert (found["role"], found["has_expired"]) == ("viewer", False)
    assert found["last_used"] >= found["created"] - 1
    history = admin.ask("GET", "/api/v1/history").text
    for text in (listed.text, history, gateway.said):
        assert api.token not in text
    assert all(api.token.encode() not in file.read_bytes() for file in gateway.state.path.glob("store.db*"))
    assert admin.ask("POST", "/api/v1/tokens", {"name": "short", "role": "viewer"}).status == 409
    assert admin.ask("DELETE", "/api/v1/tokens/short").status == 200
    assert api.ask("GET", "/api/v1/whoami").status == 401
    assert admin.ask("DELETE", "/api/v1/tokens/short").status == 404


def test_a_token_ends_when_its_time_is_over(admin: Api) -> None:
    api = holding(admin, "brief", role="viewer", expires_in="50ms")
    wait_until(lambda: api.ask("GET", "/api/v1/whoami").status == 401)
    assert admin.ask("DELETE", "/api/v1/tokens/brief").status == 200


def test_a_stream_ends_with_the_token_that_opened_it(admin: Api) -> None:
    api = holding(admin, "watcher", role="viewer")
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=30)
    connection.request("GET", "/api/v1/watch", headers={"authorization": f"Bearer {api.token}"})
    answer = connection.getresponse()
    assert answer.status == 200
    assert admin.ask("DELETE", "/api/v1/tokens/watcher").status == 200
    # The revocation itself is the news that nobody tells it.
    assert b"event: change" not in answer.read()
    connection.close()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "x"}, 422),
        ({"name": "X Y", "role": "viewer"}, 422),
        ({"name": "x", "role": "no-such-role"}, 422),
        ({"name": "x", "role": "viewer", "namespace": "no-such-namespace"}, 422),
        ({"name": "x", "role": "viewer", "expires_in": "never"}, 422),
        ({"name": "x", "role": "viewer", "expires_in": 0}, 422),
        ({"name": "owner", "role": "viewer"}, 422),
        ({"name": "x", "role": "viewer", "digest": "00"}, 422),
        ([], 422),
    ],
)
def test_what_makes_no_token_is_refused(admin: Api, body: Any, status: int) -> None:
    assert admin.ask("POST", "/api/v1/tokens", body).status == status
    assert all(one["name"] != "x" for one in admin.ask("GET", "/api/v1/tokens").data["items"])


def test_a_role_of_ones_own_is_limited_by_verb_kind_name_and_label(admin: Api) -> None:
    rules = [
        {"verbs": ["read", "write"], "kinds": ["Route"], "names": ["shop-*"]},
        {"verbs": ["delete", "write", "read"], "labels": {"team": "shop"}},
    ]
    assert admin.ask("PUT", "/api/v1/roles/shop", {"rules": rules}).status == 201
    shop = holding(admin, "shop-1", role="shop")
    assert shop.ask("PUT", f"{ROUTES}/shop-a", route("shop-a")).status == 201
    assert shop.ask("PUT", f"{ROUTES}/shop-b", route("shop-b", labels={"team": "shop"})).status == 201
    # By its name it may be written, and for want of the label not be deleted.
    assert shop.ask("DELETE", f"{ROUTES}/shop-a").status == 403
    assert shop.ask("DELETE", f"{ROUTES}/shop-b").status == 200
    assert shop.ask("PUT", f"{ROUTES}/other", route("other")).status == 403
    assert shop.ask("PUT", f"{ROUTES}/other", route("other", labels={"team": "shop"})).status == 201
    # The label is not a way out: neither to another's, nor of one's own.
    assert shop.ask("PUT", f"{ROUTES}/other", route("other", labels={"team": "else"})).status == 403
    assert admin.ask("PUT", f"{ROUTES}/other", route("other", labels={"team": "else"})).status == 200
    assert shop.ask("PUT", f"{ROUTES}/other", route("other", labels={"team": "shop"})).status == 403
    assert shop.ask("GET", f"{ROUTES}/hello").status == 403
    assert shop.ask("GET", f"{ROUTES}/is-not-there").status == 403
    assert [item["name"] for item in shop.ask("GET", ROUTES).data["items"]] == ["shop-a"]
    assert shop.ask("POST", "/-/reload").status == 403
    assert admin.ask("DELETE", "/api/v1/roles/shop").status == 409
    for name in ("shop-a", "other"):
        assert admin.ask("DELETE", f"{ROUTES}/{name}").status == 200


def test_a_role_changes_for_those_who_have_it_at_once(admin: Api) -> None:
    assert admin.ask("PUT", "/api/v1/roles/night", {"rules": [{"verbs": ["read", "operate"]}]}).status == 201
    night = holding(admin, "night-1", role="night")
    assert night.ask("POST", "/-/reload").status == 200
    assert admin.ask("PUT", "/api/v1/roles/night", {"rules": []}).status == 200
    assert night.ask("POST", "/-/reload").status == 403
    for name in ("viewer", "admin"):
        assert admin.ask("PUT", f"/api/v1/roles/{name}", {"rules": []}).status == 409
        assert admin.ask("DELETE", f"/api/v1/roles/{name}").status == 409


def test_i3_a_team_has_its_own_and_learns_of_no_others(admin: Api, teams: dict[str, Api]) -> None:
    team_a, team_b = teams["team-a"], teams["team-b"]
    assert team_a.ask("PUT", f"{ROUTES}/team-a.shop", route("team-a.shop")).status == 201
    there, missing = f"{ROUTES}/team-a.shop", f"{ROUTES}/team-a.nothing"
    for method, body in (("GET", None), ("PUT", "same"), ("PATCH", {"priority": 1}), ("DELETE", None)):
        told = []
        for path in (there, missing):
            name = path.rpartition("/")[2]
            sent = route(name, "team-b.example.com") if body == "same" else body
            for tag in (None, "1"):
                answer = team_b.ask(method, path, sent, if_match=tag) if tag else team_b.ask(method, path, sent)
                assert answer.status == 403, (method, path)
                told.append(answer.text.replace(name, "NAME"))
        assert len(set(told)) == 1, told
    assert team_b.ask("GET", "/api/v1/resources").data["items"] == []
    assert [one["name"] for one in team_a.ask("GET", "/api/v1/resources").data["items"]] == ["team-a.shop"]
    assert team_b.ask("POST", "/api/v1/apply", [route("team-a.shop", "team-b.example.com")]).status == 403
    assert "team-a" not in team_b.ask("GET", "/api/v1/history").text
    changes = team_a.ask("GET", "/api/v1/history").data["items"]
    assert [one["put"] for one in changes] == [["route/team-a.shop"]]
    revision = changes[0]["revision"]
    assert team_b.ask("GET", f"/api/v1/history/{revision}").status == 403
    assert admin.ask("DELETE", there).status == 200


def test_i3_a_team_is_let_at_nothing_that_is_about_everything(admin: Api, teams: dict[str, Api]) -> None:
    for method, path, operation in operations(admin):
        verb = operation.get("x-penstock-verb")
        if verb is None or operation.get("security") == [] or {} in operation.get("security", []):
            continue
        found = status(teams["team-a"], method, path)
        own = {"/api/v1/apply", "/api/v1/history", "/api/v1/watch", "/api/v1/logs"}
        is_own = path.startswith("/api/v1/resources") or path in own
        # What differs between revisions is told of the team's own resources.
        is_own = is_own or path.endswith("/difference")
        if not is_own or path.endswith("/hello"):
            assert found == 403, (method, path)


def test_i3_a_team_prunes_nothing_of_others(admin: Api, teams: dict[str, Api]) -> None:
    labels = {"labels": {"app": "shop"}}
    for team, api in teams.items():
        for name in ("kept", "old"):
            sent = {**route(f"{team}.{name}", f"{team}.example.com"), **labels}
            assert api.ask("POST", "/api/v1/apply", [sent]).status == 200
    kept = {**route("team-b.kept", "team-b.example.com"), **labels}
    pruned = teams["team-b"].ask("POST", "/api/v1/apply?prune=true&labels=app%3Dshop", [kept])
    assert [(one["key"], one["action"]) for one in pruned.data["changes"]] == [("route/team-b.old", "delete")]
    left = {one["name"] for one in admin.ask("GET", f"{ROUTES}?labels=app%3Dshop").data["items"]}
    assert left == {"team-a.kept", "team-a.old", "team-b.kept"}
    for name in left:
        assert admin.ask("DELETE", f"{ROUTES}/{name}").status == 200


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (route("team-a.x", "team-b.example.com"), "is another's"),
        (route("team-a.x", "*.example.com"), "is another's"),
        (route("team-a.x", "*.test"), "is another's"),
        (route("team-a.x", "xteam-a.test"), "is another's"),
        (route("team-a.x", None), "names its hosts"),
        ({**route("team-a.x"), "listeners": ["web", "inner"]}, "the listener 'inner'"),
        ({key: value for key, value in route("team-a.x").items() if key != "listeners"}, "names its listeners"),
        (route("team-a.x", pipeline="private"), "pipeline/private is not of namespace team-a"),
        (route("team-a.x", to="team-b.orders"), "upstream/team-b.orders is not of namespace"),
        (route("team-a.x", to=[{"upstream": "team-b.orders", "weight": 1}]), "upstream/team-b.orders"),
        (route("team-a.x", steps=[{"kind": "Forward", "to": "team-b.orders"}]), "upstream/team-b.orders"),
        (route("team-a.x", to="unix:/run/admin.sock"), "sockets of the machine"),
        ({"kind": "Upstream", "name": "team-a.x", "endpoints": ["unix:/run/admin.sock"]}, "sockets of the machine"),
        ({"kind": "Listener", "name": "team-a.x", "address": "127.0.0.1:0"}, "namespace team-a has no Listener"),
        ({"kind": "Plugin", "name": "team-a.x", "python": "/x.py"}, "namespace team-a has no Plugin"),
    ],
)
def test_a_team_takes_nothing_that_is_anothers(teams: dict[str, Api], sent: dict[str, Any], says: str) -> None:
    found = teams["team-a"].ask("POST", "/api/v1/apply", [sent])
    assert (found.status, says in found.data["detail"]) == (403, True), found.text
    assert teams["team-a"].ask("POST", "/api/v1/apply?dry_run=true", [sent]).status == 403


@pytest.mark.parametrize(
    "sent",
    [
        route("team-a.x", "deep.er.team-a.test"),
        route("team-a.x", "*.team-a.test"),
        route("team-a.x", pipeline="shared-checks"),
        {"kind": "Upstream", "name": "team-a.x", "endpoints": ["http://127.0.0.1:1"]},
    ],
)
def test_a_team_may_do_what_its_namespace_says(admin: Api, teams: dict[str, Api], sent: dict[str, Any]) -> None:
    assert teams["team-a"].ask("POST", "/api/v1/apply", [sent]).status == 200
    assert admin.ask("DELETE", f"/api/v1/resources/{sent['kind'].lower()}/team-a.x").status == 200


def test_no_namespace_lies_in_another(admin: Api) -> None:
    assert admin.ask("PUT", "/api/v1/namespaces/team-a.inner", {}).status == 400


def test_a_team_hears_nothing_of_others_in_what_is_wrong(admin: Api, teams: dict[str, Api]) -> None:
    secret = {
        "kind": "Route",
        "name": "hidden-name",
        "path": "/same",
        "hosts": ["team-a.example.com"],
        "to": "http://127.0.0.1:1",
    }
    assert admin.ask("PUT", f"{ROUTES}/hidden-name", {**secret, "listeners": ["web"]}).status == 201
    sent = {**secret, "name": "team-a.same", "listeners": ["web"]}
    found = teams["team-a"].ask("PUT", f"{ROUTES}/team-a.same?dry_run=true", sent)
    assert found.status == 422
    assert "hidden-name" not in found.text
    assert "hidden-name" in admin.ask("PUT", f"{ROUTES}/team-a.same?dry_run=true", sent).text
    assert admin.ask("DELETE", f"{ROUTES}/hidden-name").status == 200


def test_going_back_gives_nobody_a_right_back(admin: Api) -> None:
    before = admin.ask("GET", "/api/v1/history").data["items"][0]["revision"]
    kept = holding(admin, "kept", role="viewer")
    gone = holding(admin, "gone", role="viewer")
    between = admin.ask("GET", "/api/v1/history").data["items"][0]["revision"]
    assert admin.ask("DELETE", "/api/v1/tokens/gone").status == 200
    for revision in (between, before):
        assert admin.ask("POST", f"/api/v1/history/{revision}/rollback").status == 200
        assert gone.ask("GET", "/api/v1/whoami").status == 401
        assert kept.ask("GET", "/api/v1/whoami").status == 200


def test_what_may_be_done_is_no_resource(admin: Api, gateway: GatewayProcess) -> None:
    assert "access/" not in admin.ask("GET", "/api/v1/resources").text
    exported = gateway.command("export", "--state-dir", str(gateway.state.path))
    assert exported.returncode == 0
    assert "access" not in exported.stdout
    assert json.dumps("digest") not in exported.stdout


def test_a_worker_may_not_ask_on_the_socket(admin: Api, gateway: GatewayProcess) -> None:
    """Whoever may write a route could else be the owner, by a route that leads to the socket."""
    made = {"kind": "Route", "name": "to-socket", "path": "/-/status", "to": f"unix:{gateway.state.admin_socket}"}
    assert admin.ask("PUT", f"{ROUTES}/to-socket", made).status == 201
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port(), timeout=10)
    connection.request("GET", "/-/status")
    assert connection.getresponse().status == 403
    connection.close()
    assert admin.ask("DELETE", f"{ROUTES}/to-socket").status == 200


def test_i9_the_admin_api_is_not_on_ports_of_listeners(gateway: GatewayProcess) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port(), timeout=10)
    connection.request("GET", "/api/v1/resources")
    assert connection.getresponse().status == 404
    connection.close()


def test_i4_a_header_makes_nobody_local_or_known(admin: Api) -> None:
    for name in ("x-real-ip", "x-forwarded-for", "forwarded", "x-remote-user", "x-penstock-user"):
        assert status(Api(admin.port, ""), "GET", "/-/status", **{name: "127.0.0.1"}) == 401
