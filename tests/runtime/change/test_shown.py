"""Stored resources are shown without what their schemas mark as secret."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from penstock.filters.catalogue import FilterKind
from penstock.runtime.change.shown import shown, unmasked

STARS = "*" * 10
SCHEMA = {
    "properties": {
        "header": {"type": "string"},
        "secret": {"anyOf": [{"type": "string", "format": "password"}, {"type": "null"}]},
        "keys": {"type": "array", "items": {"$ref": "#/$defs/Key"}},
    },
    "$defs": {"Key": {"properties": {"id": {"type": "string"}, "value": {"format": "password"}}}},
}
KINDS = {"Sign": FilterKind("Sign", "", "", SCHEMA, "")}
STEP = {"kind": "Sign", "name": "a", "header": "x", "secret": "s1", "keys": [{"id": "1", "value": "s2"}]}


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (
            {"kind": "Certificate", "name": "a", "certificate": "C", "key": "K"},
            {"kind": "Certificate", "name": "a", "certificate": "C", "key": STARS},
        ),
        (
            {"kind": "Certificate", "name": "a", "pairs": [{"certificate": "C", "key": "K"}]},
            {"kind": "Certificate", "name": "a", "pairs": [{"certificate": "C", "key": STARS}]},
        ),
        (
            {"kind": "Route", "name": "a", "path": "/", "steps": [STEP]},
            {
                "kind": "Route",
                "name": "a",
                "path": "/",
                "steps": [STEP | {"secret": STARS, "keys": [{"id": "1", "value": STARS}]}],
            },
        ),
        (
            {"kind": "Listener", "name": "a", "before": [{"kind": "Stranger", "when": "true", "x": ["s", {"y": 1}]}]},
            {
                "kind": "Listener",
                "name": "a",
                "before": [{"kind": "Stranger", "when": "true", "x": [STARS, {"y": 1}]}],
            },
        ),
        ({"kind": "Nonsense", "key": "K"}, STARS),
        ([1], [1]),
        ("text", STARS),
    ],
)
def test_secrets_are_stars(stored: Mapping[str, Any], expected: Any) -> None:
    assert shown(json.dumps(stored), KINDS) == expected


def test_what_is_no_json_is_stars() -> None:
    assert shown("{", KINDS) == STARS


def test_what_is_sent_back_as_it_was_seen_keeps_its_secrets_and_nothing_else_becomes_one() -> None:
    stored = {"kind": "Route", "name": "a", "path": STARS, "steps": [STEP, {"kind": "Stranger", "x": "s"}]}
    seen = shown(json.dumps(stored), KINDS)
    assert unmasked(seen, stored, seen) == stored
    changed = {**seen, "name": STARS, "steps": [{**seen["steps"][0], "header": STARS, "secret": "new"}]}
    kept = [{**STEP, "header": STARS, "secret": "new"}]
    assert unmasked(changed, stored, seen) == {**stored, "name": STARS, "steps": kept}
    assert unmasked({"key": STARS}, {}, {}) == {"key": STARS}


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ([STARS, STARS], ["a", "b"]),
        (["new", STARS, STARS], ["new", "a", "b"]),
        ([STARS, "new", STARS], ["a", "new", "b"]),
        (["new"], ["new"]),
        ([STARS], [STARS]),
        (["new", STARS], ["new", STARS]),
        ([STARS, STARS, STARS], [STARS, STARS, STARS]),
    ],
)
def test_stars_in_a_list_stand_for_all_of_its_secrets_or_for_none(sent: list[str], expected: list[str]) -> None:
    assert unmasked({"keys": sent}, {"keys": ["a", "b"]}, {"keys": [STARS, STARS]}) == {"keys": expected}
