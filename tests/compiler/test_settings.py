"""References inside settings are followed along the filter's schema, and reported where they were written."""

from typing import Any

import pytest

from penstock.compiler.compiled import Fragment
from penstock.compiler.settings import Written, resolve_references

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
    assert resolve_references(SCHEMA, resolved, Written(written, ("steps", 0)), fragment) == expected
    assert [reference.path for reference in fragment.references] == [("steps", 0, *path) for path in references]


def test_a_url_becomes_a_part_of_its_own() -> None:
    fragment = Fragment()
    settings = {"to": "http://LOCALHOST:9000/base/"}
    found = resolve_references(SCHEMA, settings, Written(settings, ()), fragment)
    assert found == {"to": "upstream/http://localhost:9000/base"}
    assert list(fragment.parts) == ["upstream/http://localhost:9000/base"]
    assert fragment.references == []
