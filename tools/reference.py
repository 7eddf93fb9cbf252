"""Makes the reference: a page for each kind of resource and for each filter, from their schemas."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from penstock.filters.catalogue import FilterKind

Schema = Mapping[str, Any]


class Gap(Exception):  # noqa: N818 - says what was found
    """Something that the reference should say and nobody wrote."""


def resource_page(kind: str, schema: Schema) -> str:
    """The page of one kind of resource, the parts it is made of below it.

    Raises: Gap if a field has no description.
    """
    definitions = schema.get("$defs", {})
    tables = [_table(kind, schema, definitions)]
    for name, part in definitions.items():
        tables.append(f"## {name}\n\n{part.get('description', '')}\n\n{_table(f'{kind}.{name}', part, definitions)}")
    return "\n\n".join([f"# {kind}", _described(kind, schema), *tables]) + "\n"


def filter_page(kind: FilterKind) -> str:
    """The page of one filter.

    Raises: Gap if it or one of its settings has no description.
    """
    if not kind.page.strip() or not kind.example.strip():
        raise Gap(f"filter {kind.name} has no page or no example")
    results = ", ".join(f"`{result}`" for result in kind.results) or "none"
    facts = f"Results: {results}. {'Needs the whole body.' if kind.buffers_body else 'Bodies stream through.'}"
    table = _table(kind.name, kind.schema, kind.schema.get("$defs", {}))
    return "\n\n".join([f"# {kind.name}", kind.page.strip(), table, facts, f"Source: `{kind.source}`"]) + "\n"


def index_page(kinds: Mapping[str, Schema], filters: Iterable[FilterKind]) -> str:
    """The page that leads to all others."""
    resources = [f"- [{kind}]({kind.lower()}.md): {_summary(_described(kind, kinds[kind]))}" for kind in kinds]
    steps = [f"- [{kind.name}](filters/{kind.name}.md): {kind.summary}" for kind in filters]
    return "\n".join(["# Reference", "", "## Resources", "", *resources, "", "## Filters", "", *steps]) + "\n"


def _table(owner: str, schema: Schema, definitions: Mapping[str, Schema]) -> str:
    rows = list(_rows(owner, schema, definitions))
    if not rows:
        return "It has no fields."
    return "\n".join(["| field | type | default | meaning |", "| --- | --- | --- | --- |", *rows])


def _rows(owner: str, schema: Schema, definitions: Mapping[str, Schema]) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        default = "required" if name in required else _default(field)
        # A part's own words stand for those of a field that says the same.
        part = definitions.get(str(field.get("$ref", "")).rpartition("/")[2], {})
        meaning = " ".join(_described(f"{owner}.{name}", {**part, **field}).split()).replace("|", "\\|")
        yield f"| `{name}` | {_type(field)} | {default} | {meaning} |"


def _described(what: str, schema: Schema) -> str:
    text: str = schema.get("description", "")
    if not text.strip():
        raise Gap(f"{what} has no description")
    return text


def _summary(text: str) -> str:
    return text.partition("\n")[0]


def _default(field: Schema) -> str:
    value = field.get("default")
    return "" if value in (None, [], {}) else f"`{value}`"


def _type(field: Schema) -> str:
    """What may be written, in a few words."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " or ".join(f"`{word}`" for word in field["enum"])
    branches = [branch for branch in field.get("anyOf", ()) if branch.get("type") != "null"]
    if branches:
        return " or ".join(dict.fromkeys(_type(branch) for branch in branches))
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    return {"string": "text", "object": "mapping", "integer": "number"}.get(str(field.get("type")), "any")
