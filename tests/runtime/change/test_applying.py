"""What the store holds comes to run, or the reason is told."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from penstock._core import SharedTable
from penstock.compiler import compile_resources
from penstock.filters.native import native_catalogue
from penstock.model.loading import load_resources
from penstock.runtime.change.applying import Applying
from penstock.runtime.change.compilation import Compilation
from penstock.runtime.change.crash_guard import CRASHES, CrashGuard
from penstock.runtime.change.entries import Entries
from penstock.runtime.change.last_good import LastGood
from penstock.runtime.change.plan_hash import plan_hash
from penstock.runtime.change.source import Reading
from penstock.runtime.listening import Sockets
from penstock.runtime.measures.directory import Directory
from penstock.runtime.state_folder import StateFolder
from penstock.runtime.worker.entry import BUILD
from penstock.runtime.worker.fleet import Fleet
from penstock.runtime.worker.process import Starter
from penstock.runtime.worker.rollout import Rollout
from penstock.store import Author, MemoryStore
from tests.runtime.worker.worker_fake import Crew, WorkerFake

OUTSIDE = Author("registry", "consul")
WEB = "kind: Listener\nname: web\naddress: 127.0.0.1:0\n"
Test = Callable[[Applying, WorkerFake], Awaitable[None]]


def with_applying(test: Test, mood: str = "ready") -> None:
    async def run(folder: Path) -> None:
        sockets = Sockets(1)
        try:
            async with Crew(folder, mood) as crew:
                starter = cast("Starter", SimpleNamespace())
                fleet = Fleet(
                    starter, Rollout(sockets, Directory(SharedTable(1))), workers=dict(enumerate(crew.workers))
                )
                compilation = Compilation(native_catalogue(), folder)
                guard, state = CrashGuard(folder / "bad"), StateFolder(folder)
                applying = Applying(MemoryStore(), compilation, Entries(), fleet, guard, state)
                await test(applying, crew.fakes[0])
        finally:
            sockets.close()

    with tempfile.TemporaryDirectory(prefix="applying-") as made:
        asyncio.run(run(Path(made)))


def route(name: str, to: str = "http://127.0.0.1:1") -> str:
    return f"kind: Route\nname: {name}\npath: /{name}\nto: {to}\n"


def stored(name: str, to: str = "http://127.0.0.1:1") -> str:
    return f'{{"kind": "Route", "name": "{name}", "path": "/{name}", "to": "{to}"}}'


async def write_files(applying: Applying, *texts: str) -> None:
    await Reading(load_resources("---\n".join(texts)).resources, ()).write(applying.store, applying.entries)


def routes(fake: WorkerFake) -> list[str]:
    return sorted(key.removeprefix("route/") for key in fake.parts if key.startswith("route/"))


def test_r3_a_bad_object_from_outside_is_left_out_and_the_rest_goes_live() -> None:
    async def test(applying: Applying, fake: WorkerFake) -> None:
        await write_files(applying, WEB, route("mine"))
        await applying.store.put("route/good", stored("good"), OUTSIDE)
        bad = {"dangling": stored("dangling", "nobody"), "broken": "{", "odd": "[]", "shadow": stored("mine")}
        for key, value in bad.items():
            await applying.store.put(f"route/{key}", value, OUTSIDE)
        outcome = await applying.apply()
        assert outcome.is_applied
        assert routes(fake) == ["good", "mine"]
        assert len(outcome.left_out) == len(bad)
        assert all(any(f"route/{key}" in told for told in outcome.left_out) for key in bad)
        await applying.store.put("route/dangling", stored("dangling"), OUTSIDE)
        assert len((await applying.apply()).left_out) == len(bad) - 1
        assert routes(fake) == ["dangling", "good", "mine"]

    with_applying(test)


def test_what_files_hold_is_refused_whole() -> None:
    async def test(applying: Applying, fake: WorkerFake) -> None:
        await write_files(applying, WEB, route("mine"))
        await applying.apply()
        await write_files(applying, WEB, route("mine", "nobody"), route("other"))
        outcome = await applying.apply()
        assert (outcome.is_applied, routes(fake), fake.revision) == (False, ["mine"], 1)

    with_applying(test)


def test_every_change_is_told_with_author_and_result() -> None:
    async def test(applying: Applying, fake: WorkerFake) -> None:
        await write_files(applying, WEB, route("mine"))
        await applying.apply()
        await applying.store.put("route/other", stored("other"), OUTSIDE)
        await applying.store.delete("route/other", OUTSIDE)
        await applying.store.put("route/last", stored("last"), OUTSIDE)
        await applying.apply()
        fake.mood = "refused"
        await write_files(applying, WEB)
        await applying.apply()
        told = applying.history.latest(10)
        assert [(one["source"], one["result"], one["revision"], one["put"], one["deleted"]) for one in told] == [
            ("files", "refused", 2, [], ["route/mine"]),
            ("consul", "applied", 2, ["route/last"], []),
            ("consul", "applied", 2, [], ["route/other"]),
            ("consul", "applied", 2, ["route/other"], []),
            ("files", "applied", 1, ["listener/web", "route/mine"], []),
        ]

    with_applying(test)


def mark_bad(applying: Applying, *texts: str) -> None:
    resources = load_resources("---\n".join(texts)).resources
    plan = plan_hash(compile_resources(resources, native_catalogue()).plan["parts"])
    for _ in range(CRASHES):
        applying.guard.crashed(plan, BUILD, 1.0)


def check_fallback(kept: LastGood | bytes, expected: list[str]) -> None:
    """What runs where the configuration is marked bad, given the last good plan on disk."""

    async def test(applying: Applying, fake: WorkerFake) -> None:
        if isinstance(kept, LastGood):
            kept.write(applying.folder.last_good)
        else:
            applying.folder.last_good.write_bytes(kept)
        mark_bad(applying, WEB, route("poison"))
        await write_files(applying, WEB, route("poison"))
        outcome = await applying.apply()
        assert "is not loaded again" in outcome.problems[0]
        assert routes(fake) == expected

    with_applying(test)


RESOURCES = {
    "listener/web": '{"kind": "Listener", "name": "web", "address": "127.0.0.1:0"}',
    "route/kept": stored("kept"),
}


def parts_of(*texts: str) -> dict[str, Any]:
    return dict(compile_resources(load_resources("---\n".join(texts)).resources, native_catalogue()).plan["parts"])


def test_r69_the_last_good_plan_of_this_build_runs_as_it_is() -> None:
    check_fallback(LastGood(BUILD, parts_of(WEB, route("as-it-is")), RESOURCES), ["as-it-is"])


def test_r69_that_of_another_build_is_compiled_again_from_its_resources() -> None:
    check_fallback(LastGood("another", {"route/old-form": {"hash": "1", "body": {}}}, RESOURCES), ["kept"])


def test_r55_r69_without_a_whole_good_plan_nothing_is_loaded() -> None:
    check_fallback(b"\0" * 4096, [])
    check_fallback(LastGood("another", {}, {"route/kept": "{"}), [])


def test_r69_a_last_good_plan_that_is_bad_itself_is_not_loaded() -> None:
    check_fallback(LastGood(BUILD, parts_of(WEB, route("poison")), RESOURCES), [])
