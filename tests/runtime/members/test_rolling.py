"""Whose turn it is in a change that nodes apply one after the other."""

import json

import pytest

from penstock.runtime.change.entries import ROLLING_KEY
from penstock.runtime.members.member import Member
from penstock.runtime.members.rolling import is_held_up, rolling_entry
from penstock.store import Entry, Snapshot

ORDER = json.dumps({"nodes": ["b", "a", "c"], "change": "1"})


def held_up(name: str, applied: int, others: dict[str, int], text: str = ORDER) -> bool:
    """Whether a node waits, with a change of revision 5, and others that have applied what is given."""
    snapshot = Snapshot(7, {ROLLING_KEY: Entry(ROLLING_KEY, text, 5, 5)})
    return is_held_up(snapshot, applied, name, {one: Member(one, applied=has) for one, has in others.items()})


@pytest.mark.parametrize(
    ("name", "applied", "others", "waits"),
    [
        ("b", 4, {"a": 4, "c": 4}, False),  # the first
        ("a", 4, {"b": 4, "c": 4}, True),
        ("a", 4, {"b": 5, "c": 4}, False),
        ("c", 4, {"b": 5, "a": 4}, True),
        ("c", 4, {"b": 9, "a": 5}, False),
        ("c", 4, {"b": 5}, False),  # whoever is gone is passed over
        ("d", 4, {"b": 5, "a": 5, "c": 4}, True),  # came later, comes last
        ("c", 5, {"b": 4, "a": 4}, False),  # has it already
    ],
)
def test_a_node_waits_for_those_before_it_that_are_there(
    name: str, applied: int, others: dict[str, int], *, waits: bool
) -> None:
    assert held_up(name, applied, others) is waits


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"nodes": 3}', '{"nodes": [null, {}, 3]}', "\0"])
def test_of_an_order_that_is_none_nobody_waits(text: str) -> None:
    assert not held_up("a", 4, {"b": 4}, text)


def test_two_changes_in_the_same_order_differ() -> None:
    first, second = (rolling_entry("b", ["a", "b", "c"])[ROLLING_KEY] for _ in range(2))
    assert first != second
    assert json.loads(first)["nodes"] == ["b", "a", "c"]
