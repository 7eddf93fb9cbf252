"""The supervisor hears of what changes in a folder, and not too often."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from penstock.runtime.change.notices import Notices


async def append(log: Path, seconds: float) -> int:
    """Write to a log as often as can be, and say how often that was."""
    began, count = time.monotonic(), 0
    with log.open("ab", buffering=0) as file:
        while time.monotonic() - began < seconds:
            file.write(b"GET /\n")
            count += 1
            await asyncio.sleep(0)
    return count


async def hears_of(notices: Notices, file: Path) -> None:
    file.touch()  # noqa: ASYNC240 - at once
    await asyncio.wait_for(notices.wait(60), 20)


def test_a_log_written_beside_the_configuration_is_not_heard_of_with_every_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    read_of_system = os.read

    def read(descriptor: int, room: int) -> bytes:
        reads.append(descriptor)
        return read_of_system(descriptor, room)

    async def write_and_count() -> tuple[int, int]:
        with Notices() as notices:
            assert notices.listen_to([tmp_path])
            await hears_of(notices, tmp_path / "access.log")
            monkeypatch.setattr(os, "read", read)
            return await append(tmp_path / "access.log", 1), len(reads)

    written, read_count = asyncio.run(write_and_count())
    assert written > 100
    # Pauses of 20, 40, 80 and from then on 160 ms.
    assert read_count <= 3 + 1 / 0.16 + 1


def test_a_file_that_is_being_written_is_known_though_nothing_is_heard_for_a_while(tmp_path: Path) -> None:
    async def write_and_ask() -> list[bool]:
        file = tmp_path / "gateway.yaml"
        with Notices() as notices:
            assert notices.listen_to([tmp_path])
            await hears_of(notices, tmp_path / "access.log")
            await append(tmp_path / "access.log", 0.3)
            with file.open("w") as written:
                written.write("kind")
                written.flush()
                asked = [notices.is_being_written([file])]
            return [*asked, notices.is_being_written([file])]

    assert asyncio.run(write_and_ask()) == [True, False]


def test_what_happens_after_a_file_was_only_written_to_is_heard_of(tmp_path: Path) -> None:
    async def write_and_hear() -> None:
        with Notices() as notices:
            assert notices.listen_to([tmp_path])
            await hears_of(notices, tmp_path / "access.log")
            await append(tmp_path / "access.log", 0.03)
            await hears_of(notices, tmp_path / "gateway.yaml")

    asyncio.run(write_and_hear())


@pytest.mark.parametrize("turns", range(8))
def test_who_is_told_to_stop_waiting_as_news_comes_stops(tmp_path: Path, turns: int) -> None:
    async def stop_waiting() -> bool:
        """Whether it was stopped; it may have heard and been gone before."""
        with Notices() as notices:
            assert notices.listen_to([tmp_path])
            async with asyncio.TaskGroup() as group:
                waiting = group.create_task(notices.wait(60))
                await asyncio.sleep(0)
                (tmp_path / "gateway.yaml").touch()
                for _ in range(turns):
                    await asyncio.sleep(0)
                was_there = not waiting.done()
                waiting.cancel()
            return waiting.cancelled() is was_there

    assert asyncio.run(stop_waiting())
