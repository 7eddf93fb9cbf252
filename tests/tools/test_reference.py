"""The reference has a page for everything, and refuses to leave a gap."""

from dataclasses import replace

import pytest

from penstock.model import KINDS
from penstock.model.schema import kind_schema
from tests.filters.catalogue_fake import KINDS as FILTERS
from tools.reference import Gap, filter_page, index_page, resource_page

LIMIT = {"properties": {"limit": {"type": "string", "description": "Largest body."}}, "required": ["limit"]}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_page_with_all_its_fields(kind: str) -> None:
    page = resource_page(kind, kind_schema(KINDS[kind]))
    assert page.startswith(f"# {kind}\n")
    assert [field for field in KINDS[kind].model_fields if f"| `{field}` |" not in page] == []


def test_a_filter_has_its_settings_and_results() -> None:
    page = filter_page(replace(FILTERS[2], schema=LIMIT))
    assert "| `limit` | text | required | Largest body. |" in page
    assert "Results: `too_large`." in page


def test_defaults_are_written_as_users_write_them() -> None:
    page = resource_page("Upstream", kind_schema(KINDS["Upstream"]))
    assert "| `connect` | text | `2s` | To make a connection. |" in page


@pytest.mark.parametrize(
    "schema", [{"properties": {"limit": {"type": "string"}}}, {"properties": {"limit": {"description": " "}}}]
)
def test_a_setting_without_a_description_is_a_gap(schema: dict[str, object]) -> None:
    with pytest.raises(Gap, match=r"MaxBodySize\.limit"):
        filter_page(replace(FILTERS[2], schema=schema))


def test_the_index_leads_to_every_page() -> None:
    page = index_page({name: kind_schema(model) for name, model in KINDS.items()}, FILTERS)
    assert [name for name in KINDS if f"({name.lower()}.md)" not in page] == []
    assert [kind.name for kind in FILTERS if f"(filters/{kind.name}.md)" not in page] == []
