"""Texts that are made to cost much cost little, and each is told in few words (I10, I11)."""

from collections.abc import Iterable

import pytest

from penstock.base.problem import path_text
from penstock.compiler import compile_resources
from penstock.model.loading import Text, load_texts
from tests.filters.catalogue_fake import FakeCatalogue

ROUTE = "kind: Route\nname: a\nto: http://a\n"
TEXTS: list[tuple[str, str | None]] = [
    ("a: " + "[" * 1_000_000, "nested more than 64 levels deep"),
    ("a: " + "{a: " * 10_000 + "}" * 10_000, "nested more than 64 levels deep"),
    ("".join(f"{' ' * depth}a:\n" for depth in range(1000)), "nested more than 64 levels deep"),
    ("- " * 100_000, "nested more than 64 levels deep"),
    ("k" * 2_000_000 + ": 1\n", "not YAML"),
    (ROUTE + '"' + "k" * 2_000_000 + '": 1\n', "not YAML"),
    (ROUTE + "path: /\0\n", "a character that text may not hold"),
    (ROUTE + 'path: "/\\0"\n', "a control character in a path"),
    ("a: &a [x]\n" + "".join(f"b{i}: [{'*a, ' * 9}]\n" for i in range(20)), "more than 100 aliases"),
    ("a:" * 1_000_000, "not YAML"),
    ("? " * 100_000, "a mapping or list as a key"),
    ("\n" * 9_000_000, None),
    (" " * 9_000_000, None),
    ("#" * 9_000_000, None),
    ("---\n" * 100_000, None),
    (ROUTE + "labels: {a: " + "x" * 9_000_000 + "}\n", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), TEXTS, ids=[repr(text[:20]) for text, _ in TEXTS])
def test_a_costly_text_is_one_short_problem_or_none(text: str, message: str | None) -> None:
    found = [str(problem) for problem in load_texts([Text(text, "a.yaml")]).problems]
    assert len(found) == (message is not None)
    assert all(message in one and len(one) < 300 for one in found if message)


def test_a_long_key_is_shortened_in_a_path() -> None:
    assert path_text(("a", "k" * 1000, 0)) == f"a.{'k' * 80}...[0]"


def test_thousands_of_names_that_lead_nowhere_are_not_each_compared_with_thousands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def ask(wrong: str, _known: Iterable[str]) -> str:
        asked.append(wrong)
        return ""

    monkeypatch.setattr("penstock.compiler.names.did_you_mean", ask)
    documents = "".join(f"---\n{{kind: Route, name: r{i}, path: /{i}, to: u{i}}}\n" for i in range(500))
    compiled = compile_resources(load_texts([Text(documents)]).resources, FakeCatalogue())
    assert (len(compiled.problems), len(asked)) == (500, 100)
