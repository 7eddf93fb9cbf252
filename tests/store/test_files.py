"""Configuration files are read from a file or a folder; what cannot be read is a problem (R13)."""

import io
import os
from pathlib import Path
from typing import cast

import pytest

from penstock.model.loading import load_texts
from penstock.store.files import environment, read_stream, read_texts


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


def test_links_that_lead_in_circles_or_nowhere_are_problems(tmp_path: Path) -> None:
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "circle.yaml").symlink_to("circle.yaml")
    (tmp_path / "gone.yaml").symlink_to("nothing")
    assert [problem.message for problem in read_texts(tmp_path)[1]] == [
        "too many levels of symbolic links",
        "no such file or directory",
    ]


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/dev/tty"])
def test_a_device_is_refused_unread(path: str) -> None:
    assert [problem.message for problem in read_texts(Path(path))[1]] == ["not a plain file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").touch(mode=0)
    assert [problem.message for problem in read_texts(tmp_path)[1]] == ["permission denied"]


def test_a_file_that_is_gone_when_it_is_read_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock.store.files.configuration_files", lambda _: [tmp_path / "a.yaml"])
    assert [problem.message for problem in read_texts(tmp_path)[1]] == ["no such file or directory"]


def test_a_stream_is_read_within_bounds() -> None:
    endless = io.BufferedReader(cast("io.RawIOBase", open("/dev/zero", "rb", buffering=0)))  # noqa: SIM115, PTH123
    with endless:
        assert [problem.message for problem in read_stream(endless)[1]] == ["the file is larger than 10 MiB"]
    assert read_stream(io.BytesIO(b"\xff"))[1][0].message == "not UTF-8 text"
    assert read_stream(io.BytesIO(b"a: 1"))[0][0].content == "a: 1"
