"""The reference has a page for everything, and refuses to leave a gap."""

import argparse
import json
import re
from dataclasses import replace
from textwrap import dedent

import pytest

from penstock import _core
from penstock.admin.app import OPERATIONS
from penstock.admin.description import describe
from penstock.admin.metrics import all_metrics
from penstock.cli.commands import COMMANDS
from penstock.cli.main import every_parser
from penstock.compiler import compile_resources
from penstock.filters import PluginDescription
from penstock.filters.native import native_catalogue
from penstock.model import KINDS
from penstock.model.loading import load_resources
from penstock.model.loading.substitution import Surroundings
from penstock.model.schema import kind_schema
from penstock.runtime.measures.readings import Metric
from tests.filters.catalogue_fake import KINDS as FILTERS
from tests.filters.catalogue_fake import FakeCatalogue
from tools.reference import Gap, filter_page, index_page, metrics_page, reasons_page, resource_page
from tools.reference_commands import commands_page
from tools.reference_endpoints import endpoints_page
from tools.repository import ROOT

LIMIT = {"properties": {"limit": {"type": "string", "description": "Largest body."}}, "required": ["limit"]}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_page_with_all_its_fields(kind: str) -> None:
    page = resource_page(kind, kind_schema(KINDS[kind]), KINDS[kind].example)
    assert page.startswith(f"# {kind}\n")
    assert [field for field in KINDS[kind].model_fields if f"| `{field}` |" not in page] == []


def test_a_filter_has_its_settings_and_results() -> None:
    page = filter_page(replace(FILTERS[2], schema=LIMIT))
    assert "| `limit` | text | required | Largest body. |" in page
    assert "Results: `too_large`." in page


def test_defaults_are_written_as_users_write_them() -> None:
    page = resource_page("Upstream", kind_schema(KINDS["Upstream"]), "kind: Upstream")
    assert "| `connect` | duration | `2s` | To make a connection. |" in page
    assert "| `enabled` | `true` or `false` | `true` |" in page


TYPES = [
    ("Route", "timeout", "duration"),
    ("Route", "pipeline", "name of a pipeline"),
    ("Route", "listeners", "list of name of a listener"),
    ("Route", "path", "text or `{regex: ...}`"),
    ("Route", "when", "condition"),
    ("Route", "priority", "number from -1000000 to 1000000"),
    ("Listener", "limits", "[Limits](#limits)"),
    ("Listener", "headers", "size"),
    ("Listener", "encoded_slash", "`refuse` or `keep`"),
]


@pytest.mark.parametrize(("kind", "field", "expected"), TYPES)
def test_a_type_says_what_may_be_written(kind: str, field: str, expected: str) -> None:
    page = resource_page(kind, kind_schema(KINDS[kind]), KINDS[kind].example)
    assert f"| `{field}` | {expected} |" in page


def test_no_link_of_a_page_leads_nowhere() -> None:
    pages = [resource_page(kind, kind_schema(model), model.example) for kind, model in KINDS.items()]
    pages += [filter_page(kind) for kind in native_catalogue().kinds.values()]
    for page in pages:
        headings = {line.removeprefix("## ").lower() for line in page.splitlines() if line.startswith("## ")}
        assert set(re.findall(r"\(#(\w+)\)", page)) <= headings, page


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_a_kind_has_no_problems(kind: str) -> None:
    files = Surroundings(file=lambda _, path: (ROOT / "tests/certificates" / path).read_text())
    loaded = load_resources(dedent(KINDS[kind].example), files)
    assert [type(placed.resource).__name__ for placed in loaded.resources] == [kind]
    described = {"house": PluginDescription("abc", {})}
    compiled = compile_resources(loaded.resources, FakeCatalogue(plugins=described), unusable=loaded.unusable)
    assert [*loaded.problems, *compiled.problems] == []


@pytest.mark.parametrize(
    "schema", [{"properties": {"limit": {"type": "string"}}}, {"properties": {"limit": {"description": " "}}}]
)
def test_a_setting_without_a_description_is_a_gap(schema: dict[str, object]) -> None:
    with pytest.raises(Gap, match=r"MaxBodySize\.limit"):
        filter_page(replace(FILTERS[2], schema=schema))


def test_every_metric_is_listed_with_its_labels() -> None:
    page = metrics_page(all_metrics())
    assert "| `penstock_requests_total` | counter | route, class | Requests by route and class of status. |" in page
    assert [metric.name for metric in all_metrics() if f"| `{metric.name}` |" not in page] == []


def test_a_metric_that_nobody_described_is_a_gap() -> None:
    with pytest.raises(Gap, match="penstock_x"):
        metrics_page([Metric("penstock_x", "gauge", " ")])


def test_every_reason_is_explained() -> None:
    page = reasons_page(json.loads(_core.reasons()))
    assert "| `no_route` | 404 | client | No route is for this host and path; `penstock explain`" in page
    assert "| `client_gone` |  | client |" in page


def test_a_reason_that_nobody_explained_is_a_gap() -> None:
    with pytest.raises(Gap, match="no_x"):
        reasons_page([{"reason": "no_x", "status": 404, "blame": "client", "meaning": " "}])


def test_every_command_has_its_usage_and_all_its_arguments() -> None:
    page = commands_page(every_parser())
    assert [name for name, summary in COMMANDS.items() if summary and f"## penstock {name}\n" not in page] == []
    assert "| `--grace TIME` | `30s` | Time to end. |" in page
    assert (
        "| `-c, --configuration FILE\\|DIR` | required | Configuration file or folder; - for standard input. |" in page
    )
    assert "| `--watch, --no-watch` | `--watch` |" in page


def test_the_words_of_a_command_are_described_as_commands_are() -> None:
    page = commands_page({"thing": _with_word("Make one.", "its name")})
    assert "## penstock thing make\n\nMake one.\n\n```text\npenstock thing make [-h] NAME\n```" in page
    assert "| `NAME` |  | Its name. |" in page


@pytest.mark.parametrize(("description", "argument"), [("", "its name"), ("Make one.", " ")])
def test_a_command_or_an_argument_that_nobody_described_is_a_gap(description: str, argument: str) -> None:
    with pytest.raises(Gap, match="penstock thing make"):
        commands_page({"thing": _with_word(description, argument)})


def _with_word(description: str, argument: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="penstock thing", description="Things.")
    below = parser.add_subparsers().add_parser("make", description=description)
    below.add_argument("name", metavar="NAME", help=argument)
    return parser


def test_every_operation_of_the_admin_api_is_described_with_its_answers() -> None:
    page = endpoints_page(describe(OPERATIONS))
    assert [one.path for one in OPERATIONS if f"## {one.method} {one.path}\n" not in page] == []
    assert "| 503 | It starts or ends; the text says which. |" in page


def test_an_operation_that_nobody_described_is_a_gap() -> None:
    described = describe([replace(OPERATIONS[0], summary="")])
    with pytest.raises(Gap, match=OPERATIONS[0].path):
        endpoints_page(described)


def test_the_index_leads_to_every_page() -> None:
    page = index_page({name: kind_schema(model) for name, model in KINDS.items()}, FILTERS)
    assert [name for name in KINDS if f"({name.lower()}.md)" not in page] == []
    assert [kind.name for kind in FILTERS if f"(filters/{kind.name}.md)" not in page] == []
