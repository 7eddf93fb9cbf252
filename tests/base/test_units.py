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


MEANT = [
    (Size, 65_536, "64KiB"), (Size, "1048576", "1MiB"), (Size, 1000, "1000B"), (Size, 0, "0B"), (Size, "64KB", "64kB"),
    (Size, "10m", "10MiB"), (Size, "16 KiB", "16KiB"), (Size, "1.5MiB", "1536KiB"), (Size, "1 byte", "1B"),
    (Duration, 5, "5s or 5ms"), (Duration, "30", "30s or 30ms"), (Duration, "10sec", "10s"), (Duration, "5 S", "5s"),
    (Duration, "1.5s", "1500ms"), (Duration, "0.5h", "30m"), (Duration, "2 hours", "2h"), (Duration, "1.0001s", ""),
    (Duration, "-1s", ""), (Duration, "soon", ""), (Duration, True, ""), (Duration, 1.5, ""), (Duration, "9" * 30, ""),
    (Rate, 100, "100/s or 100/m"), (Rate, "100rps", "100/s"), (Rate, "10 per minute", "10/m"), (Rate, "5r/m", "5/m"),
    (Rate, "5/1s", "5/s"), (Rate, "1.5/s", ""),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "written", "meant"), MEANT, ids=lambda value: str(value)[:40])
def test_what_was_meant_is_in_the_message(kind: type[Unit], written: object, meant: str) -> None:
    with pytest.raises(ValueError, match=r"; write ") as caught:
        kind.parse(written)
    instead = str(caught.value).partition("; write ")[2]
    assert instead == meant or (not meant and " as in " in instead)
    for one in meant.split(" or ") if meant else ():
        assert str(kind.parse(one)) == one
