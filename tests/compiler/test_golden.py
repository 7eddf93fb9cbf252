"""Every `cases/<name>.in.yaml` compiles to the `<name>.plan.json` beside it."""

import json
from pathlib import Path

import pytest

from penstock.base.problem import errors
from penstock.compiler import compile_resources
from penstock.model.loading import load_resources
from tests.compiler.catalogue import catalogue

CASES = sorted(Path(__file__).with_name("cases").glob("*.in.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.removesuffix(".in.yaml"))
def test_compiles_to_the_golden_plan(case: Path, rewrite_golden: bool) -> None:  # noqa: FBT001
    golden = case.with_name(case.name.replace(".in.yaml", ".plan.json"))
    loaded = load_resources(case.read_text())
    compiled = compile_resources(loaded.resources, catalogue())
    assert errors([*loaded.problems, *compiled.problems]) == []
    if rewrite_golden:
        golden.write_text(compiled.to_json())
    assert golden.read_text() == compiled.to_json(), "review the change, then run: make golden"


def test_every_plan_has_its_case() -> None:
    plans = {plan.name.removesuffix(".plan.json") for plan in Path(__file__).with_name("cases").glob("*.plan.json")}
    assert plans == {case.name.removesuffix(".in.yaml") for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.removesuffix(".in.yaml"))
def test_every_key_of_a_plan_that_is_named_is_there(case: Path) -> None:
    compiled = compile_resources(load_resources(case.read_text()).resources, catalogue())
    parts = json.loads(compiled.to_json())["parts"]
    named = [body["pipeline"] for part in parts.values() if (body := part["body"])["kind"] == "route"]
    assert [key for key in named if key not in parts] == []
