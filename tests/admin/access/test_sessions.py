"""Sessions by themselves: how they end, how many there are, and where they are kept (I5, I18)."""

import asyncio
import stat
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from penstock.admin.access.holders import Holder
from penstock.admin.access.sessions.file_place import FilePlace
from penstock.admin.access.sessions.place import Place
from penstock.admin.access.sessions.session import IDLE_SECONDS, WHOLE_SECONDS, Entrant, Session, read_session
from penstock.admin.access.sessions.sessions import Sessions
from penstock.admin.access.sessions.shared_place import SharedPlace
from penstock.runtime.change.standing import Standing
from penstock.store import MemoryStore, Unavailable

ALICE = Entrant("alice", "bond-of-alice")
PERSON = Entrant("bob@corp", "bond-of-corp", "corp", Holder(role="operator", namespace="team-a"))


@dataclass
class World:
    """A time, a place, and a store that nodes share."""

    folder: Path
    now: float = 1_000_000.0
    store: MemoryStore = field(default_factory=MemoryStore)

    def node(self, kind: str) -> Sessions:
        """The sessions of one more node, or of a later life of the same."""
        return Sessions(self.place(kind), lambda: self.now)

    def place(self, kind: str) -> Place:
        if kind == "file":
            return FilePlace(self.folder / "sessions.json")
        standing = Standing(self.folder / "applied.json")
        applying: Any = SimpleNamespace(store=self.store, look_again=lambda: None)
        return SharedPlace(applying, standing)


def check(folder: Path, story: Callable[[World], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(World(folder)), 60))


both = pytest.mark.parametrize("kind", ["file", "shared"])


@both
def test_i18_a_session_ends_by_itself(tmp_path: Path, kind: str) -> None:
    async def story(world: World) -> None:
        sessions = world.node(kind)
        idle, _ = await sessions.begin(ALICE, is_cookie=True)
        world.now += IDLE_SECONDS
        assert await sessions.find(idle, is_cookie=True)
        assert await sessions.find(idle, is_cookie=False) is None
        world.now += IDLE_SECONDS + 1
        assert await sessions.find(idle, is_cookie=True) is None
        busy, _ = await sessions.begin(ALICE, is_cookie=False)
        for _ in range(int(WHOLE_SECONDS // IDLE_SECONDS)):
            world.now += IDLE_SECONDS
            assert await sessions.find(busy, is_cookie=False)
        world.now += 1
        assert await sessions.find(busy, is_cookie=False) is None
        assert not await sessions.place.every()

    check(tmp_path, story)


@both
def test_i18_a_stream_keeps_no_session_alive(tmp_path: Path, kind: str) -> None:
    async def story(world: World) -> None:
        sessions = world.node(kind)
        text, _ = await sessions.begin(ALICE, is_cookie=True)
        world.now += IDLE_SECONDS - 1
        assert await sessions.find(text, is_cookie=True, is_seen=False)
        world.now += 2
        assert await sessions.find(text, is_cookie=True, is_seen=False) is None

    check(tmp_path, story)


@both
def test_i18_sessions_are_known_to_a_later_life_and_end_in_all(tmp_path: Path, kind: str) -> None:
    async def story(world: World) -> None:
        one, two = world.node(kind), world.node(kind)
        for who in (ALICE, PERSON):
            text, begun = await one.begin(who, is_cookie=True)
            assert await two.find(text, is_cookie=True) == begun
            world.now += IDLE_SECONDS - 1
            assert await two.find(text, is_cookie=True)
            # Seen by the other: it lasts here as long.
            world.now += IDLE_SECONDS - 1
            assert await one.find(text, is_cookie=True)
            await two.end(text)
            assert await one.find(text, is_cookie=True) is None
            assert await world.node(kind).find(text, is_cookie=True) is None

    check(tmp_path, story)


@both
def test_i5_what_is_kept_shows_no_session(tmp_path: Path, kind: str) -> None:
    async def story(world: World) -> None:
        text, _ = await world.node(kind).begin(PERSON, is_cookie=True)
        kept = str(await world.store.held()) if kind == "shared" else (tmp_path / "sessions.json").read_text()
        assert PERSON.user in kept
        assert text not in kept
        if kind == "file":
            assert stat.S_IMODE((tmp_path / "sessions.json").stat().st_mode) == 0o600

    check(tmp_path, story)


@both
def test_sessions_are_bounded(tmp_path: Path, kind: str) -> None:
    async def story(world: World) -> None:
        sessions = world.node(kind)
        texts = []
        for _ in range(25):
            world.now += 1
            texts.append((await sessions.begin(ALICE, is_cookie=True))[0])
        assert [await sessions.find(text, is_cookie=True) is not None for text in texts] == [False] * 5 + [True] * 20
        assert len(await sessions.place.every()) == 20

    check(tmp_path, story)


def test_sessions_of_all_are_bounded(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        sessions = world.node("shared")
        for number in range(998):
            session = Session(
                Entrant(f"user-{number}", "bond"), is_cookie=True, began=world.now, seen=world.now, csrf=""
            )
            await sessions.place.put(f"key-{number}", session)
        world.now += 1
        last = [await sessions.begin(Entrant(f"last-{number}", "bond"), is_cookie=True) for number in range(5)]
        assert len(await world.store.held("sessions/")) == 1_000
        assert all([await sessions.find(text, is_cookie=True) for text, _ in last])

    check(tmp_path, story)


def test_i18_while_the_store_is_away_sessions_go_on_and_end_here(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        one, two = world.node("shared"), world.node("shared")
        standings = [sessions.place.standing for sessions in (one, two)]  # type: ignore[attr-defined]
        kept, _ = await one.begin(ALICE, is_cookie=True)
        ended, _ = await one.begin(ALICE, is_cookie=True)
        assert await two.find(kept, is_cookie=True)
        for standing in standings:
            standing.is_away(Unavailable("gone"))
        assert await two.find(kept, is_cookie=True)
        assert await two.find(ended, is_cookie=True) is None
        with pytest.raises(Unavailable):
            await one.end(ended)
        assert await one.find(ended, is_cookie=True) is None
        meanwhile, _ = await one.begin(ALICE, is_cookie=True)
        assert await one.find(meanwhile, is_cookie=True)
        assert await two.find(meanwhile, is_cookie=True) is None
        for standing in standings:
            standing.absence = ""
        # It is there again: what ended here ends everywhere, what began here is known everywhere.
        assert await one.find(kept, is_cookie=True)
        assert await two.find(ended, is_cookie=True) is None
        assert await one.find(ended, is_cookie=True) is None
        assert await one.find(meanwhile, is_cookie=True)
        assert await two.find(meanwhile, is_cookie=True)
        assert await two.find(kept, is_cookie=True)

    check(tmp_path, story)


def test_one_of_which_nobody_knows_whether_it_is_kept_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World) -> None:
        one, two = world.node("shared"), world.node("shared")
        hold = world.store.hold

        async def lost(*given: Any) -> None:
            await hold(*given)
            raise Unavailable("the answer is lost")

        with monkeypatch.context() as patch:
            patch.setattr(world.store, "hold", lost)
            text, _ = await one.begin(ALICE, is_cookie=True)
        assert await two.find(text, is_cookie=True)
        await two.end(text)
        assert await one.find(text, is_cookie=True) is None
        assert not await world.store.held("sessions/")

    check(tmp_path, story)


def test_one_that_is_ended_is_not_brought_back_by_a_node_that_sees_it(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        one, two = world.node("shared"), world.node("shared")
        text, session = await one.begin(ALICE, is_cookie=True)
        assert await two.find(text, is_cookie=True)
        [key] = await one.place.every()
        await one.end(text)
        # It had found it just before.
        await two.place.put(key, session)
        assert await two.find(text, is_cookie=True) is None
        assert not await world.store.held("sessions/")

    check(tmp_path, story)


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", '{"who": null}', '{"who": {"user": "a"}, "began": 1, "seen": "x"}', "[" * 100_000],
    ids=lambda text: text[:20] or "empty",
)
def test_i11_what_others_have_written_is_no_session(text: str) -> None:
    assert read_session(text) is None


def test_a_damaged_file_holds_no_session(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        text, _ = await world.node("file").begin(ALICE, is_cookie=True)
        path = tmp_path / "sessions.json"
        path.write_bytes(path.read_bytes().replace(b"alice", b"admin"))
        assert await world.node("file").find(text, is_cookie=True) is None
        again, _ = await world.node("file").begin(ALICE, is_cookie=True)
        assert await world.node("file").find(again, is_cookie=True)

    check(tmp_path, story)
