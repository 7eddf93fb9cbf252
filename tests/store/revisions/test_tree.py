"""Trees: whatever happens, each revision is what a plain dictionary would be."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.store import Author, Damaged, Retention, Transaction, TreeStore
from penstock.store.memory import MemoryBackend
from penstock.store.revisions.bucket import bucket_of, read_bucket
from penstock.store.revisions.root import read_root
from penstock.store.revisions.tree import Put, Tree, Words, differences, grow

ME = Author("me", "test")
KEYS = [f"route/{number}" for number in range(12)]
CHANGES = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(KEYS), st.sampled_from("abc"), max_size=4), st.sets(st.sampled_from(KEYS))
    ),
    max_size=25,
)


@given(changes=CHANGES, kept=st.integers(1, 30))
@settings(max_examples=150, deadline=None)
def test_every_kept_revision_is_what_a_dictionary_was(
    changes: list[tuple[dict[str, str], set[str]]], kept: int
) -> None:
    async def story() -> None:
        backend = MemoryBackend()
        store, was = TreeStore(backend, Retention(kept)), [dict[str, str]()]
        for put, deleted in changes:
            change = await store.transaction(Transaction(ME, put, frozenset(deleted - put.keys())))
            now = {key: value for key, value in was[-1].items() if key not in deleted or key in put} | put
            if now != was[-1]:
                was.append(now)
            assert change.revision == len(was) - 1
        # Done in quiet moments; a writer that has none lets history grow by a quarter first.
        await store.collect()
        # One that finds what was written sees the same as the one that wrote it.
        for one in (store, TreeStore(backend)):
            assert {key: entry.value for key, entry in (await one.range()).entries.items()} == was[-1]
            history = await one.history(100)
            # The first revision follows nothing, and needs no root before it.
            assert len(history) - min(kept, len(was) - 1) in (0, 1)
            for change in history:
                at = (await one.at(change.revision)).entries
                assert {key: entry.value for key, entry in at.items()} == was[change.revision]
                before = was[change.revision - 1]
                assert {key: entry.value for key, entry in change.before.items()} == {
                    key: before[key] for key in (*change.put, *change.deleted) if key in before
                }
                assert all(at[key] == entry for key, entry in change.put.items())

    asyncio.run(story())


def test_a_change_of_one_key_writes_one_bucket_and_a_root() -> None:
    words = Words(ME, "", 0.0, "")
    large, _ = grow(Tree(), {f"route/{number}": Put(f"{number:040x}") for number in range(10_000)}, (), words)
    after, blobs = grow(large, {"route/77": Put("f" * 40)}, (), words)
    assert len(blobs) == 2
    assert sum(map(len, blobs.values())) < 20_000
    assert [key for key, _, _ in differences(large, after)] == ["route/77"]


def test_what_is_put_and_taken_back_leaves_the_same_buckets_but_for_revisions() -> None:
    words = Words(ME, "", 0.0, "")
    first, _ = grow(Tree(), {"a": Put("1"), "b": Put("2")}, (), words)
    second, _ = grow(first, {"c": Put("3")}, (), words)
    third, _ = grow(second, {}, {"c"}, words)
    assert (third.root.content, third.root.buckets) == (first.root.content, first.root.buckets)


def test_keys_are_spread_evenly_over_buckets() -> None:
    counts: dict[str, int] = {}
    for number in range(25_600):
        counts[bucket_of(f"route/{number}")] = counts.get(bucket_of(f"route/{number}"), 0) + 1
    assert len(counts) == 256
    assert max(counts.values()) < 160


@pytest.mark.parametrize("blob", [b"", b"[]", b"{}", b'{"a": 1}', b"\xff", b'{"a": [1]}'])
def test_what_is_no_bucket_and_no_root_is_told(blob: bytes) -> None:
    with pytest.raises(Damaged):
        read_root(blob)
    if blob != b"{}":
        with pytest.raises(Damaged):
            read_bucket(blob)
