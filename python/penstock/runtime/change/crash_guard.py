"""Tells plans that crash workers from workers that crash."""

import json
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from penstock.base.durable_files import write_atomically

CRASHES = 3
WITHIN_SECONDS = 10.0
"""Crashes this soon after a commit are the plan's."""
_MOST_REMEMBERED = 64


@dataclass(slots=True)
class CrashGuard:
    """Counts the crashes of each plan; the third marks it bad, also for later starts.

    Shape: a mark is a plan's hash together with the build that crashed: another build gets another chance.
    """

    path: Path
    _crashes: dict[str, int] = field(default_factory=dict)
    _bad: deque[str] = field(default_factory=lambda: deque(maxlen=_MOST_REMEMBERED))

    def load(self) -> None:
        """Read the marks of earlier runs; what cannot be read marks nothing."""
        try:
            found = json.loads(self.path.read_bytes())
        except (OSError, ValueError):
            return
        if isinstance(found, list):
            self._bad.extend(one for one in found if isinstance(one, str))

    @property
    def has_marks(self) -> bool:
        """Whether any plan is marked."""
        return bool(self._bad)

    def is_bad(self, plan: str, build: str) -> bool:
        """Whether a plan has crashed workers of this build too often."""
        return _mark(plan, build) in self._bad

    def crashed(self, plan: str, build: str, seconds_after_commit: float) -> bool:
        """Count a crash; true if it is the one that marks the plan bad.

        Raises: OSError if the mark cannot be kept; it holds for this run.
        """
        mark = _mark(plan, build)
        if seconds_after_commit > WITHIN_SECONDS or mark in self._bad:
            return False
        self._crashes[mark] = self._crashes.get(mark, 0) + 1
        if self._crashes[mark] < CRASHES:
            return False
        self._bad.append(mark)
        write_atomically(self.path, json.dumps(list(self._bad)).encode())
        return True


def _mark(plan: str, build: str) -> str:
    return f"{plan} {build}"
