"""All problems are found in one run: what is wrong in one part hides nothing of the others, and makes no noise."""

from pathlib import Path

import pytest

from penstock.compiler import compile_resources
from penstock.filters.native import native_catalogue
from penstock.model.loading import Surroundings, Text, load_texts, locate

UPSTREAM = "---\nkind: Upstream\nname: orders\nendpoints: [http://127.0.0.1:9001]\n"

CASES = sorted(Path(__file__).parent.joinpath("cases/problems").glob("*.yaml"))


def check(text: str) -> list[str]:
    texts = [Text(text, "a.yaml")]
    loaded = load_texts(texts, Surroundings())
    compiled = compile_resources(loaded.resources, native_catalogue(), unusable=loaded.unusable)
    found = locate([*loaded.problems, *compiled.problems], texts)
    return [f"{one.line} {one.path_text}: {one.message} ({one.hint})" for one in found]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_every_problem_is_found_and_nothing_is_said_twice(case: Path) -> None:
    """A case ends with the beginnings of its problems: line, path, message and hint."""
    text = case.read_text()
    expected = [line.removeprefix("# ") for line in text.partition("# problems:\n")[2].splitlines()]
    found = check(text)
    assert len(found) == len(expected), found
    assert all(one.startswith(start) for one, start in zip(found, expected, strict=True)), found


def test_a_problem_of_a_resource_in_a_list_has_its_place() -> None:
    text = (
        '[{"kind": "Route", "name": "a", "to": "http://a"},\n {"kind": "Route", "name": "b", "path": "/b",\n"to": "x"}]'
    )
    texts = [Text(text, "a.json")]
    loaded = load_texts(texts)
    (problem,) = locate(compile_resources(loaded.resources, native_catalogue()).problems, texts)
    assert (problem.line, problem.path_text) == (3, "[1].to")


UNREAD = [
    ("kind: Route\nname: a\nto: orders\n", []),
    ("kind: Route\nname: a\nto: ordres\n" + UPSTREAM, ["no upstream is called `ordres`"]),
    ("kind: Route\nname: a\nsteps: [{kind: AddTenant}, {kind: Forward, to: orders}]\n" + UPSTREAM, []),
    ("kind: Route\nname: a\nsteps: [{kind: Forwrd, to: orders}]\n" + UPSTREAM, ["no filter is called `Forwrd`"]),
]


@pytest.mark.parametrize(("text", "expected"), UNREAD)
def test_what_an_unread_file_may_hold_is_no_mistake(text: str, expected: list[str]) -> None:
    loaded = load_texts([Text(text), Text("{", "b.yaml")])
    compiled = compile_resources(loaded.resources, native_catalogue(), unusable=loaded.unusable)
    assert [problem.message for problem in compiled.problems] == expected
