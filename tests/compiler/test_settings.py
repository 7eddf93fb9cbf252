"""References inside settings are followed along the filter's schema, and reported where they were written."""

import ast
from typing import Any

import pytest

from penstock.compiler.compiled import Compiled, Fragment
from penstock.compiler.settings import Written, resolve_settings

NAME = {"type": "string", "x-penstock-reference": "upstream"}
SCHEMA = {
    "properties": {
        "to": {"$ref": "#/$defs/Written"},
        "plain": {"type": "string"},
        "mirror": {"anyOf": [NAME, {"type": "null"}]},
    },
    "$defs": {
        "Written": {"anyOf": [NAME, {"type": "array", "items": {"$ref": "#/$defs/Share"}}]},
        "Share": {"type": "object", "properties": {"upstream": NAME, "weight": {"type": "integer"}}},
    },
}


@pytest.mark.parametrize(
    ("written", "resolved", "expected", "references"),
    [
        ({"to": "a"}, {"to": "a"}, {"to": "upstream/a"}, [("to",)]),
        ({"to": "a"}, {"to": [{"upstream": "a"}]}, {"to": [{"upstream": "upstream/a"}]}, [("to",)]),
        (
            {"to": [{"upstream": "a"}]},
            {"to": [{"upstream": "a", "weight": 1}]},
            {"to": [{"upstream": "upstream/a", "weight": 1}]},
            [("to", 0, "upstream")],
        ),
        ({"plain": "a"}, {"plain": "a", "mirror": None}, {"plain": "a", "mirror": None}, []),
        ({}, {"mirror": "a"}, {"mirror": "upstream/a"}, [()]),
    ],
)
def test_references_become_keys(
    written: dict[str, Any], resolved: dict[str, Any], expected: dict[str, Any], references: list[tuple[Any, ...]]
) -> None:
    fragment = Fragment()
    assert resolve_settings(SCHEMA, resolved, Written(written, ("steps", 0)), fragment) == expected
    assert [reference.path for reference in fragment.references] == [("steps", 0, *path) for path in references]


def test_a_url_becomes_a_part_of_its_own() -> None:
    fragment = Fragment()
    settings = {"to": "http://LOCALHOST:9000/base/"}
    found = resolve_settings(SCHEMA, settings, Written(settings, ()), fragment)
    assert found == {"to": "upstream/http://localhost:9000/base"}
    assert list(fragment.parts) == ["upstream/http://localhost:9000/base"]
    assert fragment.references == []


SECRET = {"type": "string", "format": "password", "writeOnly": True}
SECRETS = {
    "properties": {
        "key": SECRET,
        "maybe": {"anyOf": [SECRET, {"type": "null"}]},
        "keys": {"type": "array", "items": SECRET},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}, SECRET]},
        "by_name": {"type": "object", "additionalProperties": SECRET},
        "by_pattern": {"type": "object", "patternProperties": {"^k": SECRET}},
        "inner": {"$ref": "#/$defs/Inner"},
    },
    "$defs": {"Inner": {"type": "object", "properties": {"key": SECRET, "user": {"type": "string"}}}},
}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"key": "hush"}, {"key": "#"}),
        ({"maybe": None}, {"maybe": None}),
        ({"maybe": "hush"}, {"maybe": "#"}),
        ({"keys": ["hush", "hush"]}, {"keys": ["#", "#"]}),
        ({"pair": ["plain", "hush"]}, {"pair": ["plain", "#"]}),
        ({"by_name": {"a": "hush"}}, {"by_name": {"a": "#"}}),
        ({"by_pattern": {"k1": "hush"}}, {"by_pattern": {"k1": "#"}}),
        ({"inner": {"key": "hush", "user": "u"}}, {"inner": {"key": "#", "user": "u"}}),
    ],
)
def test_a_secret_is_a_hash_in_the_plan_wherever_it_stands(settings: dict[str, Any], expected: dict[str, Any]) -> None:
    fragment = Fragment()
    found = resolve_settings(SECRETS, settings, Written(settings, ()), fragment)
    assert list(fragment.secrets.values()) == ["hush"] * ("hush" in repr(settings))
    for name in fragment.secrets:
        found = ast.literal_eval(repr(found).replace(repr({"$secret": name}), repr("#")))
    assert found == expected


def test_what_stands_for_a_secret_cannot_be_written() -> None:
    fragment = Fragment()
    resolve_settings(SECRETS, settings := {"inner": {"$secret": "0"}}, Written(settings, ("steps", 0)), fragment)
    assert [(one.path, one.message) for one in fragment.problems] == [
        (("steps", 0, "inner", "$secret"), "no setting may be called `$secret`")
    ]
    assert "hush" not in repr(Compiled({"parts": {}}, (), {"a": "hush"}))
