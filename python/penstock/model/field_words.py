"""What may be written for a field, in a few words, as a schema has it."""

from collections.abc import Mapping
from typing import Any

from penstock.base.units import Duration, Rate, Size
from penstock.model.schema import OR_REFERENCE

Schema = Mapping[str, Any]

_UNITS = {unit.pattern: unit.__name__.lower() for unit in (Duration, Size, Rate)}
_TEXTS = {
    "regex": "regular expression",
    "template": "template",
    "header_template": "template",
    "field_name": "header name",
    "host": "host",
    "limit_key": "`client_ip` or template",
}
_MARKS = {"x-penstock-expression": "condition", "x-penstock-regex": "regular expression"}
_PLAIN = {"string": "text", "boolean": "`true` or `false`", "number": "number"}


def type_of(field: Schema, definitions: Mapping[str, Schema]) -> str:
    """What may be written."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        part = definitions.get(name, {})
        return f"[{name}](#{name.lower()})" if is_part(part) else type_of(part, definitions)
    if "const" in field or "enum" in field:
        return " or ".join(f"`{_written(word)}`" for word in field.get("enum", [field.get("const")]))
    branches = [one for one in (*field.get("anyOf", ()), *field.get("oneOf", ())) if one.get("type") != "null"]
    if branches:
        return " or ".join(dict.fromkeys(type_of(branch, definitions) for branch in branches))
    return _marked(field) or _by_type(field, definitions)


def default_of(field: Schema) -> str:
    """What holds where nothing is written; empty where that is nothing, or told of each part below."""
    value = field.get("default")
    if value in (None, [], {}, "") or isinstance(value, dict):
        return ""
    return f"`[{', '.join(map(_written, value))}]`" if isinstance(value, list) else f"`{_written(value)}`"


def is_part(definition: Schema) -> bool:
    """Whether a definition is a mapping with keys of its own, which has a table."""
    return bool(definition.get("properties")) or any("properties" in one for one in definition.get("anyOf", ()))


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _marked(field: Schema) -> str:
    """The type of a text that has a grammar."""
    if "x-penstock-reference" in field:
        kind = field["x-penstock-reference"]
        return f"name of {'an' if kind[0] in 'aeiou' else 'a'} {kind}{' or URL' if kind == 'upstream' else ''}"
    named = field.get("x-penstock-unit") or _TEXTS.get(field.get("x-penstock-text", ""))
    marked = next((word for mark, word in _MARKS.items() if mark in field), "")
    return named or marked or _UNITS.get(field.get("pattern", "").removesuffix(OR_REFERENCE), "")


def _by_type(field: Schema, definitions: Mapping[str, Schema]) -> str:
    found = field.get("type")
    kinds = [one for one in (found if isinstance(found, list) else [found]) if one != "null"]
    return " or ".join(_one_type(str(kind), field, definitions) for kind in kinds) or "any"


def _one_type(kind: str, field: Schema, definitions: Mapping[str, Schema]) -> str:
    if kind == "array":
        return f"list of {type_of(field.get('items', {}), definitions)}"
    if kind == "integer":
        least, most = field.get("minimum"), field.get("maximum")
        return "number" if least is None else f"number from {least}" + (f" to {most}" if most is not None else "")
    if kind != "object":
        return _PLAIN.get(kind, "any")
    if field.get("properties"):
        return "`{" + ", ".join(f"{name}: ..." for name in field["properties"]) + "}`" + _one_only(field)
    values = field.get("additionalProperties")
    return f"mapping of {type_of(values, definitions)}" if isinstance(values, Mapping) else "mapping"


def _one_only(field: Schema) -> str:
    return " (one of these)" if field.get("maxProperties") == 1 and len(field["properties"]) > 1 else ""
