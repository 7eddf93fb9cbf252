"""Turns of writers: few at once, those of all writers in turn, and too many are told to come again (G14)."""

import asyncio
from collections.abc import Iterable

import pytest

from penstock.admin.turns import Crowded, Turns


class Writer:
    """Writes that take until they are told to end, and the order in which they began."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.began: list[str] = []
        self.crowded: list[str] = []
        self.ending = asyncio.Event()

    async def write(self, name: str) -> None:
        try:
            async with self.turns.of(name):
                self.began.append(name)
                await self.ending.wait()
        except Crowded:
            self.crowded.append(name)

    async def begin(self, names: Iterable[str]) -> list[asyncio.Task[None]]:
        tasks = [asyncio.ensure_future(self.write(name)) for name in names]  # noqa: TID251 - each test awaits them
        for _ in range(3):
            await asyncio.sleep(0)
        return tasks


def turns() -> Turns:
    return Turns(most=3, most_of_one=2, most_waiting=6, most_waiting_of_one=5)


def test_g14_a_writer_that_floods_leaves_room_for_others_and_they_take_turns() -> None:
    async def play() -> None:
        writer = Writer(turns())
        tasks = await writer.begin(["flood"] * 5 + ["other"] * 2)
        assert writer.began == ["flood", "flood", "other"]
        writer.ending.set()
        await asyncio.gather(*tasks)
        # Whoever waited longest is first, and then each in turn.
        assert writer.began[3:] == ["flood", "other", "flood", "flood"]
        assert writer.crowded == []

    asyncio.run(play())


def test_g14_too_many_writes_are_told_to_come_again_and_whoever_has_most_makes_room() -> None:
    async def play() -> None:
        writer = Writer(turns())
        tasks = await writer.begin(["flood"] * 8)
        assert writer.crowded == ["flood"], "it may have five waiting beside two under way"
        tasks += await writer.begin(["other"] * 4)
        assert writer.began == ["flood", "flood", "other"]
        assert writer.crowded == ["flood"] * 3
        writer.ending.set()
        await asyncio.gather(*tasks)
        assert writer.began.count("other") == 4
        assert writer.began.count("flood") == 5

    asyncio.run(play())


@pytest.mark.parametrize("given_up", [0, 2], ids=["begun", "waiting"])
def test_a_write_that_is_given_up_leaves_its_turn_to_others(given_up: int) -> None:
    async def play() -> None:
        writer = Writer(turns())
        tasks = await writer.begin(["one"] * 4)
        tasks[given_up].cancel()
        await writer.begin([])
        assert len(writer.began) == (2 if given_up else 3)
        writer.ending.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert len(writer.began) == (3 if given_up else 4)
        async with writer.turns.of("one"), writer.turns.of("two"), writer.turns.of("one"):
            pass

    asyncio.run(play())
