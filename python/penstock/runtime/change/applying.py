"""The loop that makes the workers run what the store holds."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from penstock.discovery.names import Names
from penstock.filters.plugin_files import forget_copies
from penstock.filters.plugin_version import FOLDER
from penstock.runtime import descriptors
from penstock.runtime.change.authorities import with_authorities
from penstock.runtime.change.compilation import Compilation
from penstock.runtime.change.crash_guard import CrashGuard
from penstock.runtime.change.delta import Parts, is_same
from penstock.runtime.change.desired import Outcome, hosts_of, with_names
from penstock.runtime.change.entries import Entries, read_order, read_plugins
from penstock.runtime.change.history import KEPT, History, result_of
from penstock.runtime.change.last_good import LastGood, read_last_good
from penstock.runtime.change.leaving_out import select
from penstock.runtime.change.plan_hash import plan_hash
from penstock.runtime.listening import CannotListen
from penstock.runtime.state_folder import StateFolder
from penstock.runtime.worker.control import Refused
from penstock.runtime.worker.entry import BUILD
from penstock.runtime.worker.fleet import Fleet
from penstock.runtime.worker.process import WorkerProcess
from penstock.runtime.worker.rollout import NoWorker
from penstock.store import Author, Damaged, Entry, Forgotten, Snapshot, Store, Unavailable

_log = logging.getLogger("penstock")
_PROVEN_SECONDS = 10.0
"""A plan that has run this long is a good one."""
_AWAY = (Unavailable, Damaged)
_AWAY_SECONDS = 1.0
"""Between two attempts to reach a store that is away."""


@dataclass(slots=True)
class Applying:
    """Looks at the store whenever there may be news, and rolls out what it finds; lost news does no harm."""

    store: Store
    compilation: Compilation
    entries: Entries
    fleet: Fleet
    guard: CrashGuard
    folder: StateFolder
    names: Names = field(init=False)
    outcome: Outcome = field(default_factory=lambda: Outcome(-1))
    history: History = field(default_factory=History)
    counts: dict[str, int] = field(default_factory=lambda: {"applied": 0, "refused": 0})
    _noted: int = 0
    _running: LastGood | None = None
    _good: LastGood | None = None
    _swapped: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _done: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self.names = Names(self._news.set)

    async def go_on_with(self, store: Store) -> None:
        """Work with a store, and tell what its latest changes were."""
        self.store = store
        self._noted = (await store.range()).revision
        try:
            changes = await store.history(KEPT)
            if changes:
                results = await store.results(changes[-1].revision, changes[0].revision)
                self.history.recall(changes, results)
        except _AWAY as problem:
            _log.error("earlier changes cannot be told: %s", problem)

    async def keep(self) -> None:
        """Apply every revision of the store, and every change of host names."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            group.create_task(self.names.refresh())
            group.create_task(self._prove())
            while True:
                await self._news.wait()
                self._news.clear()
                try:
                    await self.apply()
                except _AWAY as problem:
                    # What runs goes on; the store is looked at again.
                    _log.error("the store cannot be read: %s", problem)
                    await asyncio.sleep(_AWAY_SECONDS)
                    self._news.set()

    async def apply(self) -> Outcome:
        """Make the workers run what the store holds now, or say why not; then nothing has changed."""
        snapshot = await self.store.range()
        left_out: list[str] = []
        try:
            problems = await self._apply(snapshot, left_out)
        except Exception:  # noqa: BLE001 - a fault of the compiler must not end what serves
            _log.exception("revision %d is not applied", snapshot.revision)
            problems = ["a fault of the gateway itself; its log says more"]
        if self.fleet.rollout.current is not None:  # else nothing serves, and the start says why
            for problem in problems:
                _log.error("revision %d is not applied: %s", snapshot.revision, problem)
        for problem in (one for one in left_out if one not in self.outcome.left_out):
            _log.error("left out: %s", problem)
        self.counts["refused" if problems else "applied"] += 1
        await self._note(snapshot.revision, problems)
        async with self._done:
            self.outcome = Outcome(snapshot.revision, problems, left_out)
            self._done.notify_all()
        return self.outcome

    async def _note(self, store_revision: int, problems: Sequence[str]) -> None:
        current = self.fleet.rollout.current
        plan = current.revision if current else None
        try:
            changes = await self.store.history(store_revision - self._noted)
            changes = [one for one in changes if one.revision > self._noted]
            self._noted = store_revision
            self.history.tried(changes, problems, plan)
            for change in changes:
                await self.store.note(change.revision, result_of(change, problems, plan))
        except (*_AWAY, Forgotten) as problem:
            _log.error("what became of revision %d is not kept: %s", store_revision, problem)

    def refuse(self, author: Author, problems: Sequence[str]) -> None:
        """Note a change that has problems before it comes into the store."""
        if self.history.refused(author, problems):
            self.counts["refused"] += 1

    async def outcome_of(self, store_revision: int) -> Outcome:
        """What became of a revision, or of a later one, as soon as that is known."""
        async with self._done:
            await self._done.wait_for(lambda: self.outcome.store_revision >= store_revision)
        return self.outcome

    def crashed(self, worker: WorkerProcess, seconds_after_commit: float) -> None:
        """Count a worker's crash; a plan that causes too many is taken back."""
        if worker.running is None:
            return
        plan = plan_hash(worker.running.parts)
        try:
            is_over = self.guard.crashed(plan, BUILD, seconds_after_commit)
        except OSError as problem:
            _log.error("the mark of a bad plan cannot be kept: %s", problem)
            is_over = True
        if is_over:
            _log.error("plan %s crashed workers again and again; the last good one is used", plan)
            self._news.set()

    async def _watch(self) -> None:
        since = self.outcome.store_revision
        while True:
            try:
                if since < 0:
                    since = (await self.store.range()).revision
                    self._news.set()
                async for change in self.store.watch(since):
                    since = change.revision
                    self._news.set()
            except Forgotten:
                since = -1
            except _AWAY:
                await asyncio.sleep(_AWAY_SECONDS)

    async def _prove(self) -> None:
        """Keep on disk what has run for a while."""
        while True:
            await self._swapped.wait()
            self._swapped.clear()
            candidate = self._running
            await asyncio.sleep(_PROVEN_SECONDS)
            if candidate is None or self._swapped.is_set() or self._is_bad(candidate.parts):
                continue
            try:
                await asyncio.to_thread(candidate.write, self.folder.last_good)
            except OSError as problem:
                _log.error("the last good plan cannot be kept: %s", problem)
                continue
            kept = [one.resources for one in (candidate, self._good) if one is not None]
            used = {digest for resources in kept for digest in read_plugins(resources).values()}
            await asyncio.to_thread(forget_copies, self.folder.path / FOLDER, used)

    async def _apply(self, snapshot: Snapshot, left_out: list[str]) -> list[str]:
        placed, unreadable = self.entries.read(snapshot)
        values = {key: entry.value for key, entry in snapshot.entries.items()}
        compiling = partial(self.compilation.compile, plugins=read_plugins(values))
        owned = frozenset(read_order(snapshot))
        selection = await asyncio.to_thread(select, placed, unreadable, owned, compiling)
        if selection.refusing:
            return [str(problem) for problem in selection.refusing]
        left_out += (str(problem) for problem in selection.left_out)
        compiled = selection.compiled
        parts: Parts = compiled.plan["parts"]
        if not self._is_bad(parts):
            return await self._roll_out(LastGood(BUILD, parts, values, compiled.secrets))
        marked = f"plan {plan_hash(parts)} crashed workers before and is not loaded again"
        fallback = self._fallback()
        if fallback is None:
            return [marked, "there is no good plan to use instead"]
        # It ran before, and the workers that are to run it may all be dead at the moment.
        return [marked, *await self._roll_out(fallback, least=0)]

    def _fallback(self) -> LastGood | None:
        """The latest plan that did not crash, of this life or an earlier one; compiled again for another build."""
        found = self._good or read_last_good(self.folder.last_good)
        if found is not None and found.build != BUILD:
            entries = {key: Entry(key, value, 0, 0) for key, value in found.resources.items()}
            placed, _ = Entries().read(Snapshot(0, entries))
            compiled = self.compilation.compile(placed, plugins=read_plugins(found.resources))
            again = LastGood(BUILD, compiled.plan["parts"], found.resources, compiled.secrets)
            found = again if compiled.is_usable else None
        return None if found is None or self._is_bad(found.parts) else found

    async def _roll_out(self, made: LastGood, least: int = 1) -> list[str]:
        """Roll out a plan; what is wrong, if anything."""
        rollout = self.fleet.rollout
        whole = with_authorities(with_names(made.parts, await self.names.want(hosts_of(made.parts))))
        if rollout.current is not None and is_same(rollout.current.parts, whole):
            return []
        before = rollout.current.parts if rollout.current else {}
        try:
            running = await rollout.roll_out(list(self.fleet.workers.values()), whole, made.secrets, least)
        except Refused as refusal:
            return [f"{one.get('part')}: {one.get('message')}" for one in refusal.problems]
        except (CannotListen, NoWorker) as problem:
            return [str(problem)]
        _log.info("revision %d applied, plan %s", running.revision, plan_hash(whole))
        descriptors.warn(before, whole, rollout.sockets.workers)
        self._ran(replace(made, parts=whole))
        return []

    def _ran(self, running: LastGood) -> None:
        before = self._running
        if before is not None and not self._is_bad(before.parts):
            self._good = before
        self._running = running
        self._swapped.set()

    def _is_bad(self, parts: Parts) -> bool:
        return self.guard.has_marks and self.guard.is_bad(plan_hash(parts), BUILD)
