"""One plan for all workers, or for none."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock._core import SharedTable
from penstock.runtime.listening import CannotListen, Sockets
from penstock.runtime.measures.directory import Directory
from penstock.runtime.worker.control import Refused
from penstock.runtime.worker.rollout import NoWorker, Rollout
from tests.runtime.worker.worker_fake import Crew


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rollout-") as made:
        yield Path(made)


def plan(**hashes: str) -> dict[str, Any]:
    """A plan of a listener and of parts with hashes."""
    listener = {
        "hash": "l",
        "body": {
            "kind": "listener",
            "name": "web",
            "address": "127.0.0.1:0",
            "protocols": [],
            "before": [],
            "after": [],
        },
    }
    return {"listener/web": listener, **{f"route/{name}": {"hash": text, "body": {}} for name, text in hashes.items()}}


def with_crew(folder: Path, moods: list[str], test: Callable[[Crew, Rollout], Awaitable[None]]) -> None:
    async def run() -> None:
        rollout = Rollout(Sockets(len(moods)), Directory(SharedTable(1)))
        try:
            async with Crew(folder, *moods) as crew:
                await test(crew, rollout)
        finally:
            rollout.sockets.close()

    asyncio.run(run())


def test_changes_are_sent_as_changes_and_lead_to_the_whole_plan(folder: Path) -> None:
    async def test(crew: Crew, rollout: Rollout) -> None:
        plans = [plan(a="1", b="1"), plan(a="2", b="1"), plan(b="1"), plan(c="1"), plan()]
        for following in plans:
            await rollout.roll_out(crew.workers, following)
            assert [fake.parts for fake in crew.fakes] == [following, following]
        assert [fake.bases for fake in crew.fakes] == [[None, 1, 2, 3, 4]] * 2
        assert [one["worker"] for one in crew.fakes[0].sockets] == [0, 1]

    with_crew(folder, ["ready", "ready"], test)


def test_a_worker_that_has_lost_its_plan_is_sent_all_of_it(folder: Path) -> None:
    async def test(crew: Crew, rollout: Rollout) -> None:
        await rollout.roll_out(crew.workers, plan(a="1"))
        await rollout.roll_out(crew.workers, plan(a="2"))
        assert crew.fakes[0].bases == [None, 1, None]
        assert crew.fakes[0].parts == plan(a="2")

    with_crew(folder, ["forgetful"], test)


def test_r2_one_refusal_refuses_the_revision_everywhere(folder: Path) -> None:
    async def test(crew: Crew, rollout: Rollout) -> None:
        await rollout.roll_out(crew.workers, plan(a="1"))
        crew.fakes[1].mood = "refused"
        with pytest.raises(Refused, match="route/a: no"):
            await rollout.roll_out(crew.workers, plan(a="2"))
        assert [fake.parts for fake in crew.fakes] == [plan(a="1")] * 2
        assert rollout.current is not None
        assert rollout.current.parts == plan(a="1")
        crew.fakes[1].mood = "ready"
        await rollout.roll_out(crew.workers, plan(a="3"))
        assert [fake.parts for fake in crew.fakes] == [plan(a="3")] * 2

    with_crew(folder, ["ready", "ready"], test)


def test_a_silent_worker_is_left_out_and_catches_up_later(folder: Path) -> None:
    async def test(crew: Crew, rollout: Rollout) -> None:
        await rollout.roll_out(crew.workers, plan(a="1"))
        crew.fakes[1].mood = "silent"
        await rollout.roll_out(crew.workers, plan(a="2"))
        assert [fake.parts for fake in crew.fakes] == [plan(a="2"), plan(a="1")]
        crew.fakes[1].mood = "ready"
        # Its connection was closed: a late answer must not be taken for another one's.
        late = crew.workers[1]
        assert late.control is not None
        assert not late.control.is_open
        late.control = await type(late.control).connect(crew.fakes[1].path)
        await rollout.catch_up(late)
        assert crew.fakes[1].parts == plan(a="2")

    with_crew(folder, ["ready", "ready"], test)


def test_a_plan_that_nobody_answers_for_is_not_applied(folder: Path) -> None:
    async def test(crew: Crew, rollout: Rollout) -> None:
        with pytest.raises(NoWorker):
            await rollout.roll_out(crew.workers, plan(a="1"))
        assert rollout.current is None

    with_crew(folder, ["silent", "silent"], test)


def test_a_listener_that_cannot_be_opened_refuses_the_plan(folder: Path) -> None:
    async def test(crew: Crew, rollout: Rollout) -> None:
        body = {
            "kind": "listener",
            "name": "web",
            "address": "192.0.2.1:80",
            "protocols": [],
            "before": [],
            "after": [],
        }
        bad = {"listener/web": {"hash": "l", "body": body}}
        with pytest.raises(CannotListen, match="no address of this machine"):
            await rollout.roll_out(crew.workers, bad)
        assert crew.fakes[0].bases == []

    with_crew(folder, ["ready"], test)


def test_more_sockets_than_a_frame_holds_take_several(folder: Path) -> None:
    async def test(crew: Crew, rollout: Rollout) -> None:
        rollout.sockets.workers = 40
        listeners = {
            f"listener/l{index}": {
                "hash": "l",
                "body": {
                    "kind": "listener",
                    "name": f"l{index}",
                    "address": f"127.0.0.{index + 1}:0",
                    "protocols": [],
                    "before": [],
                    "after": [],
                },
            }
            for index in range(4)
        }
        await rollout.roll_out(crew.workers, listeners)
        assert len(crew.fakes[0].sockets) == 160

    with_crew(folder, ["ready"], test)
