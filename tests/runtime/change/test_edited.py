"""What is remembered never changes what is said of an edit: it is as a gateway that has just started would say."""

import asyncio
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from penstock.filters.catalogue import Catalogue
from penstock.filters.native import native_catalogue
from penstock.model.loading import load_resources
from penstock.runtime.change.compilation import Compilation
from penstock.runtime.change.editing import Edit, Edited, Editing
from penstock.runtime.change.entries import Entries
from penstock.runtime.change.source import Reading
from penstock.store import Author, MemoryStore, Store

ME = Author("ada", "api")
FILES = """
{kind: Listener, name: web, address: "127.0.0.1:80"}
---
{kind: Route, name: filed, path: /a, to: one}
---
{kind: Upstream, name: one, endpoints: ["http://127.0.0.1:1"]}
"""
STRAY = ["{", '{"kind": "Route", "name": "c", "path": "/c", "to": "nobody"}', '{"kind": "Rout"}']
PUT: list[dict[str, Any]] = [
    {"kind": "Upstream", "name": "two", "endpoints": ["http://127.0.0.1:2"]},
    {"kind": "Upstream", "name": "two", "endpoints": ["tcp://127.0.0.1:2"]},
    {"kind": "Upstream", "name": "two", "enabled": False, "endpoints": ["http://127.0.0.1:2"]},
    {"kind": "Listener", "name": "raw", "address": "127.0.0.1:81", "protocols": ["tcp"]},
    {"kind": "TcpRoute", "name": "a", "to": "two"},
    {"kind": "Route", "name": "a", "path": "/a", "to": "one"},
    {"kind": "Route", "name": "a", "path": "/a", "priority": 2, "to": "one"},
    {"kind": "Route", "name": "a", "hosts": ["a.test", "b.test"], "path": "/a", "to": "two"},
    {"kind": "Route", "name": "b", "hosts": ["b.test"], "path": "/a", "to": "http://127.0.0.1:3"},
    {"kind": "Route", "name": "b", "hosts": ["b.test"], "path": "/a", "methods": ["GET"], "to": "http://127.0.0.1:4"},
    {"kind": "Route", "name": "b", "path": "/b", "listeners": ["raw"], "to": "two"},
    {"kind": "Route", "name": "b", "path": "/b", "to": "two"},
]
KEYS = ["upstream/two", "listener/raw", "tcproute/a", "route/a", "route/b"]
EDITS: list[Edit | str] = [
    *(Edit([one]) for one in PUT),
    *(Edit(delete=frozenset({key}), cascades=cascades) for key in KEYS for cascades in (False, True)),
    *STRAY,
]


async def fresh(store: Store, catalogue: Catalogue, folder: Path, edit: Edit) -> Edited:
    """What a gateway says that has just started."""
    return await Editing(store, Compilation(catalogue, folder), Entries()).edit(ME, edit, is_trial=True)


async def check(history: list[Edit | str], folder: Path) -> None:
    catalogue, store = native_catalogue(), MemoryStore()
    editing = Editing(store, Compilation(catalogue, folder), Entries())
    # Who has just started knows nothing of where it stands in files.
    await Reading(load_resources(FILES).resources, ()).write(store, Entries())
    for edit in history:
        if isinstance(edit, str):
            # Others write into a store too, and what they like.
            await store.put("route/c", edit, Author("registry", "consul"))
            continue
        expected = await fresh(store, catalogue, folder, edit)
        edited = await editing.edit(ME, edit)
        assert replace(edited, change=None) == expected


@settings(deadline=None, max_examples=100, derandomize=True)
@given(some.lists(some.sampled_from(EDITS), min_size=2, max_size=9))
def test_any_history_of_edits_is_told_as_after_a_fresh_start(history: list[Edit | str]) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(check(history, Path(folder)))
