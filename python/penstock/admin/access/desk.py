"""Where strangers come in: few at a time, few of each peer, each with little time and little to say."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from penstock.admin.problem_answer import Bad

LARGEST = 8 * 1024
"""Bytes of a name and a password, with room."""
SECONDS = 10.0
"""Time for them to come."""
_MOST = 64
_MOST_OF_ONE = 4


@dataclass(slots=True)
class Desk:
    """Those who are coming in at the moment, by the peer that they come from."""

    _busy: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def place(self, peer: str) -> Iterator[None]:
        """A place, for as long as somebody is coming in.

        Raises: Bad where there is none.
        """
        if self._busy[peer] >= _MOST_OF_ONE or self._busy.total() >= _MOST:
            detail = "too many are coming in at the moment; come again"
            raise Bad(HTTPStatus.TOO_MANY_REQUESTS, detail, headers={"retry-after": "1"})
        self._busy[peer] += 1
        try:
            yield
        finally:
            self._busy[peer] -= 1
            if not self._busy[peer]:
                del self._busy[peer]
