"""The state folder: whose it is, where it is, who may look."""

import os
import tempfile
from pathlib import Path

import pytest

from penstock.base.durable_files import write_atomically
from penstock.runtime.state_folder import Owned, StateFolder, Unusable, default_state_folder


def test_one_owner_at_a_time() -> None:
    with tempfile.TemporaryDirectory(prefix="state-") as made:
        folder = StateFolder(Path(made) / "state")
        folder.create()
        lock = folder.lock()
        with pytest.raises(Owned, match=f"process {os.getpid()}"):
            folder.lock()
        os.close(lock)
        os.close(folder.lock())
        assert folder.path.stat().st_mode & 0o777 == 0o700


def test_a_path_that_leaves_no_room_for_sockets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="too long"):
        StateFolder(tmp_path / ("x" * 100)).create()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"PENSTOCK_STATE_DIR": "/a/b"}, "/a/b"),
        ({"XDG_STATE_HOME": "/x"}, "/x/penstock/*"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/h"}, "/h/.local/state/penstock/*"),
        ({"HOME": "/h"}, "/h/.local/state/penstock/*"),
    ],
)
def test_the_default_folder(environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PENSTOCK_STATE_DIR", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert default_state_folder(["run", "a"]).match(expected)
    assert (default_state_folder(["run", "a"]) == default_state_folder(["run", "b"])) == ("*" not in expected)


def test_a_file_is_replaced_in_one_step_and_private(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError, match="No such file"):
        write_atomically(tmp_path / "nowhere" / "file", b"")
