"""Changes of files are noticed soon, and once they are whole."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.runtime.change.file_watch import FileWatch, Fingerprint


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
