"""Configuration files are read from a file or a folder; what cannot be read is a problem (R13)."""

import os
from pathlib import Path

import pytest

from penstock.model.loading import load_texts
from penstock.store.files import environment, read_texts


def test_a_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "c.json", "notes.txt", ".hidden.yaml", "sub/d.yaml", ".git/e.yaml"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("{}")
    texts, problems = read_texts(tmp_path)
    assert [text.file.removeprefix(f"{tmp_path}/") for text in texts] == ["a.yml", "b.yaml", "c.json", "sub/d.yaml"]
    assert problems == []


def test_r13_what_is_not_there_is_one_problem(tmp_path: Path) -> None:
    texts, problems = read_texts(tmp_path / "none.yaml")
    assert (texts, [str(problem) for problem in problems]) == (
        [],
        [f"{tmp_path}/none.yaml: no such file or directory"],
    )


def test_an_empty_folder_is_a_problem(tmp_path: Path) -> None:
    assert [problem.message for problem in read_texts(tmp_path)[1]] == ["no configuration files: .yaml, .yml, .json"]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\xff\xfe", "not UTF-8 text"), (b"#" * (50 * 1024 * 1024), "the file is larger than 10 MiB")],
)
def test_i10_a_file_that_is_no_text_or_too_large_is_a_problem(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(content)
    assert [problem.message for problem in read_texts(file)[1]] == [message]


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    assert [problem.message for problem in read_texts(tmp_path / "a.yaml")[1]] == ["not a plain file"]


def test_references_are_relative_to_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "name").write_text("web\n")
    monkeypatch.setenv("PENSTOCK_TEST_PORT", "8080")
    file = tmp_path / "a.yaml"
    file.write_text("kind: Listener\nname: ${file:name}\naddress: 127.0.0.1:${env:PENSTOCK_TEST_PORT}\n")
    loaded = load_texts(read_texts(file)[0], environment())
    assert [str(problem) for problem in loaded.problems] == []
    assert loaded.resources[0].resource.model_dump()["address"] == "127.0.0.1:8080"
