"""What every store does; a new one is added to `PLACES` and passes as it is."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import pytest

from penstock.store import (
    Author,
    Change,
    Conflict,
    Damaged,
    Forgotten,
    Lost,
    Result,
    Retention,
    Snapshot,
    Store,
    Transaction,
)
from tests.servers.etcd import LINES, Etcd
from tests.store.places import EtcdPlace, MemoryPlace, Place, SqlitePlace

PLACES: dict[str, Callable[[Path], Place]] = {"memory": MemoryPlace, "sqlite": SqlitePlace}
ETCD = {f"etcd {line}": line for line in LINES}
ME = Author("me", "test")
Story = Callable[[Store], Awaitable[None]]


@pytest.fixture(scope="module", params=[*PLACES, *ETCD])
def made(request: pytest.FixtureRequest) -> Iterator[Callable[[Path], Place]]:
    """Makes places of one kind; what all of them need runs as long as there are tests of that kind."""
    if request.param in PLACES:
        yield PLACES[request.param]
        return
    with Etcd(ETCD[request.param]) as etcd:
        yield lambda _folder: EtcdPlace(etcd)


@pytest.fixture
def place(made: Callable[[Path], Place], tmp_path: Path) -> Place:
    return made(tmp_path)


def tell(place: Place, *stories: Story, retention: Retention | None = None) -> None:
    """Run each story with a store of its own at the same place, one after another."""

    async def told() -> None:
        for story in stories:
            store = await place.open(retention)
            try:
                await story(store)
            finally:
                await store.close()

    asyncio.run(told())


async def take(changes: AsyncIterator[Change], count: int) -> list[Change]:
    return [await asyncio.wait_for(anext(changes), 20) for _ in range(count)]


class TestRevisions:
    """The contract: entries, transactions, watches."""

    def test_a_new_store_is_empty_at_revision_zero(self, place: Place) -> None:
        async def story(store: Store) -> None:
            snapshot = await store.range()
            assert (snapshot.revision, dict(snapshot.entries)) == (0, {})
            assert await store.history(5) == []

        tell(place, story)

    def test_what_is_put_is_there_with_its_revisions(self, place: Place) -> None:
        async def story(store: Store) -> None:
            await store.put("route/a", "1", ME)
            await store.put("route/a", "2", ME)
            entry = (await store.range()).entries["route/a"]
            assert (entry.value, entry.created, entry.modified) == ("2", 1, 2)

        tell(place, story)

    def test_a_range_holds_only_its_prefix_in_order_of_keys(self, place: Place) -> None:
        async def story(store: Store) -> None:
            await store.transaction(Transaction(ME, put={"route/b": "1", "upstream/a": "1", "route/a": "1"}))
            assert list((await store.range("route/")).entries) == ["route/a", "route/b"]
            assert list((await store.range()).entries) == ["route/a", "route/b", "upstream/a"]

        tell(place, story)

    def test_what_is_deleted_is_gone_and_new_when_it_returns(self, place: Place) -> None:
        async def story(store: Store) -> None:
            await store.put("a", "1", ME)
            await store.delete("a", ME)
            assert dict((await store.range()).entries) == {}
            await store.put("a", "1", ME)
            assert (await store.range()).entries["a"].created == 3

        tell(place, story)

    def test_what_changes_nothing_makes_no_revision(self, place: Place) -> None:
        async def story(store: Store) -> None:
            nothing = await store.delete("b", ME)
            assert nothing.revision == 0
            first = await store.put("a", "1", ME)
            assert (await store.put("a", "1", ME)).revision == first.revision
            assert (await store.delete("b", ME)).revision == first.revision

        tell(place, story)

    @pytest.mark.parametrize("expected", [{"a": 0}, {"a": 2}, {"b": 1}])
    def test_a_transaction_that_expected_another_state_changes_nothing(
        self, place: Place, expected: dict[str, int]
    ) -> None:
        async def story(store: Store) -> None:
            await store.put("a", "1", ME)
            with pytest.raises(Conflict):
                await store.transaction(Transaction(ME, {"a": "2", "c": "1"}, expected=expected))
            snapshot = await store.range()
            assert (snapshot.revision, list(snapshot.entries), snapshot.entries["a"].value) == (1, ["a"], "1")

        tell(place, story)

    def test_a_transaction_that_expected_this_state_happens_whole(self, place: Place) -> None:
        async def story(store: Store) -> None:
            await store.put("a", "1", ME)
            change = await store.transaction(Transaction(ME, {"b": "1"}, frozenset({"a"}), {"a": 1, "b": 0}))
            assert (list(change.put), set(change.deleted), change.before["a"].value) == (["b"], {"a"}, "1")
            assert list((await store.range()).entries) == ["b"]

        tell(place, story)

    def test_one_key_is_not_put_and_deleted_at_once(self, place: Place) -> None:
        async def story(store: Store) -> None:
            with pytest.raises(ValueError, match="puts and deletes a"):
                await store.transaction(Transaction(ME, {"a": "1"}, frozenset({"a"})))

        tell(place, story)

    def test_a_change_of_thousands_of_large_entries_happens_at_once(self, place: Place) -> None:
        async def story(store: Store) -> None:
            # More keys than one request of etcd may name, and more bytes than one may hold.
            many = {f"route/{number:05}": f"{number}".rjust(1_000, ".") for number in range(2_500)}
            await store.transaction(Transaction(ME, many))
            await store.put("route/00007", "other", ME)
            held = {key: entry.value for key, entry in (await store.range()).entries.items()}
            assert held == many | {"route/00007": "other"}
            assert len((await store.at(1)).entries) == len(many)
            assert (await store.history(1))[0].before["route/00007"].value.endswith(".7")

        tell(place, story)

    def test_any_text_comes_back_as_it_was(self, place: Place) -> None:
        async def story(store: Store) -> None:
            texts = {"empty/": "", "route/ß": "\0\n\U0001f600", 'quote/"': '{"a": "\\"}'}
            await store.transaction(Transaction(ME, texts, message='say "why"\n'))
            assert {key: entry.value for key, entry in (await store.range()).entries.items()} == texts
            assert (await store.history(1))[0].message == 'say "why"\n'

        tell(place, story)

    def test_a_watch_gives_what_was_and_what_comes(self, place: Place) -> None:
        async def story(store: Store) -> None:
            await store.put("a", "1", ME)
            await store.put("b", "1", ME)
            changes = store.watch(1)
            assert [change.revision for change in await take(changes, 1)] == [2]
            async with asyncio.TaskGroup() as group:
                later = group.create_task(take(changes, 2))
                await asyncio.sleep(0)
                await store.put("c", "1", ME)
                await store.delete("a", ME)
            assert [(change.revision, list(change.put), set(change.deleted)) for change in later.result()] == [
                (3, ["c"], set()),
                (4, [], {"a"}),
            ]

        tell(place, story)

    def test_a_watch_of_a_prefix_leaves_out_other_changes(self, place: Place) -> None:
        async def story(store: Store) -> None:
            for key in ("upstream/a", "route/a", "upstream/b", "route/b"):
                await store.put(key, "1", ME)
            assert [change.revision for change in await take(store.watch(0, "route/"), 2)] == [2, 4]

        tell(place, story)

    @pytest.mark.parametrize("since", [0, 99])
    def test_a_watch_from_what_is_no_longer_known_says_so(self, place: Place, since: int) -> None:
        async def story(store: Store) -> None:
            for number in range(20):
                await store.put("a", str(number), ME)
            with pytest.raises(Forgotten):
                await take(store.watch(since), 1)

        tell(place, story, retention=Retention(8))

    def test_watches_go_on_from_what_is_kept(self, place: Place) -> None:
        async def story(store: Store) -> None:
            for number in range(20):
                await store.put("a", str(number), ME)
            oldest = (await store.history(20))[-1].revision
            assert [change.revision for change in await take(store.watch(oldest), 2)] == [oldest + 1, oldest + 2]

        tell(place, story, retention=Retention(8))


class TestHistory:
    """The contract: what was, and who made it so."""

    def test_history_is_newest_first_and_says_who_when_and_why(self, place: Place) -> None:
        async def story(store: Store) -> None:
            began = time.time()
            await store.put("a", "1", ME)
            await store.transaction(Transaction(Author("you", "api"), {"a": "2"}, message="because"))
            newest, oldest = await store.history(5)
            assert [(one.revision, one.author.name, one.parent) for one in (newest, oldest)] == [
                (2, "you", 1),
                (1, "me", 0),
            ]
            assert (newest.author.source, newest.message, oldest.message) == ("api", "because", "")
            assert began - 1 < oldest.time <= newest.time < time.time() + 1
            assert [one.revision for one in await store.history(1)] == [2]
            assert [one.revision for one in await store.history(5, newest=1)] == [1]

        tell(place, story)

    def test_every_revision_can_be_read_and_what_it_changed(self, place: Place) -> None:
        async def story(store: Store) -> None:
            await store.transaction(Transaction(ME, {"route/a": "1", "upstream/b": "1"}))
            await store.put("route/a", "2", ME)
            await store.delete("upstream/b", ME)
            was = [{key: entry.value for key, entry in (await store.at(number)).entries.items()} for number in range(4)]
            assert was == [
                {},
                {"route/a": "1", "upstream/b": "1"},
                {"route/a": "2", "upstream/b": "1"},
                {"route/a": "2"},
            ]
            assert list((await store.at(1, "route/")).entries) == ["route/a"]
            second, third = await store.change(2), await store.change(3)
            assert (second.put["route/a"].value, second.before["route/a"].value) == ("2", "1")
            assert third.deleted == {"upstream/b"}
            for unknown in (0, 4):
                with pytest.raises(Forgotten):
                    await store.change(unknown)
            with pytest.raises(Forgotten):
                await store.at(4)

        tell(place, story)

    def test_the_changes_of_one_key_are_told_apart_from_all_others(self, place: Place) -> None:
        async def story(store: Store) -> None:
            await store.put("route/a", "1", ME)
            for number in range(70):
                await store.put(f"route/b{number % 7}", str(number), ME)
            await store.delete("route/a", ME)
            await store.put("route/a", "1", ME)
            assert [change.revision for change in await store.changes_of("route/a", 10)] == [73, 72, 1]
            assert [change.revision for change in await store.changes_of("route/a", 2)] == [73, 72]
            assert await store.changes_of("route/never", 2) == []

        tell(place, story)

    def test_what_is_kept_of_history_is_whole_and_the_rest_is_collected(self, place: Place) -> None:
        async def story(store: Store) -> None:
            for number in range(30):
                await store.transaction(Transaction(ME, {f"a{number % 3}": str(number), "same": "1"}))
            assert len(await store.history(100)) <= 8 + 8 // 4 + 1
            await store.collect()
            kept = [change.revision for change in await store.history(100)]
            assert kept == list(range(30, 22, -1))
            assert {key: entry.value for key, entry in (await store.at(23)).entries.items()} == {
                "a0": "21",
                "a1": "22",
                "a2": "20",
                "same": "1",
            }
            with pytest.raises(Forgotten):
                await store.at(20)
            assert await store.collect() == 0

        tell(place, story, retention=Retention(8))

    def test_what_is_attached_comes_and_goes_with_its_entry_and_with_history(self, place: Place) -> None:
        # Three pieces, the last of one byte.
        large = random.Random(1).randbytes(1024 * 1024 + 1)

        async def story(store: Store) -> None:
            await store.transaction(Transaction(ME, {"a": "1", "b": "1"}, attached={"a": large}))
            first = (await store.range()).entries
            assert (len(first["a"].attached), first["b"].attached) == (3, ())
            assert await store.attachment(first["a"]) == large
            # The same again is no change; without, it is gone, but from history.
            assert (await store.transaction(Transaction(ME, {"a": "1"}, attached={"a": large}))).revision == 1
            await store.put("a", "2", ME)
            assert (await store.range()).entries["a"].attached == ()
            assert await store.attachment((await store.at(1)).entries["a"]) == large
            assert (await store.change(2)).before["a"].attached == first["a"].attached
            for number in range(12):
                await store.put("b", str(number), ME)
            await store.transaction(Transaction(ME, {"c": "1"}, attached={"c": large[:5]}))
            await store.collect()
            with pytest.raises(Damaged):
                await store.attachment(first["a"])
            assert await store.attachment((await store.range()).entries["c"]) == large[:5]

        async def later(store: Store) -> None:
            if place.is_lasting:
                assert await store.attachment((await store.range()).entries["c"]) == large[:5]

        tell(place, story, later, retention=Retention(8))

    def test_who_watches_has_history_shortened_in_a_quiet_moment(self, place: Place) -> None:
        async def story(store: Store) -> None:
            async def watch() -> None:
                async for _ in store.watch(0):
                    pass

            async with asyncio.TaskGroup() as group:
                watching = group.create_task(watch())
                for number in range(48):
                    await store.put("a", str(number), ME)
                assert len(await store.history(100)) > 40
                async with asyncio.timeout(30):
                    while len(await store.history(100)) > 40:  # noqa: ASYNC110 - nobody is told of it
                        await asyncio.sleep(0.1)
                watching.cancel()
            assert len(await store.history(100)) == 40

        tell(place, story, retention=Retention(40))

    def test_history_takes_no_more_bytes_than_it_may(self, place: Place) -> None:
        async def story(store: Store) -> None:
            for number in range(12):
                await store.put("a", f"{number}" * 4_000, ME)
            assert [change.revision for change in await store.history(100)][-1] > 6
            await store.put("a", "x" * 100_000, ME)
            assert [change.revision for change in await store.history(100)] == [13]

        tell(place, story, retention=Retention(100, 32_000))

    def test_equal_content_has_an_equal_digest(self, place: Place) -> None:
        async def story(store: Store) -> None:
            first = await store.transaction(Transaction(ME, {"a": "1", "b": "1"}))
            second = await store.put("a", "2", ME)
            third = await store.put("a", "1", ME)
            assert first.digest == third.digest != second.digest

        tell(place, story)

    def test_what_became_of_a_revision_is_kept_with_it(self, place: Place) -> None:
        async def story(store: Store) -> None:
            for number in range(3):
                await store.put("a", str(number), ME)
            refused = Result("one", 1.5, ("it is wrong",), 7)
            await store.note(1, Result("one", 1.0))
            await store.note(2, Result("one", 1.0))
            await store.note(2, refused)
            await store.note(2, Result("two", 2.0, (), 8))
            found = await store.results(2, 3)
            assert {revision: set(results) for revision, results in found.items()} == {
                2: {refused, Result("two", 2.0, (), 8)}
            }

        tell(place, story)

    def test_what_was_written_is_there_for_who_comes_later(self, place: Place) -> None:
        if not place.is_lasting:
            return

        async def before(store: Store) -> None:
            await store.put("a", "1", ME)
            await store.transaction(Transaction(ME, {"b": "2"}, frozenset({"a"}), message="why"))
            await store.note(2, Result("one", 1.0))

        async def after(store: Store) -> None:
            assert {key: entry.value for key, entry in (await store.range()).entries.items()} == {"b": "2"}
            assert [(change.revision, change.message) for change in await store.history(9)] == [(2, "why"), (1, "")]
            assert (await store.at(1)).entries["a"].value == "1"
            assert {key: list(results) for key, results in (await store.results(1, 2)).items()} == {
                2: [Result("one", 1.0)]
            }
            assert (await store.put("b", "2", ME)).revision == 2
            assert (await store.put("b", "3", ME)).revision == 3

        tell(place, before, after)

    def test_writers_that_share_a_store_lose_nothing_and_double_nothing(self, place: Place) -> None:
        if not place.is_shared:
            return

        async def told() -> None:
            stores = [await place.open() for _ in range(3)]
            await write_together(stores)
            assert [change.revision for change in await stores[1].history(100)] == list(range(60, 0, -1))
            for store in stores:
                await store.close()

        asyncio.run(told())

    def test_writers_that_collect_all_the_time_take_nothing_away_from_others(self, place: Place) -> None:
        if not place.is_shared:
            return

        async def follow(store: Store) -> dict[str, str]:
            """What a node has that looks at the whole wherever it comes too late for the changes."""
            seen: dict[str, str] = {}
            since = 0
            while since < 60:
                try:
                    async for change in store.watch(since):
                        seen |= {key: entry.value for key, entry in change.put.items()}
                        since = change.revision
                        if since == 60:
                            break
                except Forgotten:
                    snapshot = await store.range()
                    seen, since = values_of(snapshot), snapshot.revision
            return seen

        async def told() -> None:
            stores = [await place.open(Retention(2)) for _ in range(4)]
            async with asyncio.TaskGroup() as group:
                followed = group.create_task(follow(stores[3]))
                group.create_task(write_together(stores[:3]))
            assert followed.result() == values_of(await stores[0].range())
            for store in stores:
                await store.close()
            # Who begins anew finds everything that is there, and nothing is left to collect.
            fresh = await place.open(Retention(2))
            assert values_of(await fresh.range()) == followed.result()
            assert len(await fresh.history(9)) == 2
            await fresh.close()

        asyncio.run(told())


async def write_together(stores: Sequence[Store]) -> None:
    """Each of three stores counts ten on a key of its own, and ten on one that all share."""

    async def count(store: Store, key: str) -> None:
        for _ in range(10):
            while True:
                entry = (await store.range()).entries.get(key)
                expected = {key: entry.modified if entry else 0}
                put = {key: str(int(entry.value) + 1 if entry else 1)}
                try:
                    await store.transaction(Transaction(ME, put, expected=expected))
                except Conflict:
                    continue
                break

    async with asyncio.TaskGroup() as group:
        for number, store in enumerate(stores):
            group.create_task(count(store, "shared"))
            group.create_task(count(store, f"own/{number}"))
    assert values_of(await stores[0].range()) == {"own/0": "10", "own/1": "10", "own/2": "10", "shared": "30"}


def values_of(snapshot: Snapshot) -> dict[str, str]:
    return {key: entry.value for key, entry in snapshot.entries.items()}


class TestLeases:
    """The contract: what is held for a while."""

    def test_what_is_held_is_no_revision_and_goes_with_its_lease(self, place: Place) -> None:
        async def story(store: Store) -> None:
            lease, other = await store.grant(60), await store.grant(60)
            await store.hold("node/b", "1", lease)
            held = await store.hold("node/a", "2", lease)
            await store.hold("node/c", "3", other)
            assert (held.key, held.value, held.lease) == ("node/a", "2", lease.id)
            assert list(await store.held("node/")) == ["node/a", "node/b", "node/c"]
            assert await store.held("leader") == {}
            await store.revoke(lease)
            assert list(await store.held()) == ["node/c"]
            assert (await store.range()).revision == 0
            with pytest.raises(Lost):
                await store.hold("node/a", "2", lease)
            with pytest.raises(Lost):
                await store.keep_alive(lease)
            await store.revoke(other)

        tell(place, story)

    def test_a_lease_that_is_not_kept_alive_runs_out_and_another_lasts(self, place: Place) -> None:
        async def story(store: Store) -> None:
            short, kept = await store.grant(2), await store.grant(2)
            await store.hold("short", "1", short)
            await store.hold("kept", "1", kept)

            async def keep() -> None:
                while True:
                    await store.keep_alive(kept)
                    await asyncio.sleep(0.4)

            async with asyncio.TaskGroup() as group:
                keeping = group.create_task(keep())
                async with asyncio.timeout(30):
                    async for held in store.watch_held():
                        if list(held) == ["kept"]:
                            break
                keeping.cancel()

        tell(place, story)

    def test_one_of_many_becomes_the_holder_and_fences_only_grow(self, place: Place) -> None:
        async def story(store: Store) -> None:
            leases = [await store.grant(60) for _ in range(2)]
            first = await store.hold("leader", "one", leases[0], fence=0)
            with pytest.raises(Conflict):
                await store.hold("leader", "two", leases[1], fence=0)
            again = await store.hold("leader", "one, still", leases[0], fence=first.fence)
            await store.revoke(leases[0])
            second = await store.hold("leader", "two", leases[1], fence=0)
            assert first.fence < again.fence < second.fence
            assert (await store.held())["leader"] == second

        tell(place, story)

    def test_r51_who_no_longer_holds_what_it_relies_on_changes_nothing(self, place: Place) -> None:
        async def story(store: Store) -> None:
            lease = await store.grant(60)
            mine = await store.hold("leader", "me", lease, fence=0)
            await store.transaction(Transaction(ME, {"a": "1"}, while_held=mine))
            await store.revoke(lease)
            with pytest.raises(Lost):
                await store.transaction(Transaction(ME, {"a": "2"}, while_held=mine))
            await store.hold("leader", "another", await store.grant(60), fence=0)
            with pytest.raises(Lost):
                await store.transaction(Transaction(ME, {"a": "2"}, while_held=mine))
            assert (await store.range()).entries["a"].value == "1"

        tell(place, story)

    def test_a_watch_of_what_is_held_tells_every_new_state(self, place: Place) -> None:
        async def story(store: Store) -> None:
            lease = await store.grant(60)
            states = store.watch_held("node/")
            assert await anext(states) == {}
            async with asyncio.TaskGroup() as group:
                later = group.create_task(asyncio.wait_for(anext(states), 20))
                await asyncio.sleep(0)
                await store.hold("elsewhere", "1", lease)
                await store.hold("node/a", "1", lease)
            assert list(later.result()) == ["node/a"]
            await store.revoke(lease)
            assert await asyncio.wait_for(anext(states), 20) == {}

        tell(place, story)
