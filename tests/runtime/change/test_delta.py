"""Changes and whole plans lead to the same state."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from penstock.runtime.change.delta import applied, difference, is_same
from penstock.runtime.change.plan_hash import plan_hash

PARTS = some.dictionaries(
    some.sampled_from(["route/a", "route/b", "upstream/a", "listener/web"]),
    some.sampled_from("123").map(lambda text: {"hash": text, "body": {"value": text}}),
)


@given(PARTS, PARTS)
def test_a_difference_leads_from_one_plan_to_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    change = difference(before, after)
    assert applied(before, change) == after
    assert is_same(before, after) == (before == after)


@given(PARTS, PARTS)
def test_a_plan_is_known_by_its_hash(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert (plan_hash(before) == plan_hash(after)) == (before == after)


def test_addresses_of_names_are_not_part_of_a_plans_hash() -> None:
    assert plan_hash({"names/a": {"hash": "1"}}) == plan_hash({"names/a": {"hash": "2"}})
