"""The fields of a resource or a filter as a page for a terminal, from their schema."""

import re
from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

from penstock.model.field_words import default_of, is_part, type_of

Schema = Mapping[str, Any]

_COLUMNS = 100
_INDENT = "      "
_MARKUP = re.compile(r"\[(\w+)\]\(#\w+\)|`")


def fields_page(title: str, schema: Schema) -> str:
    """All fields, each with what may be written, its default and its meaning; parts of fields below them."""
    definitions = schema.get("$defs", {})
    parts = [(name, one) for name, part in definitions.items() if is_part(part) for one in _forms(part)]
    sections = (_section(name, one, definitions) for name, one in ((title, schema), *parts))
    return "\n\n".join("\n".join(lines) for lines in sections if len(lines) > 1)


def _forms(part: Schema) -> Iterator[Schema]:
    return (one for one in (part, *part.get("anyOf", ())) if "properties" in one)


def _section(title: str, schema: Schema, definitions: Mapping[str, Schema]) -> list[str]:
    lines = [f"{title}:"]
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        default = "required" if name in required else f"default {found}" if (found := default_of(field)) else ""
        facts = (type_of(field, definitions), default)
        lines.append(f"  {name}: {_plain(', '.join(fact for fact in facts if fact))}")
        part = definitions.get(str(field.get("$ref", "")).rpartition("/")[2], {})
        meaning = " ".join(str(field.get("description") or part.get("description", "")).split())
        lines += wrap(meaning, _COLUMNS, initial_indent=_INDENT, subsequent_indent=_INDENT)
    return lines


def _plain(text: str) -> str:
    return _MARKUP.sub(lambda found: found[1] or "", text)
