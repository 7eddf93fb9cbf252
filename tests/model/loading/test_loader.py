"""Texts become resources, with every problem and its place."""

import re
from itertools import pairwise
from pathlib import PurePath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from penstock.model import Listener, Route
from penstock.model.loading import Memory, Surroundings, Text, load_data, load_resources, load_texts
from penstock.model.loading.loaded import Loaded
from penstock.model.loading.text import split

LISTENER = "kind: Listener\nname: web\naddress: 127.0.0.1:80\n"


def problems(content: str, file: str = "a.yaml") -> list[tuple[int, int, str, str]]:
    loaded = load_texts([Text(content, file)])
    return [(one.line, one.column, one.path_text, one.message) for one in loaded.problems]


def only(loaded: Loaded) -> Any:
    assert loaded.problems == ()
    (placed,) = loaded.resources
    return placed.resource


def test_documents_are_separated_and_comments_are_none() -> None:
    text = f"# head\n---\n{LISTENER}---\n# nothing\n---\n{LISTENER.replace('web', 'other')}...\n"
    assert [placed.resource.name for placed in load_resources(text).resources] == ["web", "other"]


@pytest.mark.parametrize(
    "text", ["", "\n", "---\n", "# only\n", "---\n---\n", "%YAML 1.2\n---\n", "...\n", "--- # x\n"]
)
def test_a_text_without_documents_has_no_resources_and_no_problems(text: str) -> None:
    assert load_resources(text) == Loaded(())


def test_all_problems_are_found_each_with_its_place() -> None:
    text = "kind: Listener\nname: Web\nadress: x\nlimits:\n  idle: 5 s\n  fields: '1'\n---\nkind: Rout\n"
    found = problems(text)
    assert [(line, column, path) for line, column, path, _ in found] == [
        (2, 7, "name"),
        (3, 1, "adress"),
        (5, 9, "limits.idle"),
        (6, 11, "limits.fields"),
        (8, 7, "kind"),
    ]


def test_a_later_document_that_is_no_yaml_is_placed_in_its_file() -> None:
    assert [(line, column) for line, column, _, _ in problems(f"{LISTENER}---\na: 1\na: 2\n")] == [(6, 1)]


def test_a_wrong_document_does_not_hide_the_others() -> None:
    loaded = load_resources(f"a: [\n---\n{LISTENER}")
    assert [placed.resource.name for placed in loaded.resources] == ["web"]
    assert len(loaded.problems) == 1


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("kind: Listner\nname: a", "no kind of resource is called `Listner`", "did you mean `Listener`?"),
        ("name: a", "`kind` is missing", "write one of Listener, Route, Upstream, Pipeline, Telemetry, Plugin"),
        ("[1]", "a resource is a mapping with `kind` and `name`; found a list", ""),
        ("kind: Registry\nname: a", "`Registry` is not built yet", "the kinds are"),
        (f"{LISTENER}limts: {{}}", "unknown key `limts`", "did you mean `limits`?"),
        (f"{LISTENER}limits: {{idel: 1s}}", "unknown key `idel`", "did you mean `idle`?"),
        (f"{LISTENER}enabled: 'no'", "expected true or false, found 'no'", ""),
        (f"{LISTENER}labels: {{a: 1}}", "expected text, found 1", 'write it in quotes: "1"'),
        (f"{LISTENER}protocols: [http]", "no protocol is called 'http'; did you mean `http1`?", ""),
        (f"{LISTENER}limits: {{stream_window: 2GiB}}", "too large for HTTP/2; write 1GiB or less", ""),
        (f"{LISTENER}limits: {{connection_window: 1KiB}}", "smaller than HTTP/2 allows; write 64KiB or more", ""),
        (f"{LISTENER}protocols: []", "must not be empty", ""),
        (f"{LISTENER}underscores: keep", "expected 'refuse' or 'drop', found 'keep'", ""),
        (f"{LISTENER}trusted_proxies: [10.0.0.1/8]", "'10.0.0.1/8' has bits set behind its prefix", ""),
    ],
)
def test_a_problem_says_what_to_write(text: str, message: str, hint: str) -> None:
    (problem,) = load_resources(text).problems
    assert problem.message.startswith(message)
    assert problem.hint.startswith(hint)


def test_json_is_accepted_one_resource_or_a_list() -> None:
    one = '{\n\t"kind": "Listener", "name": "web",\n\t"address": "127.0.0.1:80"}'
    assert isinstance(only(load_texts([Text(one, "a.json")])), Listener)
    assert len(load_texts([Text(f"[{one}, {one}]", "a.json")]).resources) == 2


def test_a_problem_in_json_has_its_place() -> None:
    assert problems('[{\n\t"kind": "Listener", "name": "web",\n\t"address": "x"}]', "a.json")[0][:3] == (
        3,
        13,
        "[0].address",
    )


def test_references_are_filled_in_as_text() -> None:
    around = Surroundings({"PORT": "8080", "EMPTY": ""}.get, lambda of, path: f"{PurePath(of).parent}/{path}")
    text = LISTENER.replace("80", "${env:PORT}") + "labels:\n  a: ${env:EMPTY:-x}\n  b: ${file:f}\n  c: ${1}\n"
    listener = only(load_texts([Text(text, "conf/a.yaml")], around))
    assert listener.address == "127.0.0.1:8080"
    assert listener.labels == {"a": "x", "b": "conf/f", "c": "${1}"}


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("${env:NONE}", "environment variable NONE is not set"),
        ("${env:1-}", "no name of an environment variable"),
        ("${file:x}", "file x cannot be read"),
        ("${file:}", "without a path"),
        ("${ENV:X}", "no reference begins with"),
    ],
)
def test_a_reference_that_leads_nowhere_is_a_problem(reference: str, message: str) -> None:
    (problem,) = load_texts([Text(f"{LISTENER}labels: {{a: '{reference}'}}", "a.yaml")]).problems
    assert message in problem.message
    assert (problem.line, problem.path_text) == (4, "labels.a")


def test_what_a_variable_holds_never_becomes_structure() -> None:
    around = Surroundings({"X": "a\nkind: Route"}.get)
    assert only(load_resources(f"{LISTENER}labels: {{a: '${{env:X}}'}}", around)).labels == {"a": "a\nkind: Route"}


def test_a_remembered_document_is_not_read_again_and_forgotten_when_gone() -> None:
    memory = Memory()
    other = LISTENER.replace("web", "other")
    first = load_texts([Text(f"{LISTENER}---\n{other}")], memory=memory)
    second = load_texts([Text(f"{LISTENER}---\n{other.replace('80', '81')}")], memory=memory)
    assert first.resources[0].resource is second.resources[0].resource
    assert first.resources[1].digest != second.resources[1].digest
    assert len(memory.documents) == 2


def test_a_remembered_problem_is_placed_where_its_text_stands_now() -> None:
    memory = Memory()
    broken = "---\na: 1\na: 2\n"
    assert load_texts([Text(broken)], memory=memory).problems[0].line == 3
    assert load_texts([Text(f"{LISTENER}{broken}")], memory=memory).problems[0].line == 6


def test_i10_a_file_over_ten_mebibytes_is_refused_unread() -> None:
    (problem,) = load_texts([Text("#" * (50 * 1024 * 1024), "big.yaml")]).problems
    assert problem.message == "the file is larger than 10 MiB"


def test_plain_data_is_loaded_too() -> None:
    loaded = load_data([{"kind": "Route", "name": "a", "to": "http://127.0.0.1:1"}, 5])
    assert isinstance(loaded.resources[0].resource, Route)
    assert [problem.document for problem in loaded.problems] == [1]


@pytest.mark.parametrize("value", [object(), float("nan"), "\ud800", b"x", {1, 2}], ids=str)
def test_what_json_cannot_hold_is_no_plain_data(value: object) -> None:
    (problem,) = load_data([{"kind": "Route", "name": "a", "labels": {"a": value}}]).problems
    assert problem.resource == "route/a"


DOCUMENTS = [
    LISTENER,
    LISTENER.replace("web", "other"),
    "# nothing\n",
    "a: [\n",
    "a: 1\na: 2\n",
    "kind: Rout\nname: x\n",
    LISTENER.replace("web", "${env:NAME}"),
    "- kind: Route\n",
    "text: |\n  --- no marker\n  ---x\n",
    "",
]
FILES = some.lists(some.lists(some.sampled_from(DOCUMENTS), max_size=4), min_size=1, max_size=3)


@settings(deadline=None, derandomize=True)
@given(some.lists(FILES, min_size=2, max_size=5))
def test_what_is_remembered_never_changes_what_is_loaded(history: list[list[list[str]]]) -> None:
    memory = Memory()
    for number, files in enumerate(history):
        texts = [Text("---\n".join(documents), f"{index}.yaml") for index, documents in enumerate(files)]
        around = Surroundings({"NAME": f"n{number}"}.get)
        assert load_texts(texts, around, memory) == load_texts(texts, around)


def test_one_text_in_a_yaml_and_a_json_file_is_read_as_each_of_them() -> None:
    text = '[{"kind": "Listener", "name": "web", "address": "127.0.0.1:80"}]'
    memory = Memory()
    for _ in range(2):
        loaded = load_texts([Text(text, "a.json"), Text(text, "b.yaml")], memory=memory)
        assert ([placed.file for placed in loaded.resources], len(loaded.problems)) == (["a.json"], 1)


def test_a_document_that_moves_to_another_file_is_not_read_again() -> None:
    memory = Memory()
    before = load_texts([Text(LISTENER, "a.yaml")], memory=memory)
    after = load_texts([Text("", "a.yaml"), Text(f"# moved\n---\n{LISTENER}", "b.yaml")], memory=memory)
    (one,), (other,) = before.resources, after.resources
    assert (one.file, other.file) == ("a.yaml", "b.yaml")
    assert one.digest != other.digest  # its marker is part of the text
    again = load_texts([Text("", "a.yaml"), Text(f"---\n{LISTENER}", "c.yaml")], memory=memory)
    assert again.resources[0].resource is other.resource


@given(some.text("-\n\r x", max_size=40))
def test_texts_are_split_at_lines_that_begin_with_a_marker(text: str) -> None:
    marker = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
    ends = [*(found.start() for found in marker.finditer(text)), len(text)]
    expected = [text[start:end] for start, end in pairwise([0, *ends]) if end > start]
    assert split(text) == expected
