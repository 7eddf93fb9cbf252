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


def test_a_crate_that_only_tests_need_is_left_out() -> None:
    def package(name: str, source: str | None) -> dict[str, object]:
        return {"id": name, "name": name, "version": "1.0.0", "license": "MIT", "source": source}

    def depends(name: str, kind: str | None) -> dict[str, object]:
        return {"pkg": name, "dep_kinds": [{"kind": kind}]}

    metadata = {
        "packages": [package("ours", None), package("built", "registry"), package("tested", "registry")],
        "workspace_members": ["ours"],
        "resolve": {
            "nodes": [
                {"id": "ours", "deps": [depends("built", None), depends("tested", "dev")]},
                {"id": "built", "deps": []},
                {"id": "tested", "deps": []},
            ]
        },
    }
    assert [crate.name for crate in crates(metadata)] == ["built"]


def test_the_audit_allows_the_same_licences() -> None:
    assert set(tomllib.loads((ROOT / "deny.toml").read_text())["licenses"]["allow"]) == ALLOWED
