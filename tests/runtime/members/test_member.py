"""What a node tells of itself comes to the others, also from another version, and whatever stands there."""

import json
from pathlib import Path

import pytest

from penstock.runtime.members.member import Member, identity_in, read_member

TOLD = Member(
    "a", "id", "boot", "1.2", ("127.0.0.1:80",), "serving", 7, 6, 5, 7, ("it is wrong",), workers=2, is_drained=True
)


def test_a_member_comes_back_as_it_was() -> None:
    assert read_member("a", TOLD.to_text()) == TOLD


def test_what_a_later_version_has_added_is_left_out_and_what_an_earlier_did_not_know_is_usual() -> None:
    told = json.loads(TOLD.to_text()) | {"of_later": {"x": 1}}
    del told["problems"]
    assert read_member("a", json.dumps(told)).problems == ()
    assert read_member("a", json.dumps(told)).applied == TOLD.applied


@pytest.mark.parametrize(
    "text", ["", "[]", "3", '{"applied": "many"}', '{"name": 4, "addresses": {}}', '{"is_drained": 1, "workers": true}']
)
def test_what_is_no_member_is_one_of_which_nothing_is_known(text: str) -> None:
    assert read_member("a", text) == Member("a")


@pytest.mark.parametrize(
    ("applied", "refused", "has_settled"), [(5, 0, True), (4, 5, True), (4, 0, False), (6, 0, True)]
)
def test_a_revision_is_settled_where_it_runs_or_was_refused(applied: int, refused: int, *, has_settled: bool) -> None:
    assert Member("a", applied=applied, refused=refused).has_settled(5) is has_settled


def test_a_node_is_the_same_after_a_start_and_another_in_another_folder(tmp_path: Path) -> None:
    first = identity_in(tmp_path / "a")
    assert identity_in(tmp_path / "a") == first
    assert identity_in(tmp_path / "b") != first
    assert identity_in(tmp_path / "nowhere" / "c")
