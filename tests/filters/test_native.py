"""The core's filters, as the catalogue shows them: complete, and with examples that hold."""

import json

import pytest

from penstock import _core
from penstock.compiler import compile_resources
from penstock.filters import FilterKind
from penstock.model.loading import load_data
from penstock.model.loading.tree import read_yaml

if not hasattr(_core, "native_filters"):
    pytest.skip("the core is built without its filters", allow_module_level=True)

from penstock.filters.native import native_catalogue

CATALOGUE = native_catalogue()


@pytest.mark.parametrize("kind", CATALOGUE.kinds.values(), ids=lambda kind: kind.name)
def test_every_filter_example_is_valid(kind: FilterKind) -> None:
    step = read_yaml(kind.example)
    assert step.pop("kind") == kind.name
    checked = CATALOGUE.check(kind.name, step)
    assert checked.problems == ()
    assert checked.settings is not None


@pytest.mark.parametrize("kind", CATALOGUE.kinds.values(), ids=lambda kind: kind.name)
def test_every_field_of_a_filter_is_described(kind: FilterKind) -> None:
    assert kind.summary
    undescribed = [name for name, field in kind.schema.get("properties", {}).items() if not field.get("description")]
    assert undescribed == []


@pytest.mark.parametrize("kind", CATALOGUE.kinds)
def test_an_unknown_setting_is_a_problem_at_its_path(kind: str) -> None:
    problems = CATALOGUE.check(kind, {"nonsense": 1}).problems
    assert ("nonsense",) in [problem.path for problem in problems]


def test_settings_that_are_no_plain_data_are_a_problem() -> None:
    assert CATALOGUE.check("Forward", {"to": "\ud800"}).problems
    assert CATALOGUE.check("Forward", {"to": float("nan")}).problems


def test_forward_to_an_upstream_becomes_its_key() -> None:
    loaded = load_data([{"kind": "Route", "name": "a", "to": "http://127.0.0.1:9000"}])
    compiled = compile_resources(loaded.resources, CATALOGUE)
    assert compiled.is_usable
    assert '"upstream/http://127.0.0.1:9000"' in json.dumps(compiled.plan["parts"]["pipeline/route.a"])
