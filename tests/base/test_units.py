"""The grammar of units is the one of `tests/units.json`, which the core's tests read too."""

import json
from pathlib import Path
from typing import Any

import pytest

from penstock.base.units import Duration, Rate, Size, Unit

CASES: dict[str, list[dict[str, Any]]] = json.loads(Path(__file__).parents[1].joinpath("units.json").read_text())
KINDS: dict[str, type[Unit]] = {"size": Size, "duration": Duration, "rate": Rate}


def cases(problem: bool) -> list[tuple[str, dict[str, Any]]]:  # noqa: FBT001
    return [(kind, case) for kind in KINDS for case in CASES[kind] if case.get("problem", False) == problem]


@pytest.mark.parametrize(("kind", "case"), cases(problem=False), ids=lambda value: str(value)[:40])
def test_a_unit_is_read(kind: str, case: dict[str, Any]) -> None:
    unit = KINDS[kind].parse(case["text"])
    assert unit.number == case.get("bytes", case.get("millis", case.get("count")))
    assert getattr(unit, "period", None) == case.get("per_millis")
    assert str(unit) == case["text"]


@pytest.mark.parametrize(("kind", "case"), cases(problem=True), ids=lambda value: str(value)[:40])
def test_what_is_no_unit_is_refused(kind: str, case: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"write|too large|nothing"):
        KINDS[kind].parse(case["text"])


@pytest.mark.parametrize("value", [None, 5, 5.0, True, [], {}], ids=repr)
@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.__name__)
def test_a_value_without_a_unit_is_refused(kind: type[Unit], value: object) -> None:
    with pytest.raises(ValueError, match="write"):
        kind.parse(value)
