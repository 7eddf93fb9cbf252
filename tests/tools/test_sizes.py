"""Sizes are reported, never enforced."""

from pathlib import Path

import pytest

from tools import repository, sizes


@pytest.fixture
def long_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(repository, "ROOT", tmp_path)
    path = Path("long.py")
    body = "\n".join("    x = 1" for _ in range(sizes.FILE_LINES))
    (tmp_path / path).write_text(f"def long():\n{body}\n\n\ndef short():\n    pass\n")
    monkeypatch.setattr(sizes, "with_suffix", lambda *_: [path])
    return path


def test_long_files_and_functions_are_listed(long_file: Path) -> None:
    assert sizes.long_files() == {"long.py": sizes.FILE_LINES + 5}
    assert sizes.long_functions(long_file) == {"long.py:1 long": sizes.FILE_LINES + 1}


@pytest.mark.usefixtures("long_file")
def test_a_long_file_fails_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert sizes.main() == 0
    assert "long.py" in capsys.readouterr().out
