"""Makes `compiler/plan_types.py`: the plan's types for mypy, from the JSON Schema that the core exports."""

import re
from collections.abc import Mapping
from typing import Any

_HEADER = '''"""The types of a plan, generated from the core's by `tools/generate.py`: change them there."""

from typing import Any, Literal, TypedDict
'''
_PLAIN = {"string": "str", "integer": "int", "boolean": "bool", "number": "float", "null": "None"}
_SENTENCE = re.compile(r".*?[.;](?= |$)")

Schema = Mapping[str, Any]


def plan_types(schema: Schema) -> str:
    """The module's text; classes come in the order of their names, each type after those it is made of."""
    written = _Writer()
    for name, definition in sorted(schema["$defs"].items()):
        written.define(name, definition)
    written.define(schema["title"], schema)
    return "\n\n".join([_HEADER, *written.classes, "\n".join(written.unions)]) + "\n"


class _Writer:
    """Collects classes, and the unions of them that come last."""

    def __init__(self) -> None:
        self.classes: list[str] = []
        self.unions: list[str] = []

    def define(self, name: str, schema: Schema) -> None:
        if "oneOf" in schema:
            words = [f'"{one["const"]}"' for one in schema["oneOf"] if "const" in one]
            words += [f'"{word}"' for one in schema["oneOf"] for word in one.get("enum", ())]
            members = [self._variant(name, one) for one in schema["oneOf"] if one.get("type") == "object"]
            literal = [f"Literal[{', '.join(words)}]"] if words else []
            self.unions.append(f"{name} = {_joined([*literal, *members])}\n{_docstring(schema)}")
        elif schema.get("type") == "object":
            self._class(name, schema)
        else:
            self.unions.append(f"{name} = {_type(schema)}\n{_docstring(schema)}")

    def _variant(self, name: str, schema: Schema) -> str:
        """The type of one alternative; one with fields becomes a class named after what tells it apart."""
        fields = schema["properties"]
        tag = fields.get("kind", {}).get("const") or next(iter(fields))
        own = f"{_camel(tag)}{name}"
        self._class(own, schema)
        return own

    def _class(self, name: str, schema: Schema) -> None:
        lines = [f"class {name}(TypedDict):", f"    {_docstring(schema)}", ""]
        for field, content in schema["properties"].items():
            lines.append(f"    {field}: {_type(content)}")
        self.classes.append("\n".join(lines) + "\n")


def _type(schema: Schema | bool) -> str:  # noqa: FBT001 - JSON Schema says `true` for anything
    if isinstance(schema, bool):
        return "Any"
    if "$ref" in schema:
        return f'"{schema["$ref"].rpartition("/")[2]}"'
    if "const" in schema:
        return f'Literal["{schema["const"]}"]'
    if "anyOf" in schema:
        return _joined([_type(one) for one in schema["anyOf"]])
    kind = schema.get("type")
    return _joined([_simple(schema, one) for one in kind]) if isinstance(kind, list) else _simple(schema, str(kind))


def _simple(schema: Schema, kind: str) -> str:
    if kind == "array":
        return f"list[{_type(schema['items'])}]"
    if kind == "object":
        return f"dict[str, {_type(schema.get('additionalProperties', True))}]"
    return _PLAIN.get(kind, "Any")


def _joined(members: list[str]) -> str:
    """A union; names of later types are quoted as a whole, since a quoted name alone has no `|`."""
    text = " | ".join(member.strip('"') if member.startswith('"') else member for member in members)
    return f'"{text}"' if any(member.startswith('"') for member in members) else text


def _docstring(schema: Schema) -> str:
    """The first sentence of a description."""
    text = " ".join(str(schema.get("description", "A plan.")).split())
    sentence = _SENTENCE.match(text)
    return f'"""{(sentence[0] if sentence else text).rstrip(":;.")}."""'


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
