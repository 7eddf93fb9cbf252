"""Where a log cannot be written is said before anything is served."""

from pathlib import Path

import pytest

from penstock.model.loading import load_resources
from penstock.store.log_places import log_problems


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("stdout", []),
        ("off", []),
        ("{folder}/access.log", []),
        ("{folder}", ["error access_log.path: {folder} is a folder"]),
        ("{folder}/none/access.log", ["warning access_log.path: there is no folder {folder}/none here"]),
        ("{folder}/file/access.log", ["warning access_log.path: there is no folder {folder}/file here"]),
        (f"/{'x' * 300}/access.log", [f"warning access_log.path: there is no folder /{'x' * 300} here"]),
    ],
)
def test_a_log_needs_a_folder_and_is_none(tmp_path: Path, path: str, expected: list[str]) -> None:
    (tmp_path / "file").touch()
    written = path.replace("{folder}", str(tmp_path))
    loaded = load_resources(f"kind: Telemetry\nname: a\naccess_log: {{path: {written}}}\n")
    found = [f"{one.severity} {one.path_text}: {one.message}" for one in log_problems(loaded.resources)]
    assert found == [one.replace("{folder}", str(tmp_path)) for one in expected]


def test_what_is_off_needs_nothing(tmp_path: Path) -> None:
    loaded = load_resources(f"kind: Telemetry\nname: a\nenabled: false\naccess_log: {{path: {tmp_path}}}\n")
    assert list(log_problems(loaded.resources)) == []
