"""Paths of settings as the core writes them."""

from typing import Any

import pytest

from penstock.filters.setting_path import read_setting_path

SETTINGS = {"response": {"set": {"x.a": 1, "x": {"b": 2}}}, "to": [{"upstream": "a"}]}


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("", ()),
        (".", ()),
        ("to", ("to",)),
        ("to[0].upstream", ("to", 0, "upstream")),
        ("to.0.upstream", ("to", 0, "upstream")),
        ("response.set.x.a", ("response", "set", "x.a")),
        ("response.set.x.b", ("response", "set", "x", "b")),
        ("unknown.key", ("unknown", "key")),
        ("to[9].x", ("to", 9, "x")),
        ("[", ("[",)),
        ("a[", ("a", "[")),
    ],
)
def test_a_path_is_taken_apart(text: str, steps: tuple[Any, ...]) -> None:
    assert read_setting_path(text, SETTINGS) == steps
