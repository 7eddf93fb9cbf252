"""Who may see which requests, what is hidden of them, and that it is noted who looked (I3, I15)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.admin.api import Api, api_of
from tests.admin.follower import PATIENCE, Follower
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.requests import get

LOGS = "/api/v1/logs"
FILES = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
{kind: Route, name: team-a.shop, path: /a/*, steps: [{kind: Respond, status: 200}]}
---
{kind: Route, name: team-b.shop, path: /b/*, steps: [{kind: Respond, status: 200}]}
"""
HIDING = """
---
kind: Telemetry
name: default
access_log:
  path: stderr
  keep: [path, status, client]
  mask:
    client: true
    patterns: [{regex: "/card/[0-9]+", by: "/card/*"}]
"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(FILES, "--admin", "127.0.0.1:0", workers=1) as started:
        yield started


@pytest.fixture(scope="module")
def admin(gateway: GatewayProcess) -> Api:
    api = api_of(gateway)
    assert api.ask("PUT", "/api/v1/namespaces/team-a", {"hosts": ["*"]}).status == 201
    rules = [{"verbs": ["read"]}, {"verbs": ["write"], "kinds": ["Route"], "names": ["team-b.*"]}]
    assert api.ask("PUT", "/api/v1/roles/writes-b", {"rules": rules}).status == 201
    rules = [{"verbs": ["read"], "kinds": ["Route"], "names": ["team-b.*"]}]
    assert api.ask("PUT", "/api/v1/roles/reads-b", {"rules": rules}).status == 201
    return api


def holding(admin: Api, name: str, **rights: Any) -> Api:
    made = admin.ask("POST", "/api/v1/tokens", {"name": name, **rights})
    assert made.status == 201, made.text
    return Api(admin.port, made.data["token"])


def seen(gateway: GatewayProcess, admin: Api, api: Api, **asked: str) -> list[str]:
    """The paths that somebody is shown of three requests."""
    with Follower(api, **asked) as follower, Follower(admin) as everything:
        for path in ("/a/1", "/b/1", "/nowhere", "/a/2", "/b/2"):
            get(gateway.port(), path)
        everything.until(5)
        # The last request that it may see, if any, comes behind all others.
        wait_until(lambda: follower.requests, PATIENCE)
        last = follower.requests[-1]["path"][:3] + "2"
        wait_until(lambda: last in {one["path"] for one in follower.requests}, PATIENCE)
        return [one["path"] for one in follower.requests]


def test_i3_a_team_sees_requests_of_its_own_routes_alone(gateway: GatewayProcess, admin: Api) -> None:
    team = holding(admin, "of-team-a", role="operator", namespace="team-a")
    assert seen(gateway, admin, team) == ["/a/1", "/a/2"]
    assert seen(gateway, admin, team, where="request.path") == ["/a/1", "/a/2"]
    told = [team.ask("GET", f"{LOGS}?route={name}") for name in ("team-b.shop", "team-b.none")]
    assert [answer.status for answer in told] == [403, 403]


def test_i3_a_role_that_reads_some_routes_sees_requests_of_those(gateway: GatewayProcess, admin: Api) -> None:
    assert seen(gateway, admin, holding(admin, "reader-b", role="reads-b")) == ["/b/1", "/b/2"]


def test_i15_conditions_are_for_those_who_may_write_the_route(gateway: GatewayProcess, admin: Api) -> None:
    # By one condition after another the value of any header could be found out.
    viewer = holding(admin, "viewer-1", role="viewer")
    assert viewer.ask("GET", f"{LOGS}?where=request.path").status == 403
    assert seen(gateway, admin, viewer, path="/a/") == ["/a/1", "/a/2"]
    writer = holding(admin, "writer-b", role="writes-b")
    assert seen(gateway, admin, writer, where="request.path") == ["/b/1", "/b/2"]


def test_rights_that_are_taken_end_it_and_who_looked_is_noted(gateway: GatewayProcess, admin: Api) -> None:
    api = holding(admin, "brief", role="viewer")
    with Follower(api, path="/b") as follower:
        assert admin.ask("DELETE", "/api/v1/tokens/brief").status == 200
        assert follower.has_ended.wait(PATIENCE)
        get(gateway.port(), "/b/3")
    assert follower.requests == []
    entries = [one for one in admin.ask("GET", "/api/v1/audit").data["items"] if one["actor"] == "brief"]
    assert [(one["path"], one["query"], one["result"]) for one in entries] == [(LOGS, "path=%2Fb", "done")]


def test_i15_what_the_access_log_leaves_out_and_hides_is_shown_to_nobody(gateway: GatewayProcess, admin: Api) -> None:
    gateway.write(FILES + HIDING)
    try:
        assert gateway.reload().returncode == 0
        with Follower(admin) as follower, Follower(admin, path="/a/card/4") as guessing:
            get(gateway.port(), "/a/card/4111?token=hidden")
            get(gateway.port(), "/b/1")
            assert follower.until(2)[0] == {"path": "/a/card/*", "status": 200, "client": "127.0.0.0"}
            assert "4111" not in json.dumps(follower.requests)
            assert guessing.requests == []
        # Who may see it is told by the route, which is not shown.
        assert seen(gateway, admin, holding(admin, "reader-c", role="reads-b")) == ["/b/1", "/b/2"]
    finally:
        gateway.write(FILES)
        assert gateway.reload().returncode == 0
