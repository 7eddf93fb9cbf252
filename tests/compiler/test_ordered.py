"""Certificates that the gateway orders: what is wrong with them, and plans before and after they have come."""

from typing import Any

import pytest

from penstock.compiler import Compiled, compile_resources
from penstock.filters.native import native_catalogue
from penstock.model.certificate import Certificate
from penstock.model.loading.loader import load_data
from penstock.runtime.change.entries import Entries
from penstock.runtime.change.ordered import CHALLENGES, ISSUED, Issued, challenges_text
from penstock.runtime.explanation import explain
from penstock.store import Entry, Snapshot
from tests.servers.tls_client import pair

PLAIN = {"kind": "Listener", "name": "plain", "address": "127.0.0.1:8080"}
WEB = {"kind": "Listener", "name": "web", "address": "127.0.0.1:8443", "tls": {"certificates": ["shop"]}}
SHOP = {"kind": "Certificate", "name": "shop", "acme": {"names": ["shop.test"]}}
ROUTE = {
    "kind": "Route",
    "name": "all",
    "path": "/*",
    "priority": 1_000_000,
    "steps": [{"kind": "Redirect", "scheme": "https", "status": 308}],
}


def compiled(*resources: dict[str, Any]) -> tuple[Compiled, list[str]]:
    """The plan of some resources, and all that is wrong with them."""
    loaded = load_data(resources)
    found = compile_resources(loaded.resources, native_catalogue(), unusable=loaded.unusable)
    problems = [f"{one.path}: {one.message}" for one in (*loaded.problems, *found.problems)]
    return found, problems


def stored(*resources: dict[str, Any], **beside: str) -> Compiled:
    """The plan of what a store holds, with what is kept beside resources."""
    texts = Entries().written(load_data(resources).resources) | {
        key.replace("__", "/"): value for key, value in beside.items()
    }
    entries = {key: Entry(key, value, 1, 1) for key, value in texts.items()}
    placed, problems = Entries().read(Snapshot(1, entries))
    assert problems == []
    return compile_resources(placed, native_catalogue())


def listener(found: Compiled, name: str = "web") -> Any:
    return found.plan["parts"][f"listener/{name}"]["body"]


def test_what_is_whole_has_no_problems() -> None:
    assert compiled(PLAIN, WEB, SHOP, ROUTE)[1] == []


@pytest.mark.parametrize(
    ("acme", "told"),
    [
        ({"names": ["*.shop.test"]}, "can only be proven by DNS"),
        ({"names": ["192.0.2.1"]}, "is an address"),
        ({"names": ["[::1]"]}, "is an address"),
        ({"names": ["shop test"]}, "not the name of a host"),
        ({"names": ["https://shop.test"]}, "not the name of a host"),
        ({"names": []}, "names"),
        ({"names": ["shop.test"], "challenge": "dns-01"}, "http-01"),
        ({"names": ["shop.test"], "directory": "http://ca.test/dir"}, "not the address of a directory"),
        ({"names": ["shop.test"], "email": "ops"}, "not an address of mail"),
        ({"names": ["shop.test"], "email": "a@b.test,c@d.test"}, "not an address of mail"),
        ({"names": ["shop.test"], "key_type": "dsa"}, "key_type"),
        ({"names": ["shop.test"], "renew_before": "0s"}, "longer than 0"),
        ({"names": ["shop.test"], "account": {"key_id": "a", "key": "not base64!"}}, "not a key in base64url"),
    ],
)
def test_what_cannot_be_ordered_is_a_problem(acme: dict[str, Any], told: str) -> None:
    _, problems = compiled(PLAIN, WEB, {**SHOP, "acme": acme}, ROUTE)
    assert len(problems) == 1
    assert told in problems[0]
    assert "not base64!" not in problems[0]


def test_what_is_ordered_is_not_given_too() -> None:
    chain, key = pair("shop")
    _, problems = compiled(PLAIN, WEB, {**SHOP, "certificate": chain, "key": key}, ROUTE)
    assert len(problems) == 2
    assert all("`acme` orders what stands in its place" in one for one in problems)


@pytest.mark.parametrize(
    ("resources", "told"),
    [
        ([WEB, SHOP, ROUTE], "no listener speaks HTTP in clear text"),
        ([PLAIN, SHOP, ROUTE], "no listener shows certificate `shop`"),
        (
            [
                PLAIN,
                WEB,
                SHOP,
                {
                    "kind": "Upstream",
                    "name": "orders",
                    "endpoints": ["https://127.0.0.1:1"],
                    "tls": {"insecure": True, "certificate": "shop"},
                },
            ],
            "and that is for listeners",
        ),
    ],
)
def test_what_it_needs_around_it_is_told(resources: list[dict[str, Any]], told: str) -> None:
    assert any(told in one for one in compiled(*resources)[1])


def test_before_it_has_come_a_listener_shows_the_others_or_refuses_all() -> None:
    chain, key = pair("other")
    other = {"kind": "Certificate", "name": "other", "certificate": chain, "key": key}
    alone, _ = compiled(PLAIN, WEB, SHOP, ROUTE)
    assert (listener(alone)["tls"]["certificates"], listener(alone)["tls"]["unknown_name"]) == ([], "refuse")
    both, _ = compiled(PLAIN, {**WEB, "tls": {"certificates": ["shop", "other"]}}, SHOP, other, ROUTE)
    assert listener(both)["tls"]["certificates"] == ["certificate/other"]
    assert listener(both)["tls"]["unknown_name"] == "first"
    told = explain(alone.plan, {"method": "GET", "url": "https://shop.test/", "headers": []})
    assert told["tls"]["refused"] == "tls_unknown_name"


def test_what_was_issued_is_a_certificate_like_any_other() -> None:
    chain, key = pair("shop")
    issued = Issued(chain, key, "wish").to_text()
    found = stored(PLAIN, WEB, SHOP, ROUTE, **{f"{ISSUED}shop".replace("/", "__"): issued})
    assert found.problems == ()
    assert listener(found)["tls"]["certificates"] == ["certificate/shop"]
    part = found.plan["parts"]["certificate/shop"]["body"]
    assert part["kind"] == "certificate"
    assert part["certificate"] == chain
    assert found.secrets[part["key_hash"]] == key
    renewed = Issued(*pair("renewed"), "wish").to_text()
    later = stored(PLAIN, WEB, SHOP, ROUTE, **{f"{ISSUED}shop".replace("/", "__"): renewed})
    assert later.plan["parts"]["certificate/shop"] != found.plan["parts"]["certificate/shop"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"certificate": 1}'])
def test_what_is_kept_and_is_no_certificate_is_as_good_as_none(text: str) -> None:
    found = stored(PLAIN, WEB, SHOP, ROUTE, **{f"{ISSUED}shop".replace("/", "__"): text})
    assert found.problems == ()
    assert "certificate/shop" not in found.plan["parts"]


def test_what_was_issued_is_never_part_of_what_is_written() -> None:
    shop = Certificate.model_validate(SHOP).with_issued("CHAIN", "KEY")
    assert shop.given[0].certificate == "CHAIN"
    assert Certificate.model_validate(SHOP).given == ()
    for text in (shop.model_dump_json(exclude_unset=True, by_alias=True), repr(shop)):
        assert "KEY" not in text


def test_what_proves_a_name_goes_before_all_that_users_write() -> None:
    kept = {f"{CHALLENGES}shop".replace("/", "__"): challenges_text({"shop.test": ("tok-EN_1", "tok-EN_1.proof")})}
    found = stored(PLAIN, WEB, SHOP, ROUTE, **kept)
    assert found.problems == ()
    url = "http://shop.test/.well-known/acme-challenge/"
    told = explain(found.plan, {"method": "GET", "url": f"{url}tok-EN_1", "headers": [], "listener": "plain"})
    assert told["chosen"]["route"].startswith("acme-challenge.")
    [step] = next(
        part["body"]["steps"]
        for key, part in found.plan["parts"].items()
        if key.startswith("pipeline/route.acme-challenge.") and part["body"]["kind"] == "pipeline"
    )
    assert step["settings"]["body"] == "tok-EN_1.proof"
    for other in (f"{url}tok", "http://other.test/.well-known/acme-challenge/tok-EN_1"):
        told = explain(found.plan, {"method": "GET", "url": other, "headers": [], "listener": "plain"})
        assert told["chosen"]["route"] == "all"


@pytest.mark.parametrize(
    "text", ["", "[]", '{"shop.test": "x"}', '{"not a host": ["a", "b"]}', '{"a.test": ["*", "b"]}']
)
def test_what_is_kept_and_proves_nothing_makes_no_route(text: str) -> None:
    found = stored(PLAIN, WEB, SHOP, ROUTE, **{f"{CHALLENGES}shop".replace("/", "__"): text})
    assert found.problems == ()
    assert not any("acme-challenge" in key for key in found.plan["parts"])
