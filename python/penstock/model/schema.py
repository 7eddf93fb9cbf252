"""JSON Schemas of the resources, for editors, forms and other generators."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from penstock.base.units import Unit
from penstock.model.kinds import KINDS
from penstock.model.resource import Resource

OR_REFERENCE = r"|\$\{(env|file):"
"""Ends every pattern: what a reference stands for is known only when it is filled in."""
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Generator(GenerateJsonSchema):
    """Writes defaults as users do, and leaves out titles that only repeat a field's name."""

    def encode_default(self, dft: Any) -> Any:
        """A default as users would write it."""
        if isinstance(dft, BaseModel):
            return dft.model_dump(mode="json", exclude_none=True)
        return str(dft) if isinstance(dft, Unit) else super().encode_default(dft)

    def field_title_should_be_set(self, _schema: Any) -> bool:
        """No field has a title."""
        return False


def kind_schema(model: type[Resource]) -> dict[str, Any]:
    """The schema of one kind of resource."""
    return {"$schema": _DIALECT, **_schema(model)}


def combined_schema() -> dict[str, Any]:
    """One schema for documents of every kind: what `kind` says decides the rest."""
    definitions: dict[str, Any] = {}
    for name, model in KINDS.items():
        schema = _schema(model)
        definitions.update(schema.pop("$defs", {}))
        definitions[name] = schema
    return {
        "$schema": _DIALECT,
        "title": "Penstock configuration",
        "type": "object",
        "properties": {"kind": {"enum": list(KINDS)}},
        "required": ["kind", "name"],
        "allOf": list(_branches()),
        "$defs": dict(sorted(definitions.items())),
    }


def _schema(model: type[Resource]) -> dict[str, Any]:
    schema: dict[str, Any] = _or_reference(model.model_json_schema(schema_generator=_Generator))
    return schema


def _or_reference(schema: Any) -> Any:
    """The schema with every pattern widened by what `${env:NAME}` and `${file:path}` may stand for."""
    if isinstance(schema, list):
        return [_or_reference(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: f"{value}{OR_REFERENCE}" if key == "pattern" and isinstance(value, str) else _or_reference(value)
        for key, value in schema.items()
    }


def _branches() -> Iterator[dict[str, Any]]:
    for name in KINDS:
        chosen = {"properties": {"kind": {"const": name}}, "required": ["kind"]}
        yield {"if": chosen, "then": {"$ref": f"#/$defs/{name}"}}
