"""A file is named after the one thing in it."""

import re
from pathlib import Path

from tools.repository import files

SAY_NOTHING = {"common", "helper", "helpers", "manager", "misc", "util", "utils"}


def words(path: Path) -> set[str]:
    return {word for part in path.parts for word in re.split(r"[^a-z]+", part.lower())}


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [str(path) for path in files() if words(path) & SAY_NOTHING] == []
