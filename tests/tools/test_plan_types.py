"""The plan's types are made from its schema, and are those that the compiler is checked against."""

import ast
from pathlib import Path

from penstock.compiler import plan_types
from tools.plan_types import plan_types as typed

SCHEMA = {
    "title": "Plan",
    "description": "A plan. More of it.",
    "properties": {"parts": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Body"}}},
    "$defs": {
        "Body": {
            "oneOf": [
                {"type": "object", "properties": {"kind": {"const": "one"}, "size": {"type": ["integer", "null"]}}},
                {"type": "string", "const": "none"},
                {"type": "string", "enum": ["a", "b"]},
            ]
        },
        "Leaf": {
            "type": "object",
            "properties": {"any": True, "body": {"anyOf": [{"$ref": "#/$defs/Body"}, {"type": "null"}]}},
        },
    },
    "type": "object",
}


def test_each_shape_of_schema_becomes_a_type() -> None:
    text = typed(SCHEMA)
    fields = {
        f"{node.name}.{ast.unparse(item.target)}": ast.unparse(item.annotation)
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef)
        for item in node.body
        if isinstance(item, ast.AnnAssign)
    }
    assert fields == {
        "OneBody.kind": "Literal['one']",
        "OneBody.size": "int | None",
        "Leaf.any": "Any",
        "Leaf.body": "'Body | None'",
        "Plan.parts": "dict[str, 'Body']",
    }
    assert 'Body = Literal["none", "a", "b"] | OneBody' in text
    assert '"""A plan."""' in text


def test_the_committed_types_name_every_kind_of_part() -> None:
    source = Path(str(plan_types.__file__)).read_text()
    kinds = ("Listener", "Route", "Pipeline", "Upstream", "Names", "Telemetry", "Plugin")
    assert [kind for kind in kinds if f"class {kind}Body(" not in source] == []
