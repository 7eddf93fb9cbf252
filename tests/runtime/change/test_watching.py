"""Watching many changes at once costs no more looks than watching one."""

import asyncio
import contextlib
from typing import Any, cast

import pytest

from penstock.runtime.change.editing import Editing
from penstock.runtime.change.watching import Bounds, Watching
from penstock.runtime.measures.readings import Metric
from penstock.store import Author, Change, Unavailable

WATCHES = 30
SECONDS = 0.8


def change(revision: int) -> Change:
    return Change(revision, Author("somebody", "api"), "", {}, frozenset(), {})


class Counted:
    """Counters as they are read: of one route every request fails once all changes are made."""

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self) -> list[Metric]:
        self.looks += 1
        failed = 100 * max(0, self.looks - 2 * WATCHES)
        samples: list[Any] = [
            ({"route": "bad", "class": "2xx"}, 100),
            ({"route": "bad", "class": "5xx"}, failed),
            ({"route": "good", "class": "2xx"}, 100 * self.looks),
        ]
        return [Metric("penstock_requests_total", "counter", "", samples=samples)]


class TakenBack:
    """Notes what is taken back."""

    def __init__(self) -> None:
        self.revisions: list[int] = []

    async def take_back(self, _author: Author, taken: Change, why: str) -> Change:
        assert "requests failed" in why
        self.revisions.append(taken.revision)
        return change(taken.revision + 1000)


class Away:
    """A store that cannot be reached."""

    def __init__(self) -> None:
        self.attempts = 0

    async def take_back(self, _author: Author, _taken: Change, **_why: str) -> Change:
        self.attempts += 1
        raise Unavailable("etcd is away")


async def watched() -> tuple[int, list[int], list[str]]:
    counted, editing = Counted(), TakenBack()
    watching = Watching(counted, lambda: cast("Editing", editing))
    for number in range(WATCHES):
        route = "bad" if number == WATCHES - 1 else "good"
        await watching.begin(change(number), Bounds(SECONDS), {route}, await watching.look())
    before = counted.looks
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        keeping = group.create_task(watching.keep())
        while any(one.state == "watching" for one in watching.watches):  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.01)
        keeping.cancel()
    return counted.looks - before, editing.revisions, [one.state for one in watching.watches]


def test_many_changes_are_watched_by_the_same_looks_and_each_is_judged_by_its_own_routes() -> None:
    looks, taken_back, states = asyncio.run(watched())
    assert looks < WATCHES
    assert taken_back == [WATCHES - 1]
    assert states == ["taken back", *["kept"] * (len(states) - 1)]


def test_what_cannot_be_taken_back_is_tried_again_without_haste(caplog: pytest.LogCaptureFixture) -> None:
    counted, editing = Counted(), Away()
    counted.looks = 2 * WATCHES - 2

    async def watched_beyond_its_end() -> str:
        watching = Watching(counted, lambda: cast("Editing", editing))
        watch = await watching.begin(change(1), Bounds(0.0), {"bad"}, await watching.look())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.2):
                await watching.keep()
        return watch.state

    assert asyncio.run(watched_beyond_its_end()) == "watching"
    assert editing.attempts <= 4
    assert sum("cannot be taken back: etcd is away" in text for text in caplog.messages) == min(1, editing.attempts)
