"""`penstock new filter` writes what compiles, where it belongs, and never over something."""

import shutil
from pathlib import Path

import pytest

from penstock.cli.main import main
from penstock.cli.new_filter import rust_text
from tools.repository import ROOT

FILTERS = Path("crates/penstock-proxy/src/filters")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / FILTERS).mkdir(parents=True)
    shutil.copy(ROOT / FILTERS / "mod.rs", tmp_path / FILTERS)
    return tmp_path


def new(repository: Path, name: str) -> int:
    return main(["new", "filter", name, "--native", "--folder", str(repository)])


def test_what_is_written_is_what_the_cores_tests_compile() -> None:
    assert rust_text("NewFilter") == (ROOT / FILTERS / "new_filter.rs").read_text()


def test_a_native_filter_is_a_file_and_a_line_of_the_sorted_list(repository: Path) -> None:
    assert new(repository, "MaxQueryLength") == 0
    assert (repository / FILTERS / "max_query_length.rs").read_text() == rust_text("MaxQueryLength")
    before = (ROOT / FILTERS / "mod.rs").read_text().splitlines()
    after = (repository / FILTERS / "mod.rs").read_text().splitlines()
    assert [line for line in after if line not in before] == ["    max_query_length::MaxQueryLength,"]
    assert [line for line in after if "max_query" not in line] == before
    place = after.index("    max_query_length::MaxQueryLength,")
    assert after[place - 1] < after[place] < after[place + 1]


def test_a_filter_that_is_there_is_left_alone(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / FILTERS / "max_body_size.rs").write_text("mine")
    before = (repository / FILTERS / "mod.rs").read_text()
    assert new(repository, "MaxBodySize") == 1
    assert "max_body_size.rs is already there" in capsys.readouterr().err
    assert (repository / FILTERS / "max_body_size.rs").read_text() == "mine"
    assert (repository / FILTERS / "mod.rs").read_text() == before


def test_a_native_filter_belongs_into_the_repository(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new(tmp_path, "MaxQueryLength") == 1
    assert "go to the root of the repository" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_no_file_gives_is_refused(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new(repository, "AddHTTPTenant") == 2
    assert "write AddHttpTenant" in capsys.readouterr().err
