"""Every change is remembered with who made it and what became of it."""

import asyncio

from penstock.runtime.change.history import History
from penstock.store import Author, Change, MemoryStore, Transaction

FILES = Author("configuration", "files")
SOMEBODY = Author("somebody", "api")


def changes(*transactions: Transaction) -> list[Change]:
    async def made() -> list[Change]:
        store = MemoryStore()
        for transaction in transactions:
            await store.transaction(transaction)
        return await store.history(len(transactions))

    return asyncio.run(made())


def test_a_change_is_told_with_author_source_what_it_touched_and_result() -> None:
    history = History()
    first = Transaction(FILES, {"route/a": "1", "route/b": "1", "order/files": "[]"})
    second = Transaction(SOMEBODY, {"route/c": "1"}, frozenset({"route/a"}))
    history.tried(changes(first, second), (), 7)
    newest, oldest = history.latest(5)
    assert (newest["author"], newest["source"], newest["put"], newest["deleted"]) == (
        "somebody",
        "api",
        ["route/c"],
        ["route/a"],
    )
    assert (oldest["author"], oldest["source"], oldest["put"]) == ("configuration", "files", ["route/a", "route/b"])
    assert [one["result"] for one in (newest, oldest)] == ["applied", "applied"]
    assert [one["revision"] for one in (newest, oldest)] == [7, 7]
    assert [one["store_revision"] for one in (newest, oldest)] == [2, 1]


def test_a_refused_change_is_told_with_its_problems() -> None:
    history = History()
    history.tried(changes(Transaction(FILES, {"route/a": "1"})), ["it is wrong"], 3)
    (told,) = history.latest(5)
    assert (told["result"], told["problems"], told["revision"]) == ("refused", ["it is wrong"], 3)


def test_what_is_refused_before_the_store_again_and_again_is_told_once() -> None:
    history = History()
    for problems in (["a"], ["a"], ["b"]):
        history.refused(FILES, problems)
    assert [one["problems"] for one in history.latest(5)] == [["b"], ["a"]]


def test_of_very_many_resources_some_are_named_and_all_counted() -> None:
    history = History()
    history.tried(changes(Transaction(FILES, {f"route/{number:04}": "1" for number in range(5_000)})), (), 1)
    (told,) = history.latest(1)
    assert (told["put_count"], len(told["put"])) == (5_000, 10)
