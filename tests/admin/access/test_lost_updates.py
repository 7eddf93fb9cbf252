"""Of two who change the same right at the same moment none undoes what the other did (I14)."""

import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.admin.api import Api, api_of
from tests.servers.gateway_process import GatewayProcess

CONFIGURATION = '{kind: Listener, name: web, address: "127.0.0.1:0"}'
PASSWORD = "correct-horse-battery"


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", workers=1) as gateway:
        yield api_of(gateway)


RULES = {"rules": [{"verbs": ["read"]}]}
PROVIDER = {"issuer": "https://id.example.com", "client_id": "gateway", "url": "https://gateway.example.com"}
SORTS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("roles", RULES, {**RULES, "description": "changed"}),
    ("namespaces", {"hosts": ["a.example.com"]}, {"hosts": ["b.example.com"]}),
    ("users", {"role": "viewer", "password": PASSWORD}, {"role": "operator"}),
    ("providers", {**PROVIDER, "client_secret": "very-secret"}, PROVIDER),
]


@pytest.mark.parametrize(("sort", "first", "second"), SORTS, ids=[sort for sort, _, _ in SORTS])
def test_i14_a_right_that_has_changed_since_is_not_changed(
    api: Api, sort: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    path = f"/api/v1/{sort}/one"
    made = api.ask("PUT", path, first, if_none_match="*")
    assert made.status == 201, made.text
    seen = api.ask("GET", path)
    tag = seen.headers["etag"]
    assert (tag, seen.data["revision"]) == (made.headers["etag"], int(tag.strip('"')))
    assert api.ask("GET", path, if_none_match=tag).status == 304
    assert api.ask("PUT", path, second, if_none_match="*").status == 412
    changed = api.ask(
        "PUT", path, {**second, "description": "again"} if "description" in seen.data else first, if_match=tag
    )
    assert changed.status == 200, changed.text
    if sort != "providers":
        assert changed.headers["etag"] != tag
        assert api.ask("PUT", path, second, if_match=tag).status == 412
        assert api.ask("DELETE", path, if_match=tag).status == 412
    assert api.ask("PUT", path, second, if_match="W/x").status == 400
    # What is told can be sent back as it is: it changes nothing.
    told = api.ask("GET", path)
    assert api.ask("PUT", path, told.data, if_match=told.headers["etag"]).headers["etag"] == told.headers["etag"]
    listed = {one["name"]: one["revision"] for one in api.ask("GET", f"/api/v1/{sort}").data["items"]}
    assert api.ask("DELETE", path, if_match=f'"{listed["one"]}"').status == 200


def test_i14_a_token_is_revoked_as_it_was_seen(api: Api) -> None:
    made = api.ask("POST", "/api/v1/tokens", {"name": "ci", "role": "viewer"})
    [listed] = [one for one in api.ask("GET", "/api/v1/tokens").data["items"] if one["name"] == "ci"]
    assert listed["revision"] == made.data["revision"]
    assert api.ask("DELETE", "/api/v1/tokens/ci").status == 200
    again = api.ask("POST", "/api/v1/tokens", {"name": "ci", "role": "viewer"})
    assert api.ask("DELETE", "/api/v1/tokens/ci", if_match=f'"{listed["revision"]}"').status == 412
    assert api.ask("DELETE", "/api/v1/tokens/ci", if_match=f'"{again.data["revision"]}"').status == 200


def test_i14_of_many_who_make_a_token_or_a_user_of_one_name_one_does(api: Api) -> None:
    found: list[int] = []

    def make(number: int) -> None:
        if number % 2:
            found.append(api.ask("POST", "/api/v1/tokens", {"name": "wanted", "role": "viewer"}).status)
        else:
            made = api.ask("PUT", "/api/v1/users/wanted", {"role": "viewer"}, if_none_match="*")
            found.append(made.status)

    askers = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(60)
    assert Counter(found)[201] == 1, found
    assert set(found) <= {201, 409, 412}


def test_i14_a_password_that_is_changed_is_not_undone_by_whoever_keeps_it(api: Api) -> None:
    path = "/api/v1/users/carol"
    assert api.ask("PUT", path, {"role": "viewer", "password": PASSWORD}).status == 201
    statuses: list[int] = []

    def describe(first: int) -> None:
        for number in range(first, first + 10):
            told = api.ask("PUT", path, {"role": "viewer", "description": f"number {number}"})
            statuses.append(told.status)

    askers = [threading.Thread(target=describe, args=(first,)) for first in (0, 10)]
    for asker in askers:
        asker.start()
    new = {"role": "viewer", "password": f"new-{PASSWORD}"}
    for _ in range(100):
        # Who is told 412 has changed nothing, and tries again.
        if api.ask("PUT", path, new).status == 200:
            break
    for asker in askers:
        asker.join(60)
    assert set(statuses) <= {200, 412}
    come = {"name": "carol", "password": new["password"]}
    assert api.ask("POST", "/api/v1/session?form=token", come, authorization="").status == 201
