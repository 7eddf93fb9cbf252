"""What was tried to get a certificate, as it outlives processes: when, for which names, and what was wrong last."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt.

    Units: `at` is seconds since 1970.
    """

    at: float
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attempts:
    """The latest attempts for one certificate.

    Shape: `failures` in a row were for `wish`, and `problem` was wrong with the last of them.
    Units: `next` is seconds since 1970.
    """

    wish: str = ""
    failures: int = 0
    next: float = 0.0
    problem: str = ""
    tries: tuple[Try, ...] = ()

    def to_text(self) -> str:
        """The form in which they are kept."""
        tries = [[one.at, list(one.names)] for one in self.tries]
        told = {"wish": self.wish, "failures": self.failures, "next": self.next, "problem": self.problem}
        return json.dumps({**told, "tries": tries})


def read_attempts(text: str | None) -> Attempts:
    """What was kept; none where there is nothing, or no such thing."""
    if text is None:
        return Attempts()
    try:
        data: dict[str, Any] = json.loads(text)
        tries = tuple(Try(float(at), tuple(map(str, names))) for at, names in data["tries"])
        return Attempts(str(data["wish"]), int(data["failures"]), float(data["next"]), str(data["problem"]), tries)
    except (ValueError, TypeError, KeyError):
        return Attempts()
