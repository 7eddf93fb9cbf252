"""What resources may be called."""

import pytest

from penstock.base.names import check_name, did_you_mean

# I13
BAD = ["", "../../etc/x", "a/b", "a\0", "x" * 300, "x" * 64, "Orders", ".hidden", "-x", "a b", "a\n", "ä", "٣"]


@pytest.mark.parametrize("name", ["a", "0", "orders", "orders.v2", "a_b-c", "x" * 63])
def test_a_name_is_accepted(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", BAD, ids=repr)
def test_i13_a_name_that_could_be_a_path_or_more_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        check_name(name)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [("adress", "did you mean `address`?"), ("Address", "did you mean `address`?"), ("zzz", ""), ("", "")],
)
def test_the_closest_word_is_suggested(wrong: str, hint: str) -> None:
    assert did_you_mean(wrong, ["address", "name"]) == hint
