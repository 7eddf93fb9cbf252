"""What every store does; a new one is added to `STORES` and passes as it is."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from penstock.store import Author, Change, Conflict, Forgotten, MemoryStore, Store, Transaction

STORES: dict[str, Callable[[], Store]] = {"memory": lambda: MemoryStore(kept_changes=8)}
ME = Author("me", "test")


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Store:
    return STORES[request.param]()


async def take(changes: AsyncIterator[Change], count: int) -> list[Change]:
    return [await asyncio.wait_for(anext(changes), 5) for _ in range(count)]


class TestStore:
    """The contract."""

    def test_a_new_store_is_empty_at_revision_zero(self, store: Store) -> None:
        snapshot = asyncio.run(store.range())
        assert (snapshot.revision, dict(snapshot.entries)) == (0, {})

    def test_what_is_put_is_there_with_its_revisions(self, store: Store) -> None:
        async def story() -> None:
            await store.put("route/a", "1", ME)
            await store.put("route/a", "2", ME)
            entry = (await store.range()).entries["route/a"]
            assert (entry.value, entry.created, entry.modified) == ("2", 1, 2)

        asyncio.run(story())

    def test_a_range_holds_only_its_prefix_in_order_of_keys(self, store: Store) -> None:
        async def story() -> None:
            await store.transaction(Transaction(ME, put={"route/b": "1", "upstream/a": "1", "route/a": "1"}))
            assert list((await store.range("route/")).entries) == ["route/a", "route/b"]

        asyncio.run(story())

    def test_what_is_deleted_is_gone_and_new_when_it_returns(self, store: Store) -> None:
        async def story() -> None:
            await store.put("a", "1", ME)
            await store.delete("a", ME)
            assert dict((await store.range()).entries) == {}
            await store.put("a", "1", ME)
            assert (await store.range()).entries["a"].created == 3

        asyncio.run(story())

    def test_what_changes_nothing_makes_no_revision(self, store: Store) -> None:
        async def story() -> None:
            first = await store.put("a", "1", ME)
            assert (await store.put("a", "1", ME)).revision == first.revision
            assert (await store.delete("b", ME)).revision == first.revision

        asyncio.run(story())

    @pytest.mark.parametrize("expected", [{"a": 0}, {"a": 2}, {"b": 1}])
    def test_a_transaction_that_expected_another_state_changes_nothing(
        self, store: Store, expected: dict[str, int]
    ) -> None:
        async def story() -> None:
            await store.put("a", "1", ME)
            with pytest.raises(Conflict):
                await store.transaction(Transaction(ME, {"a": "2", "c": "1"}, expected=expected))
            snapshot = await store.range()
            assert (snapshot.revision, list(snapshot.entries), snapshot.entries["a"].value) == (1, ["a"], "1")

        asyncio.run(story())

    def test_a_transaction_that_expected_this_state_happens_whole(self, store: Store) -> None:
        async def story() -> None:
            await store.put("a", "1", ME)
            change = await store.transaction(Transaction(ME, {"b": "1"}, frozenset({"a"}), {"a": 1, "b": 0}))
            assert (list(change.put), set(change.deleted), change.before["a"].value) == (["b"], {"a"}, "1")
            assert list((await store.range()).entries) == ["b"]

        asyncio.run(story())

    def test_one_key_is_not_put_and_deleted_at_once(self, store: Store) -> None:
        with pytest.raises(ValueError, match="puts and deletes a"):
            asyncio.run(store.transaction(Transaction(ME, {"a": "1"}, frozenset({"a"}))))

    def test_a_watch_gives_what_was_and_what_comes(self, store: Store) -> None:
        async def story() -> None:
            await store.put("a", "1", ME)
            await store.put("b", "1", ME)
            changes = store.watch(1)
            assert [change.revision for change in await take(changes, 1)] == [2]
            later = asyncio.create_task(take(changes, 2))  # noqa: TID251 - awaited below
            await asyncio.sleep(0)
            await store.put("c", "1", ME)
            await store.delete("a", ME)
            assert [(change.revision, list(change.put), set(change.deleted)) for change in await later] == [
                (3, ["c"], set()),
                (4, [], {"a"}),
            ]

        asyncio.run(story())

    def test_a_watch_of_a_prefix_leaves_out_other_changes(self, store: Store) -> None:
        async def story() -> None:
            for key in ("upstream/a", "route/a", "upstream/b", "route/b"):
                await store.put(key, "1", ME)
            assert [change.revision for change in await take(store.watch(0, "route/"), 2)] == [2, 4]

        asyncio.run(story())

    @pytest.mark.parametrize("since", [0, 99])
    def test_a_watch_from_what_is_no_longer_known_says_so(self, store: Store, since: int) -> None:
        async def story() -> None:
            for number in range(20):
                await store.put("a", str(number), ME)
            with pytest.raises(Forgotten):
                await take(store.watch(since), 1)

        asyncio.run(story())

    def test_watches_go_on_from_what_is_kept(self, store: Store) -> None:
        async def story() -> None:
            for number in range(20):
                await store.put("a", str(number), ME)
            oldest = (await store.history(20))[-1].revision
            assert [change.revision for change in await take(store.watch(oldest), 2)] == [oldest + 1, oldest + 2]

        asyncio.run(story())

    def test_history_is_newest_first_and_says_who(self, store: Store) -> None:
        async def story() -> None:
            await store.put("a", "1", ME)
            await store.put("a", "2", Author("you", "api"))
            history = await store.history(5)
            assert [(change.revision, change.author.name) for change in history] == [(2, "you"), (1, "me")]
            assert len(await store.history(1)) == 1

        asyncio.run(story())

    def test_equal_content_has_an_equal_digest(self, store: Store) -> None:
        async def story() -> None:
            first = await store.transaction(Transaction(ME, {"a": "1", "b": "1"}))
            second = await store.put("a", "2", ME)
            third = await store.put("a", "1", ME)
            assert first.digest == third.digest != second.digest

        asyncio.run(story())


def test_the_memory_store_keeps_as_many_changes_as_their_texts_leave_room_for() -> None:
    async def story() -> None:
        store = MemoryStore(kept_changes=100, kept_text=1_000)
        for number in range(50):
            await store.put("a", f"{number:0100}", ME)
        history = await store.history(100)
        # Each change holds its own text and the one before it.
        assert [change.revision for change in history] == [50, 49, 48, 47, 46]
        await store.put("a", "x" * 5_000, ME)
        assert [change.revision for change in await store.history(100)] == [51]

    asyncio.run(story())
