"""Licences are read as SPDX expressions; crates in two versions are noticed."""

import tomllib

import pytest

from tools.licences import ALLOWED, DUPLICATES, Crate, crates, is_allowed, problems
from tools.repository import ROOT

EXPRESSIONS = {
    "MIT": True,
    "MIT OR GPL-3.0": True,
    "GPL-3.0 OR MIT": True,
    "(MIT OR Apache-2.0) AND Unicode-3.0": True,
    "Apache-2.0 WITH LLVM-exception OR GPL-3.0": True,
    "MIT/Apache-2.0": True,
    "GPL-3.0": False,
    "MIT AND GPL-2.0": False,
    "(MIT OR GPL-2.0) AND GPL-2.0": False,
    "": False,
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_is_allowed_if_a_choice_of_it_is(expression: str) -> None:
    assert is_allowed(expression) is EXPRESSIONS[expression]


def test_a_crate_in_two_versions_is_a_problem() -> None:
    assert "twin" not in DUPLICATES
    found = [Crate("twin", "1.0.0", "MIT"), Crate("twin", "2.0.0", "MIT")]
    assert "twin: built in versions 1.0.0, 2.0.0" in problems(found)


def test_crates_of_other_people_are_told_from_our_own() -> None:
    lines = [
        "ours v0.1.0 (/a/b)|Apache-2.0",
        "made v1.0.7 (proc-macro)|MIT OR Apache-2.0",
        "built v1.0.0|MIT",
        "built v1.0.0|MIT (*)",
    ]
    assert crates(lines) == [Crate("built", "1.0.0", "MIT"), Crate("made", "1.0.7", "MIT OR Apache-2.0")]


def test_the_audit_allows_the_same_licences() -> None:
    assert set(tomllib.loads((ROOT / "deny.toml").read_text())["licenses"]["allow"]) == ALLOWED
