"""Stored resources are shown without what their schemas mark as secret."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from penstock.filters.catalogue import FilterKind
from penstock.runtime.change.shown import shown

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
