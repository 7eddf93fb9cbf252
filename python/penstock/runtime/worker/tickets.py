"""What all workers make the keys of TLS session tickets from, and those of QUIC."""

import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

PERIOD_SECONDS = 12 * 60 * 60
"""How long a key makes tickets. The core counts the same periods."""
_WORD = "tickets"
_QUIC = "quic"


@dataclass(slots=True)
class Tickets:
    """A key of a period, from which workers roll on by themselves, also when nobody is left to tell them.

    Kept in memory alone. It is that of the period before this one: of that too a fresh worker reads tickets. Of keys
    before it nothing is left here either.
    """

    clock: Callable[[], float] = time.time
    _period: int = field(init=False)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    _quic: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    """It stays: by what is made of it a worker tells clients of an earlier one that their connections are gone."""

    def __post_init__(self) -> None:
        self._period = self._before_this()

    def secret(self) -> dict[str, Any]:
        """What goes with the secrets of a plan."""
        while self._period < self._before_this():
            self._key = hmac.digest(self._key, b"next", "sha256")
            self._period += 1
        return {_WORD: {"period": self._period, "key": self._key.hex()}, _QUIC: {"key": self._quic.hex()}}

    def go_on_with(self, secret: Mapping[str, Any]) -> None:
        """Take the keys of a predecessor, as its `secret` told them: sessions go on.

        Raises: KeyError, TypeError, ValueError if they have another form.
        """
        period, key, quic = int(secret[_WORD]["period"]), secret[_WORD]["key"], secret[_QUIC]["key"]
        self._period, self._key, self._quic = period, bytes.fromhex(key), bytes.fromhex(quic)

    def _before_this(self) -> int:
        return int(self.clock() // PERIOD_SECONDS) - 1
