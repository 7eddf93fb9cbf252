"""When a dead worker is started again."""

import random
from dataclasses import dataclass, field

_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 30.0
_JITTER = 0.25
_STEADY_SECONDS = 60.0
_SERVED_SECONDS = 0.5


@dataclass(slots=True)
class Backoff:
    """How long one worker waits: not at all, then 1 s, doubling to 30 s, with jitter.

    Units: seconds. A worker that was killed from outside after it had served is not to blame, and not made to wait.
    """

    failures: int = 0
    chance: random.Random = field(default_factory=random.Random)

    def after(self, served_seconds: float, *, of_itself: bool) -> float:
        """The wait before the next start, given how long the worker served and what it died of."""
        if served_seconds >= _STEADY_SECONDS or (not of_itself and served_seconds >= _SERVED_SECONDS):
            self.failures = 0
        self.failures += 1
        if self.failures == 1:
            return 0.0
        wait = min(_FIRST_SECONDS * 2.0 ** min(self.failures - 2, 16), _LONGEST_SECONDS)
        return wait * self.chance.uniform(1 - _JITTER, 1 + _JITTER)
