"""Keeps revisions in etcd: blobs in as many requests as they need, then the head by one small compare-and-set."""

import asyncio
import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.store.backend import Backend, Commit, Reach
from penstock.store.entry import Conflict, Damaged, Lost, Result, Unavailable
from penstock.store.etcd.client import Client
from penstock.store.etcd.keys import Keys, after, one_head, read_head, revision_in, write_head
from penstock.store.etcd.messages import (
    EQUAL,
    GRANT,
    KEEP_ALIVE,
    LESS,
    REVOKE,
    TXN,
    WATCH,
)
from penstock.store.etcd.operations import (
    NEWEST_FIRST,
    compare,
    follows,
    get,
    parts,
    put,
    ranged,
    ranging,
    requests,
)
from penstock.store.holding import Held, Lease
from penstock.store.results import read_result, write_result
from penstock.store.revisions.root import Head

_LOOK_SECONDS = 5.0
"""Time after which it is looked for news of which nobody was told: a watch may be deaf without knowing it."""
_DEAF_SECONDS = 0.2
"""Between a watch that failed and the next."""


@dataclass(slots=True)
class EtcdBackend(Backend):
    """Keeps blobs under keys of etcd. Any number of writers may share it."""

    client: Client
    keys: Keys
    _generation: int = 0

    async def head(self) -> Head:
        """The latest revision, as a majority of the members knows it."""
        return (await self._head_at())[0]

    async def roots(self, newest: int, most: int) -> list[Head]:
        """The kept revisions up to one, newest first."""
        if newest <= 0:
            return []
        end = self.keys.root(min(newest + 1, 10**15))
        answer = await self._txn([], [ranging(self.keys.root(0), end, limit=most, **NEWEST_FIRST)])
        return [one_head(found) for found in ranged(answer)]

    async def read(self, names: Collection[str]) -> Mapping[str, bytes]:
        """Blobs by name."""
        found: dict[str, bytes] = {}
        for some in parts(sorted(names)):
            answer = await self._txn([], [get(self._blob(name)) for name in some])
            for name, response in zip(some, answer["responses"], strict=True):
                found.update((name, one["value"]) for one in response["range"]["kvs"])
        return found

    async def commit(self, commit: Commit) -> bool:
        """Write the blobs, then the head; where it is not known whether that happened, look."""
        deadline = time.monotonic() + self.client.access.patience_seconds
        *earlier, last = requests([put(self._blob(name), blob) for name, blob in commit.blobs.items()])
        while True:
            # As it was before the blobs are written: those of before are what a collector may take away.
            generation = self._generation
            for some in earlier:
                await self._txn([], some)
            done = await self._move_head(commit, last, generation)
            if done is not None:
                return done
            if time.monotonic() > deadline:
                raise Unavailable("blobs are collected all the time")

    async def news(self, known: Head) -> None:
        """Return when the head is another, or may be, or after a while."""
        head, seen = await self._head_at()
        if head == known:
            await self._watch(self.keys.head, None, seen)

    async def forget(self, oldest: int, while_held: Held | None = None) -> None:
        """Keep no revision before one."""
        ends = ((self.keys.root(0), self.keys.root(oldest)), (self.keys.results(0), self.keys.results(oldest)))
        gone = [{"delete": {"key": begin, "range_end": end}} for begin, end in ends]
        answer = await self._txn(self._still_held(while_held), gone)
        if not answer["succeeded"]:
            raise Lost(f"{while_held.key if while_held else 'what was relied on'} is no longer held")

    async def collect(self, reach: Reach) -> int:
        """Remove all blobs that no kept revision leads to.

        Who writes meanwhile either read the generation before, and then cannot move the head, or wrote its blobs after,
        and these are left.
        """
        answer = await self._txn([], [put(self.keys.generation, b"")])
        since = answer["header"]["revision"]
        self._generation = max(since, self._generation)
        reached = await self._reached(reach)
        blobs = self.keys.blobs
        answer = await self._txn([], [ranging(blobs, after(blobs), keys_only=True, max_mod_revision=since - 1)])
        names = (found["key"].removeprefix(blobs).decode() for found in ranged(answer))
        unreached = [name for name in names if name not in reached]
        gone = 0
        for some in parts(unreached):
            compares = [compare(self._blob(name), LESS, since) for name in some]
            answer = await self._txn(compares, [{"delete": {"key": self._blob(name)}} for name in some])
            gone += len(some) * answer["succeeded"]
        return gone

    async def note(self, revision: int, result: Result) -> None:
        """Keep what became of a revision."""
        key = self.keys.results(revision) + result.node.encode()
        await self._txn([], [put(key, write_result(result).encode())])

    async def results(self, oldest: int, newest: int) -> Mapping[int, Sequence[Result]]:
        """What became of revisions."""
        answer = await self._txn([], [ranging(self.keys.results(oldest), self.keys.results(newest + 1))])
        results: dict[int, list[Result]] = {}
        for found in ranged(answer):
            results.setdefault(revision_in(found["key"]), []).append(read_result(found["value"].decode()))
        return results

    async def grant(self, seconds: float) -> Lease:
        """A new lease, of whole seconds, and not fewer than etcd grants."""
        answer = await self.client.ask(GRANT, {"TTL": max(math.ceil(seconds), 1)})
        return Lease(answer["ID"], float(answer["TTL"]))

    async def keep_alive(self, lease: Lease) -> None:
        """Renew a lease."""
        answer = await self.client.ask_once_of_stream(KEEP_ALIVE, {"ID": lease.id})
        if answer["TTL"] <= 0:
            raise Lost("the lease has run out")

    async def revoke(self, lease: Lease) -> None:
        """End a lease; one that has run out is at its end."""
        try:
            await self.client.ask(REVOKE, {"ID": lease.id})
        except Lost:
            return

    async def hold(self, key: str, value: str, lease: Lease, fence: int | None) -> Held:
        """Hold a key; etcd's own revision is the fence."""
        full = self.keys.held + key.encode()
        compares = [] if fence is None else [compare(full, EQUAL, fence)]
        leased = {"put": {"key": full, "value": value.encode(), "lease": lease.id}}
        request = {"compare": compares, "success": [leased], "failure": [get(full)]}
        # Done twice whatever the fence is, it would have another one than is told.
        answer = await self.client.ask(TXN, request, may_repeat=fence is not None)
        if answer["succeeded"]:
            return Held(key, value, lease.id, answer["header"]["revision"])
        found = ranged(answer)
        if found and (found[0]["lease"], found[0]["value"]) == (lease.id, value.encode()):
            # An earlier attempt of this request, whose answer was lost.
            return self._held(found[0])
        raise Conflict(key, fence or 0, found[0]["mod_revision"] if found else 0)

    async def held(self, prefix: str) -> Mapping[str, Held]:
        """What is held under a prefix."""
        return (await self._held_at(prefix))[0]

    async def held_news(self, prefix: str, known: Mapping[str, Held]) -> Mapping[str, Held]:
        """What is held under a prefix, once it has changed."""
        begin = self.keys.held + prefix.encode()
        while True:
            found, seen = await self._held_at(prefix)
            if found != known:
                return found
            await self._watch(begin, after(begin), seen)

    async def close(self) -> None:
        """Close the connections."""
        await self.client.close()

    async def _txn(
        self,
        compares: Sequence[Mapping[str, Any]],
        success: Sequence[Mapping[str, Any]],
        failure: Sequence[Mapping[str, Any]] = (),
    ) -> dict[str, Any]:
        request = {"compare": compares, "success": success, "failure": failure}
        return await self.client.ask(TXN, request)

    async def _move_head(self, commit: Commit, puts: Sequence[Mapping[str, Any]], generation: int) -> bool | None:
        """Make the new head the head; nothing if blobs were collected meanwhile, and are to be written again."""
        keys, root = self.keys, self.keys.root(commit.after.revision)
        held = commit.while_held
        compares = [follows(keys.head, commit.before), compare(keys.generation, EQUAL, generation)]
        compares += self._still_held(held)
        success = [*puts, put(keys.head, write_head(commit.after)), put(root, write_head(commit.after))]
        failure = [get(root), get(keys.head), get(keys.generation)]
        request = {"compare": compares, "success": success, "failure": failure}
        # Asking again does not do it twice: it can only be done while the head is the one before.
        answer = await self.client.ask(TXN, request, tells_doubt=True)
        if answer["succeeded"]:
            return True
        ours, head, collected = (response["range"]["kvs"] for response in answer["responses"])
        if read_head(ours) == commit.after:
            return True  # by another attempt, whose answer is lost or late
        if read_head(head) != commit.before:
            return False
        found = collected[0]["mod_revision"] if collected else 0
        if found == generation:
            raise Lost(f"{held.key if held else 'what was relied on'} is no longer held")
        self._generation = max(found, self._generation)
        return None

    def _still_held(self, held: Held | None) -> list[dict[str, Any]]:
        return [] if held is None else [compare(self.keys.held + held.key.encode(), EQUAL, held.fence)]

    async def _reached(self, reach: Reach) -> set[str]:
        while True:
            heads = await self.roots(10**15, 0)
            try:
                return await reach(heads)
            except Damaged:
                # Another collector may have been quicker, and kept less.
                if await self.roots(10**15, 0) == heads:
                    raise

    async def _head_at(self) -> tuple[Head, int]:
        """The head, and etcd's own revision at which it was that."""
        answer = await self._txn([], [get(self.keys.head)])
        return read_head(ranged(answer)), answer["header"]["revision"]

    async def _held_at(self, prefix: str) -> tuple[dict[str, Held], int]:
        begin = self.keys.held + prefix.encode()
        answer = await self._txn([], [ranging(begin, after(begin))])
        held = {one.key: one for one in map(self._held, ranged(answer))}
        return held, answer["header"]["revision"]

    def _held(self, found: Mapping[str, Any]) -> Held:
        key = found["key"].removeprefix(self.keys.held).decode()
        return Held(key, found["value"].decode(), found["lease"], found["mod_revision"])

    async def _watch(self, begin: bytes, end: bytes | None, seen: int) -> None:
        """Return when a key, or some, were written since etcd's revision `seen`, or may have been."""
        create = {"key": begin, "start_revision": seen + 1, "progress_notify": True, "fragment": True}
        if end is not None:
            create["range_end"] = end
        try:
            await self.client.hear(WATCH, {"create": create}, _is_news, _LOOK_SECONDS)
        except (Unavailable, Lost):
            await asyncio.sleep(_DEAF_SECONDS)

    def _blob(self, name: str) -> bytes:
        return self.keys.blobs + name.encode()


def _is_news(answer: Mapping[str, Any]) -> bool:
    """Whether a watch has told of something; what was compacted meanwhile, or refused, is looked for anew."""
    return bool(answer["events"] or answer["canceled"])
