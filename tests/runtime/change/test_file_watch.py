"""Changes of files are noticed soon, and once they are whole."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.runtime.change import file_watch
from penstock.runtime.change.file_watch import FileWatch, Fingerprint
from penstock.runtime.change.notices import Notices


def states_seen(path: Path, change: Callable[[], None], seconds: float = 0.5) -> list[str]:
    """What the file said whenever a change of it was announced."""

    async def run() -> list[str]:
        watch = FileWatch(path, lambda: ())
        seen: list[str] = []

        async def follow(known: Fingerprint) -> None:
            async for _ in watch.changes(known):
                note(seen, path)

        async with asyncio.TaskGroup() as group:
            following = group.create_task(follow(watch.look()))
            await asyncio.sleep(0.1)
            await asyncio.to_thread(change)
            await asyncio.sleep(seconds)
            following.cancel()
        return seen

    return asyncio.run(run())


def write(file: Path, text: str) -> None:
    file.write_text(text)


def note(seen: list[str], path: Path) -> None:
    seen.append(path.read_text() if path.exists() else "gone")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text("first")
    return path


def test_a_change_is_announced_once(file: Path) -> None:
    assert states_seen(file, lambda: write(file, "second")) == ["second"]


def test_a_replaced_file_of_the_same_size_is_a_change(file: Path) -> None:
    def replace() -> None:
        beside = file.with_suffix(".new")
        beside.write_text("other")
        beside.replace(file)

    assert states_seen(file, replace) == ["other"]


def test_nothing_is_announced_where_nothing_changes(file: Path) -> None:
    assert states_seen(file, lambda: None) == []


def test_a_file_that_is_emptied_and_then_written_is_read_when_it_is_whole(file: Path) -> None:
    def write_slowly() -> None:
        with file.open("w") as opened:
            time.sleep(0.3)
            opened.write("whole")

    assert states_seen(file, write_slowly) == ["whole"]


def test_a_file_that_is_removed_and_made_anew_is_read_when_it_is_there(file: Path) -> None:
    def replace_slowly() -> None:
        file.unlink()
        time.sleep(0.3)
        file.write_text("back")

    assert states_seen(file, replace_slowly) == ["back"]


def test_a_file_that_stays_away_is_announced_in_the_end(file: Path) -> None:
    assert states_seen(file, file.unlink, seconds=2.0) == ["gone"]


@pytest.fixture
def only_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks without being told."""
    monkeypatch.setattr(file_watch, "_TOLD_SECONDS", 3600.0)


@pytest.mark.usefixtures("only_told")
class TestTold:
    """The kernel tells of changes, whichever way they come."""

    def test_a_file_that_is_written_where_it_is(self, file: Path) -> None:
        assert states_seen(file, lambda: write(file, "second")) == ["second"]

    def test_a_file_that_is_replaced(self, file: Path) -> None:
        def replace() -> None:
            beside = file.with_suffix(".new")
            beside.write_text("other")
            beside.replace(file)

        assert states_seen(file, replace) == ["other"]

    def test_a_file_that_a_link_leads_to(self, file: Path, tmp_path: Path) -> None:
        far = tmp_path / "far"
        far.mkdir()
        file.replace(far / "real.yaml")
        file.symlink_to(far / "real.yaml")
        assert states_seen(file, lambda: write(far / "real.yaml", "second")) == ["second"]

    def test_a_folder_of_versions_that_a_link_turns_over(self, tmp_path: Path) -> None:
        # As kubelet renews the files of a ConfigMap.
        for version in ("one", "two"):
            (tmp_path / f"..{version}").mkdir()
            (tmp_path / f"..{version}" / "gateway.yaml").write_text(version)
        (tmp_path / "..data").symlink_to("..one")
        (tmp_path / "gateway.yaml").symlink_to("..data/gateway.yaml")

        def turn_over() -> None:
            (tmp_path / "..fresh").symlink_to("..two")
            (tmp_path / "..fresh").replace(tmp_path / "..data")

        assert states_seen(tmp_path / "gateway.yaml", turn_over) == ["two"]

    def test_a_folder_that_is_replaced_and_then_written_to(self, tmp_path: Path) -> None:
        folder = tmp_path / "conf"
        folder.mkdir()
        file = folder / "gateway.yaml"
        file.write_text("first")

        def replace_then_write() -> None:
            beside = tmp_path / "beside"
            beside.mkdir()
            (beside / "gateway.yaml").write_text("replaced")
            folder.rename(tmp_path / "old")
            beside.rename(folder)
            # Gone for a moment: told, and looked at until it is there again.
            time.sleep(0.3)
            write(file, "written")

        assert states_seen(file, replace_then_write)[-1:] == ["written"]

    def test_a_file_that_is_written_slowly_is_read_when_it_is_closed(self, file: Path) -> None:
        def write_slowly() -> None:
            with file.open("w") as opened:
                for word in ("not", "whole", "before", "its", "end"):
                    opened.write(f"{word} ")
                    opened.flush()
                    time.sleep(0.15)

        assert states_seen(file, write_slowly, seconds=1.0) == ["not whole before its end "]

    def test_noise_beside_the_file_is_not_a_change(self, file: Path) -> None:
        def make_noise() -> None:
            for number in range(50):
                write(file.with_name(f"noise-{number % 3}"), str(number))

        assert states_seen(file, make_noise) == []


def test_without_notices_changes_are_seen_all_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Notices, "listen_to", lambda _self, _folders: False)
    assert states_seen(file, lambda: write(file, "second")) == ["second"]
