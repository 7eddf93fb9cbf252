"""Changes that people make beside the files: whole or not at all, of what is theirs."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from penstock.filters.native import native_catalogue
from penstock.model.loading import load_resources
from penstock.runtime.change.compilation import Compilation
from penstock.runtime.change.editing import Edit, Edited, Editing
from penstock.runtime.change.entries import Entries
from penstock.runtime.change.ownership import OwnedElsewhere
from penstock.runtime.change.source import Reading
from penstock.store import Author, Conflict, MemoryStore

ME = Author("ada", "api")
LISTENER = {"kind": "Listener", "name": "web", "address": "127.0.0.1:0"}
UPSTREAM = {"kind": "Upstream", "name": "orders", "endpoints": ["http://127.0.0.1:1"]}
Test = Callable[[Editing], Awaitable[None]]


def route(name: str = "orders", to: str = "orders", **more: Any) -> dict[str, Any]:
    return {"kind": "Route", "name": name, "path": f"/{name}", "to": to, **more}


def with_editing(folder: Path, test: Test) -> None:
    async def run() -> None:
        await test(Editing(MemoryStore(), Compilation(native_catalogue(), folder), Entries()))

    asyncio.run(run())


async def keys(editing: Editing) -> list[str]:
    return list((await editing.store.range()).entries)


def messages(edited: Edited) -> list[str]:
    return [f"{problem.resource}: {problem.message}" for problem in edited.problems if problem.is_error]


def test_an_edit_is_one_revision_with_its_author_and_message(tmp_path: Path) -> None:
    async def test(editing: Editing) -> None:
        edited = await editing.edit(ME, Edit([LISTENER, UPSTREAM, route()], message="first"))
        assert edited.change is not None
        assert (edited.change.revision, edited.change.author, edited.change.message) == (1, ME, "first")
        assert await keys(editing) == ["listener/web", "route/orders", "upstream/orders"]
        assert "route/orders" in edited.parts
        again = await editing.edit(ME, Edit([route()]))
        assert (again.before, again.after) == ({}, {})

    with_editing(tmp_path, test)


def test_a_trial_tells_what_would_change_and_changes_nothing(tmp_path: Path) -> None:
    async def test(editing: Editing) -> None:
        await editing.edit(ME, Edit([LISTENER, UPSTREAM, route()]))
        before = await editing.store.range()
        tried = await editing.edit(ME, Edit([route(priority=3)], frozenset()), is_trial=True)
        assert tried.change is None
        assert list(tried.before) == list(tried.after) == ["route/orders"]
        assert (tried.parts, tried.dropped) == (["route/orders"], [])
        assert (await editing.store.range()).revision == before.revision

    with_editing(tmp_path, test)


WRONG: list[tuple[list[Any], str]] = [
    ([route(to="nobody")], "route/orders: no upstream is called `nobody`"),
    ([{"kind": "Route", "name": "a", "paht": "/"}], "route/a: unknown key `paht`"),
    ([route(), route()], "route/orders: `route/orders` is there twice"),
    (["text"], ": a resource is a mapping with `kind` and `name`; found"),
    ([{"kind": "Rout", "name": "a"}], ": no kind of resource is called `Rout`"),
    ([{"kind": "Route", "name": "../../etc/x", "path": "/"}], "route/../../etc/x: "),
]


@pytest.mark.parametrize(("put", "expected"), WRONG, ids=[expected[:24] for _, expected in WRONG])
def test_what_is_wrong_is_refused_whole_with_all_that_came_with_it(
    tmp_path: Path, put: list[Any], expected: str
) -> None:
    async def test(editing: Editing) -> None:
        edited = await editing.edit(ME, Edit([LISTENER, *put]))
        assert edited.is_refused
        assert any(message.startswith(expected) for message in messages(edited)), messages(edited)
        assert await keys(editing) == []

    with_editing(tmp_path, test)


def test_what_is_referred_to_is_deleted_only_with_what_refers_to_it(tmp_path: Path) -> None:
    async def test(editing: Editing) -> None:
        await editing.edit(ME, Edit([LISTENER, UPSTREAM, route(), route("other", "http://127.0.0.1:2")]))
        gone = frozenset({"upstream/orders"})
        refused = await editing.edit(ME, Edit(delete=gone))
        assert [problem.resource for problem in refused.problems] == ["route/orders"]
        both = await editing.edit(ME, Edit(delete=gone, cascades=True))
        assert list(both.before) == ["route/orders", "upstream/orders"]
        assert both.after == {}
        assert await keys(editing) == ["listener/web", "route/other"]

    with_editing(tmp_path, test)


def test_i14_of_two_changes_to_what_both_have_seen_the_second_is_refused(tmp_path: Path) -> None:
    async def test(editing: Editing) -> None:
        first = await editing.edit(ME, Edit([LISTENER, UPSTREAM, route()]))
        seen = {"route/orders": first.change.revision if first.change else 0}
        both = [editing.edit(ME, Edit([route(priority=number)], expected=seen)) for number in (1, 2)]
        outcomes = await asyncio.gather(*both, return_exceptions=True)
        assert [type(one) for one in outcomes if isinstance(one, Exception)] == [Conflict]
        with pytest.raises(Conflict):
            await editing.edit(ME, Edit([route()], expected={"route/orders": 0}))

    with_editing(tmp_path, test)


def test_what_files_hold_is_changed_in_the_files(tmp_path: Path) -> None:
    async def test(editing: Editing) -> None:
        text = "kind: Route\nname: orders\npath: /a\nto: http://127.0.0.1:1\n"
        reading = Reading(load_resources(text).resources, ())
        await reading.write(editing.store, editing.entries)
        for edit in (Edit([UPSTREAM, route()]), Edit(delete=frozenset({"route/orders"}))):
            with pytest.raises(OwnedElsewhere, match="route/orders is owned by files"):
                await editing.edit(ME, edit)
        await editing.edit(ME, Edit([UPSTREAM, route("mine")]))
        # Nor do files take over what somebody else keeps.
        taking = Reading(load_resources(f"{text}---\n{text.replace('orders', 'mine')}").resources, ())
        assert [str(one) for one in taking.strangers(await editing.store.range())] == [
            "route/mine: name: `route/mine` is owned by the admin API\n    take it out of the files, or delete it there"
        ]

    with_editing(tmp_path, test)


def test_what_was_wrong_before_keeps_nobody_from_a_change(tmp_path: Path) -> None:
    async def test(editing: Editing) -> None:
        bad = '{"kind": "Route", "name": "stray", "path": "/stray", "to": "nobody"}'
        await editing.store.put("route/stray", bad, Author("registry", "consul"))
        edited = await editing.edit(ME, Edit([LISTENER, UPSTREAM, route()]))
        assert messages(edited) == []
        assert edited.change is not None

    with_editing(tmp_path, test)


def test_going_back_brings_all_of_a_revision_back_what_files_own_too(tmp_path: Path) -> None:
    async def test(editing: Editing) -> None:
        text = "kind: Route\nname: mine\npath: /a\nto: http://127.0.0.1:1\n"
        await Reading(load_resources(text).resources, ()).write(editing.store, editing.entries)
        good = (await editing.edit(ME, Edit([UPSTREAM, route()]))).change
        assert good is not None
        await editing.edit(ME, Edit(delete=frozenset({"upstream/orders"}), cascades=True))
        await Reading(load_resources(text.replace("/a", "/b")).resources, ()).write(editing.store, editing.entries)
        tried = await editing.roll_back(ME, good.revision, is_trial=True)
        assert sorted(tried.after) == ["route/mine", "route/orders", "upstream/orders"]
        back = await editing.roll_back(ME, good.revision)
        assert back.change is not None
        assert back.change.digest == good.digest
        assert (await editing.roll_back(ME, good.revision)).after == {}

    with_editing(tmp_path, test)
