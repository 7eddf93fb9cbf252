"""The keys of consumers: what of them a plan shows, and what a change of one changes."""

import json
from typing import Any

from penstock.compiler import Compiled, Remembered, compile_resources
from penstock.filters.native import native_catalogue
from penstock.model.loading import load_resources

MARKER = "hush-4711-0123456789"


def consumer(name: str, *keys: str, **more: Any) -> str:
    return json.dumps({"kind": "Consumer", "name": name, "keys": keys, **more})


def compiled(*resources: str, remembered: Remembered | None = None) -> Compiled:
    loaded = load_resources("\n---\n".join(resources))
    found = compile_resources(loaded.resources, native_catalogue(), remembered, unusable=loaded.unusable)
    assert found.is_usable, found.problems
    return found


def parts(found: Compiled) -> dict[str, str]:
    return {key: part["hash"] for key, part in found.plan["parts"].items()}


def test_neither_the_plan_nor_what_goes_beside_it_holds_a_key() -> None:
    found = compiled(consumer("alice", MARKER, groups=["gold"]), consumer("bob", f"{MARKER}-of-bob"))
    assert MARKER not in found.to_json() + json.dumps(dict(found.secrets)) + repr(found)


def test_nobody_can_confirm_by_the_plan_what_they_guess_of_one_key() -> None:
    first = compiled(consumer("alice", MARKER), consumer("bob", "bob-0123456789abcdef"))
    other = compiled(consumer("alice", MARKER), consumer("bob", "bob-9876543210abcdef"))
    assert {key for key, known in parts(first).items() if parts(other)[key] != known} == {"consumer_keys/all"}


def test_a_change_of_a_consumer_changes_no_step_and_no_other_consumer() -> None:
    route = json.dumps({"kind": "Route", "name": "a", "path": "/", "steps": [{"kind": "VerifyKey"}, "end"]})
    remembered = Remembered()
    before = compiled(route, consumer("alice", MARKER), consumer("bob", MARKER * 2), remembered=remembered)
    after = compiled(route, consumer("alice", MARKER), consumer("bob", MARKER * 3), remembered=remembered)
    changed = {key for key, known in parts(after).items() if parts(before)[key] != known}
    assert changed == {"consumer_keys/all"}
    gone = compiled(route, consumer("alice", MARKER), remembered=remembered)
    assert parts(gone) == parts(compiled(route, consumer("alice", MARKER)))
    assert "bob" not in json.dumps(dict(gone.secrets))
    assert not [key for key in parts(compiled(route, remembered=remembered)) if key.startswith("consumer")]
