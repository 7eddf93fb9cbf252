"""What was changed lately, by whom, and what became of it."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.store import Author, Change

_KEPT = 100
_HIDDEN = "order/"
"""What entries begin with that no user has written."""
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

    def to_json(self) -> dict[str, Any]:
        """The form that machines read."""
        return {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.time)),
            "author": self.author.name,
            "source": self.author.source,
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
    """The latest attempts to change something, newest first."""

    attempts: deque[Attempt] = field(default_factory=lambda: deque(maxlen=_KEPT))

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
            attempt = Attempt(
                time.time(),
                change.author,
                change.revision,
                frozenset(key for key in change.put if not key.startswith(_HIDDEN)),
                frozenset(key for key in change.deleted if not key.startswith(_HIDDEN)),
                tuple(problems),
                plan_revision,
            )
            self.attempts.appendleft(attempt)

    def latest(self, most: int) -> list[dict[str, Any]]:
        """The newest attempts, as machines read them."""
        return [attempt.to_json() for attempt, _ in zip(self.attempts, range(most), strict=False)]
