"""The loop that makes the workers run what the store holds."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from penstock.discovery.names import Names
from penstock.filters.plugin_files import forget_copies
from penstock.filters.plugin_version import FOLDER
from penstock.runtime import descriptors
from penstock.runtime.change.archives import archives_in, bring
from penstock.runtime.change.authorities import with_authorities
from penstock.runtime.change.compilation import Compilation
from penstock.runtime.change.crash_guard import CrashGuard
from penstock.runtime.change.delta import Parts, is_same
from penstock.runtime.change.desired import Outcome, drained, hosts_of, with_names
from penstock.runtime.change.entries import (
    ACCESS,
    DRAINED,
    Entries,
    accepted_plugins,
    is_resource,
    read_order,
    read_plugins,
)
from penstock.runtime.change.history import KEPT, History, result_of
from penstock.runtime.change.last_good import LastGood, read_last_good
from penstock.runtime.change.leaving_out import Selection, select, with_last_good
from penstock.runtime.change.plan_hash import plan_hash
from penstock.runtime.change.standing import Standing
from penstock.runtime.listening import CannotListen
from penstock.runtime.measures.kinds import BOUNDS_SECONDS
from penstock.runtime.state_folder import StateFolder
from penstock.runtime.worker.control import Refused
from penstock.runtime.worker.entry import BUILD
from penstock.runtime.worker.fleet import Fleet
from penstock.runtime.worker.process import WorkerProcess
from penstock.runtime.worker.rollout import NoWorker
from penstock.store import Author, Damaged, Entry, Forgotten, MemoryStore, Sealed, Snapshot, Store, Unavailable
from penstock.store.tally import Tally

_log = logging.getLogger("penstock")
_AGAIN_SECONDS = 10.0
"""Until what could not be had is asked for again."""
_PROVEN_SECONDS = 10.0
"""A plan that has run this long is a good one."""
_AWAY = (Unavailable, Damaged)
_AWAY_SECONDS, _SHARED_AWAY_SECONDS = 1.0, 0.3
"""Between two attempts to reach a store that is away; one that is shared is asked patiently in each of them."""
_HEAR_SECONDS = 20.0
"""Between two looks at a shared store of which nothing is heard."""
_FIRST_SECONDS = 0.8
"""Time for a shared store to answer at the start; what was applied last is served meanwhile."""


@dataclass(slots=True)
class Applying:
    """Looks at the store whenever there may be news, and rolls out what it finds; lost news does no harm."""

    store: Store
    compilation: Compilation
    entries: Entries
    fleet: Fleet
    guard: CrashGuard
    folder: StateFolder
    standing: Standing | None = None
    """How this node stands to a store that it shares with others; none where the store is its own."""
    names: Names = field(init=False)
    outcome: Outcome = field(default_factory=lambda: Outcome(-1))
    history: History = field(default_factory=History)
    counts: dict[str, int] = field(default_factory=lambda: {"applied": 0, "refused": 0})
    is_drained: bool = False
    """Whether this node is to serve nobody for a while."""
    revision: int = 0
    """The latest revision of the store that was applied."""
    desired: int = 0
    """The latest revision of the store that this node knows of."""
    hold_up: Callable[[Snapshot, int], bool] = lambda _snapshot, _applied: False
    """Whether other nodes are to apply what the store holds before this one does."""
    is_held_up: bool = False
    """Whether they are at the moment."""
    told: Callable[[], None] = lambda: None
    """Called when something has become of a revision."""
    proven: int = 0
    """The latest revision of the store that has run for a while."""
    _noted: int = 0
    _is_recalled: bool = False
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
        store.tally = Tally(BOUNDS_SECONDS)
        try:
            # Who knows what to serve meanwhile does not wait.
            async with asyncio.timeout(_FIRST_SECONDS if self.standing and self.standing.applied else None):
                self._noted = (await store.range()).revision
        except Sealed:
            raise
        except (*_AWAY, TimeoutError) as problem:
            if self.standing is None:
                raise
            self.standing.is_away(problem)
            return
        await self._recall()

    async def _recall(self) -> None:
        """Tell what the store knows of changes of an earlier life."""
        if self._is_recalled:
            return
        try:
            changes = await self.store.history(KEPT, self._noted) if self._noted else []
            if changes:
                results = await self.store.results(changes[-1].revision, changes[0].revision)
                self.history.recall(changes, results)
            self._is_recalled = True
        except _AWAY as problem:
            _log.error("earlier changes cannot be told: %s", problem)

    async def keep(self) -> None:
        """Apply every revision of the store, and every change of host names."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            group.create_task(self.names.refresh())
            group.create_task(self._prove())
            if self.standing is not None:
                group.create_task(self._hear(self.standing))
            while True:
                await self._news.wait()
                self._news.clear()
                try:
                    await self.apply()
                except _AWAY as problem:
                    # What runs goes on; the store is looked at again.
                    self._lost_sight(problem)
                    await asyncio.sleep(self._pause)
                    self._news.set()

    def look_again(self) -> None:
        """Look at the store soon, though it has told nothing."""
        self._news.set()

    @property
    def _pause(self) -> float:
        return _AWAY_SECONDS if self.standing is None else _SHARED_AWAY_SECONDS

    def _lost_sight(self, problem: Exception) -> None:
        if self.standing is None:
            _log.error("the store cannot be read: %s", problem)
        else:
            self.standing.is_away(problem)

    async def seen(self) -> Snapshot:
        """What the store holds; of one that is away, what runs here."""
        standing = self.standing
        if standing is not None and standing.absence and standing.applied is not None:
            return Snapshot(standing.applied.revision, standing.applied.entries)
        return await self.store.range()

    def check_writable(self) -> None:
        """Nothing, if changes can be made.

        Raises: Unavailable.
        """
        if self.is_held_up:
            raise Unavailable("a change is being applied node by node; write to one that has it, or later")
        if self.standing is not None:
            self.standing.check_writable()

    async def apply_known(self) -> Outcome:
        """Make the workers run what an earlier life has applied, while the store cannot be gone on with."""
        applied = self.standing.applied if self.standing else None
        left_out: list[str] = []
        problems = ["nothing is known of the store that could be served without it"]
        if applied is not None:
            problems = await self._tried(Snapshot(applied.revision, applied.entries), left_out)
        if problems and (fallback := self._fallback()) is not None:
            problems = await self._roll_out(fallback)
        self._noted = applied.revision if applied else 0
        self._news.set()
        return await self._tell(Outcome(self._noted, problems, left_out))

    async def loses_by_leaving(self) -> bool:
        """Whether resources that no file holds would be gone with this process."""
        if not self.is_in_memory:
            return False
        snapshot = await self.store.range()
        owned = set(read_order(snapshot))
        return any(is_resource(key) and key not in owned for key in snapshot.entries)

    @property
    def is_in_memory(self) -> bool:
        """Whether the store is gone with this process."""
        return isinstance(self.store, MemoryStore)

    async def apply(self) -> Outcome:
        """Make the workers run what the store holds now, or say why not; then nothing has changed."""
        snapshot = await self.store.range()
        older = await self.standing.judge(self.store, snapshot) if self.standing else ""
        if older:
            return await self._tell(Outcome(snapshot.revision, [older], self.outcome.left_out))
        self.desired = snapshot.revision
        was_held_up = self.is_held_up
        self.is_held_up = self.fleet.rollout.current is not None and self.hold_up(snapshot, self.revision)
        if self.is_held_up:
            await self._keep_rights(snapshot)
            self.told()
            return self.outcome
        if was_held_up and self.standing is not None:
            # Files that have changed meanwhile were not written.
            self.standing.returned.set()
        left_out: list[str] = []
        problems = await self._tried(snapshot, left_out)
        if self.standing is not None and not problems and self._running is not None:
            await self.standing.keep(self.store, snapshot, self._running.resources)
        elif problems:
            await self._keep_rights(snapshot)
        if self.fleet.rollout.current is not None:  # else nothing serves, and the start says why
            for problem in problems:
                _log.error("revision %d is not applied: %s", snapshot.revision, problem)
        for problem in (one for one in left_out if one not in self.outcome.left_out):
            _log.error("left out: %s", problem)
        self.counts["refused" if problems else "applied"] += 1
        await self._note(snapshot.revision, problems)
        return await self._tell(Outcome(snapshot.revision, problems, left_out))

    async def _keep_rights(self, snapshot: Snapshot) -> None:
        if self.standing is not None:
            await self.standing.keep_rights(snapshot)

    async def _tried(self, snapshot: Snapshot, left_out: list[str]) -> list[str]:
        try:
            return await self._apply(snapshot, left_out)
        except Damaged as problem:
            return [str(problem)]
        except Exception:  # noqa: BLE001 - a fault of the compiler must not end what serves
            _log.exception("revision %d is not applied", snapshot.revision)
            return ["a fault of the gateway itself; its log says more"]

    async def _tell(self, outcome: Outcome) -> Outcome:
        if outcome.is_applied:
            self.revision = outcome.store_revision
        async with self._done:
            self.outcome = outcome
            self._done.notify_all()
        self.told()
        return outcome

    async def _note(self, store_revision: int, problems: Sequence[str]) -> None:
        current = self.fleet.rollout.current
        plan = current.revision if current else None
        self._noted = min(self._noted, store_revision)  # which has gone back, and that was confirmed
        if self.standing is not None:
            await self._recall()
        try:
            changes = await self.store.history(min(store_revision - self._noted, KEPT), store_revision)
            changes = [one for one in changes if one.revision > self._noted]
            self._noted = store_revision
            self.history.tried(changes, problems, plan)
            for change in changes:
                await self.store.note(change.revision, result_of(self.history.node, change, problems, plan))
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
            except _AWAY as problem:
                self._lost_sight(problem)
                await asyncio.sleep(self._pause)
                since = -1

    async def _hear(self, standing: Standing) -> None:
        """Know how long ago the store was heard of, also where nothing happens."""
        while True:
            await asyncio.sleep(_HEAR_SECONDS)
            if standing.absence or standing.older:
                continue
            try:
                snapshot = await self.store.range()
            except _AWAY as problem:
                self._lost_sight(problem)
            else:
                if snapshot.revision == self.desired:
                    standing.is_heard()
                    continue
            # Whatever it is, it is judged there.
            self._news.set()

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
            self.proven = candidate.revision
            await asyncio.to_thread(self._clear, [one for one in (candidate, self._good) if one is not None])

    def _clear(self, kept: Sequence[LastGood]) -> None:
        """Remove the files of plugins that nothing kept has."""
        files = {digest for one in kept for digest in read_plugins(one.resources).values()}
        bodies = (part["body"] for one in kept for key, part in one.parts.items() if key.startswith("plugin/"))
        forget_copies(self.folder.path / FOLDER, files | {body["digest"] for body in bodies})
        entries = [{key: Entry(key, value, 0, 0) for key, value in one.resources.items()} for one in kept]
        self.compilation.shelf.forget(set().union(*map(archives_in, entries)))

    async def _apply(self, snapshot: Snapshot, left_out: list[str]) -> list[str]:
        problems = await self._bring(snapshot)
        if problems:
            good = self._fallback() if self.fleet.rollout.current is None else None
            return [*problems, *await self._roll_out(good)] if good else problems
        selection = await self._selected(snapshot)
        if selection.refusing:
            return [str(problem) for problem in selection.refusing]
        left_out += (str(problem) for problem in selection.left_out)
        healed = with_last_good(snapshot, selection, self._good_values())
        if healed is not None:
            snapshot = healed
            selection = await self._selected(snapshot)
        # Who may do what is no part of what runs: a right that was taken is not to come back with the last good plan.
        values = {key: entry.value for key, entry in snapshot.entries.items() if not key.startswith(ACCESS)}
        compiled = selection.compiled
        parts: Parts = compiled.plan["parts"]
        self.is_drained = f"{DRAINED}{self.history.node}" in snapshot.entries
        if not self._is_bad(parts):
            return await self._roll_out(LastGood(BUILD, parts, values, compiled.secrets, snapshot.revision))
        marked = f"plan {plan_hash(parts)} crashed workers before and is not loaded again"
        fallback = self._fallback()
        if fallback is None:
            return [marked, "there is no good plan to use instead"]
        # It ran before, and the workers that are to run it may all be dead at the moment.
        return [marked, *await self._roll_out(fallback, least=0)]

    async def _bring(self, snapshot: Snapshot) -> list[str]:
        """Have the archives here that plugins name; what keeps this node from it, if anything."""
        wanted = archives_in(snapshot.entries)
        problems = await bring(self.compilation.shelf, self.store, wanted, snapshot.entries)
        if problems:
            asyncio.get_running_loop().call_later(_AGAIN_SECONDS, self._news.set)
        # What was unpacked already runs all the same.
        return [said for digest, said in problems.items() if not self.compilation.has_unpacked(digest)]

    async def _selected(self, snapshot: Snapshot) -> Selection:
        placed, unreadable = self.entries.read(snapshot)
        compiling = partial(self.compilation.compile, plugins=accepted_plugins(snapshot))
        return await asyncio.to_thread(select, placed, unreadable, self.entries.order(snapshot), compiling)

    @property
    def running_resources(self) -> Mapping[str, str]:
        """The values of the entries that the workers run."""
        return self._good_values()

    def _good_values(self) -> Mapping[str, str]:
        """The values of entries that ran last."""
        if self._running is not None:
            return self._running.resources
        applied = self.standing.applied if self.standing else None
        return {key: entry.value for key, entry in applied.entries.items()} if applied else {}

    def _fallback(self) -> LastGood | None:
        """The latest plan that did not crash, of this life or an earlier one; compiled again for another build."""
        found = self._good or read_last_good(self.folder.last_good)
        if found is not None and not self._is_trusted(found):
            return None
        if found is not None and found.build != BUILD:
            entries = {key: Entry(key, value, 0, 0) for key, value in found.resources.items()}
            placed, _ = Entries().read(Snapshot(0, entries))
            compiled = self.compilation.compile(placed, plugins=read_plugins(found.resources))
            again = LastGood(BUILD, compiled.plan["parts"], found.resources, compiled.secrets)
            found = again if compiled.is_usable else None
        return None if found is None or self._is_bad(found.parts) else found

    def _is_trusted(self, good: LastGood) -> bool:
        """Whether somebody vouches for all code in a plan who has to by now."""
        shelf = self.compilation.shelf
        entries = {key: Entry(key, value, 0, 0) for key, value in good.resources.items()}
        return not shelf.trust.keys or all(map(shelf.has, archives_in(entries)))

    async def _roll_out(self, made: LastGood, least: int = 1) -> list[str]:
        """Roll out a plan; what is wrong, if anything."""
        rollout = self.fleet.rollout
        whole = with_authorities(with_names(made.parts, await self.names.want(hosts_of(made.parts))))
        served = drained(whole) if self.is_drained else whole
        if rollout.current is not None and is_same(rollout.current.parts, served):
            # What else was written, such as who is drained, is part of what runs.
            if self._running is not None:
                self._running = replace(self._running, resources=made.resources, revision=made.revision)
            return []
        before = rollout.current.parts if rollout.current else {}
        try:
            running = await rollout.roll_out(list(self.fleet.workers.values()), served, made.secrets, least)
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
