"""What was changed lately, by whom, and what became of it."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.runtime.change.entries import BESIDE
from penstock.runtime.change.node_name import default_node_name
from penstock.store import Author, Change, Result

KEPT = 100
"""Attempts that are told; of those that came into the store, it keeps more."""
_LONGEST = 1_000
"""Characters of a problem that the store keeps."""
_NAMED = 10
"""Resources of one change that are named; of more only the count is told."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One change and its result. `store_revision` is absent where it did not come as far as the store.

    Units: `time` is seconds since 1970.
    """

    time: float
    author: Author
    store_revision: int | None = None
    put: frozenset[str] = frozenset()
    deleted: frozenset[str] = frozenset()
    problems: Sequence[str] = ()
    plan_revision: int | None = None
    """The plan that the workers ran afterwards."""
    message: str = ""

    def to_json(self) -> dict[str, Any]:
        """The form that machines read."""
        return {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.time)),
            "author": self.author.name,
            "source": self.author.source,
            "message": self.message,
            "store_revision": self.store_revision,
            "revision": self.plan_revision,
            "result": "refused" if self.problems else "applied",
            "put": sorted(self.put)[:_NAMED],
            "put_count": len(self.put),
            "deleted": sorted(self.deleted)[:_NAMED],
            "deleted_count": len(self.deleted),
            "problems": list(self.problems)[:_NAMED],
        }


@dataclass(slots=True)
class History:
    """The latest attempts to change something, newest first; results are those of `node`."""

    node: str = field(default_factory=default_node_name)
    attempts: deque[Attempt] = field(default_factory=lambda: deque(maxlen=KEPT))

    def refused(self, author: Author, problems: Sequence[str]) -> bool:
        """Note a change that was refused before it came into the store; false if it was the latest one already."""
        latest = self.attempts[0] if self.attempts else None
        if latest is not None and latest.store_revision is None and latest.problems == tuple(problems):
            return False
        self.attempts.appendleft(Attempt(time.time(), author, problems=tuple(problems)))
        return True

    def tried(self, changes: Sequence[Change], problems: Sequence[str], plan_revision: int | None) -> None:
        """Note the result of changes in the store, which are given newest first."""
        for change in reversed(changes):
            self.attempts.appendleft(_attempt(change, tuple(problems), plan_revision))

    def recall(self, changes: Sequence[Change], results: Mapping[int, Sequence[Result]]) -> None:
        """Tell what the store knows of changes of an earlier life, given newest first."""
        for change in reversed(changes):
            result = next((one for one in results.get(change.revision, ()) if one.node == self.node), None)
            problems, plan = (result.problems, result.plan_revision) if result else ((), None)
            self.attempts.appendleft(_attempt(change, problems, plan))

    def latest(self, most: int) -> list[dict[str, Any]]:
        """The newest attempts, as machines read them."""
        return [attempt.to_json() for attempt, _ in zip(self.attempts, range(most), strict=False)]


def result_of(node: str, change: Change, problems: Sequence[str], plan_revision: int | None) -> Result:
    """What became of a change at a node, as the store keeps it."""
    told = tuple(problem[:_LONGEST] for problem in problems[:_NAMED])
    return Result(node, max(time.time(), change.time), told, plan_revision)


def _attempt(change: Change, problems: tuple[str, ...], plan_revision: int | None) -> Attempt:
    return Attempt(
        change.time,
        change.author,
        change.revision,
        frozenset(key for key in change.put if not key.startswith(BESIDE)),
        frozenset(key for key in change.deleted if not key.startswith(BESIDE)),
        problems,
        plan_revision,
        change.message,
    )
