"""Every field is described, and the committed schemas are those of the models."""

from collections.abc import Iterator
from typing import Any

import pytest

from penstock.model import KINDS
from penstock.model.schema import combined_schema, kind_schema
from tools import generate


def undescribed(schema: dict[str, Any]) -> Iterator[str]:
    for name, model in {"": schema, **schema.get("$defs", {})}.items():
        for field, content in model.get("properties", {}).items():
            if "description" not in content and "$ref" not in content:
                yield f"{name}.{field}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_described(kind: str) -> None:
    schema = kind_schema(KINDS[kind])
    assert list(undescribed(schema)) == []
    assert schema["description"]


def test_the_combined_schema_knows_every_kind() -> None:
    assert set(KINDS) <= set(combined_schema()["$defs"])


def test_the_committed_files_are_fresh() -> None:
    stale = [path.name for name in generate.TARGETS for path in generate.stale_files(generate.TARGETS[name]())]
    assert stale == [], "run: python tools/generate.py write"
