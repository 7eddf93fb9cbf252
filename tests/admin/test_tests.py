"""A change that fails the tests among the resources is refused, where that is asked for."""

from collections.abc import Iterator

import pytest

from tests.admin.api import Api, api_of
from tests.servers.gateway_process import GatewayProcess
from tests.servers.requests import get

FILES = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
{kind: Test, name: made-answers, request: {url: "http://shop/made"}, expect: {route: made, status: 200, body: hi}}
"""


def route(status: int) -> dict[str, object]:
    steps = [{"kind": "Respond", "status": status, "body": "hi"}]
    return {"kind": "Route", "name": "made", "path": "/made", "steps": steps}


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(FILES, "--admin", "127.0.0.1:0", workers=1) as started:
        yield started


@pytest.fixture
def api(gateway: GatewayProcess) -> Api:
    return api_of(gateway)


def test_a_change_is_made_only_where_its_tests_pass(gateway: GatewayProcess, api: Api) -> None:
    refused = api.ask("PUT", "/api/v1/resources/route/made?test=true", route(418))
    assert (refused.status, refused.data["detail"]) == (422, "the change fails its tests; nothing was changed")
    (problem,) = refused.data["problems"]
    assert (problem["resource"], problem["path"]) == ("test/made-answers", "expect.status")
    assert problem["message"] == "expected 200, found 418"
    assert get(gateway.port(), "/made")[0] == 404
    made = api.ask("PUT", "/api/v1/resources/route/made?test=true", route(200))
    assert (made.status, made.data["tests"]["passed"], made.data["tests"]["coverage"]["percent"]) == (201, 1, 100)
    assert get(gateway.port(), "/made") == (200, b"hi")
    # Taking away what a test asks for fails it too; who does not ask is not held up.
    gone = api.ask("DELETE", "/api/v1/resources/route/made?test=true")
    assert (gone.status, gone.data["problems"][0]["message"]) == (
        422,
        "expected made, found none: 404 from the gateway itself",
    )
    assert api.ask("DELETE", "/api/v1/resources/route/made").status == 200


def test_a_test_is_kept_and_changes_no_plan(gateway: GatewayProcess, api: Api) -> None:
    plan = gateway.status()["revision"]
    test = {"request": {"url": "http://shop/none"}, "expect": {"status": 404}}
    made = api.ask("PUT", "/api/v1/resources/test/none", test)
    assert (made.status, made.data["effect"]) == (201, {"put": [], "drop": []})
    assert api.ask("GET", "/api/v1/resources/test/none").data["expect"] == {"status": 404}
    assert gateway.status()["revision"] == plan
    assert gateway.status()["store_revision"] == made.data["revision"]


def test_apply_runs_them_on_request(gateway: GatewayProcess) -> None:
    file = gateway.folder / "made.yaml"
    file.write_text("{kind: Route, name: made, path: /made, steps: [{kind: Respond, status: 418, body: hi}]}")
    told = ("--state-dir", str(gateway.state.path))
    refused = gateway.command("apply", "-f", str(file), "--test", *told)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "penstock: the change fails its tests; nothing was changed\n" in refused.stderr
    assert "test/made-answers: expect.status: expected 200, found 418\n" in refused.stderr
    dry = gateway.command("apply", "-f", str(file), "--test", "--dry-run", *told)
    assert dry.returncode == 1
    assert gateway.command("apply", "-f", str(file), *told).returncode == 0
