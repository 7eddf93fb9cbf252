"""Slows down whoever guesses passwords and tokens (I7)."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from ipaddress import ip_address, ip_network

_FREE = 5
"""Failures that cost no time: people mistype."""
_FORGET_SECONDS = 900.0
_MOST_PEERS = 4096
_ACCOUNTS = 1024
"""Places that accounts share, also those that do not exist: how long one waits tells nothing of which there are."""
_LONGEST_PEER_SECONDS = 900.0
_LONGEST_ACCOUNT_SECONDS = 60.0
"""Shorter than for a peer: else whoever guesses could keep the user out."""


@dataclass(slots=True)
class _Failures:
    count: int = 0
    until: float = 0.0
    last: float = 0.0


@dataclass(slots=True)
class Attempts:
    """Counts failures by the peer that they come from and by the account that they are about, in bounded memory."""

    clock: Callable[[], float] = time.monotonic
    _known: dict[str, _Failures] = field(default_factory=dict)

    def wait(self, *keys: str) -> float:
        """Seconds until the next attempt is looked at; 0 for at once."""
        now = self.clock()
        return max(0.0, *(known.until - now for key in keys if (known := self._known.get(key))), 0.0)

    def failed(self, *keys: str) -> None:
        """Count a failure: the wait doubles with each."""
        now = self.clock()
        for key in keys:
            known = self._known.pop(key, None)
            if known is None or now - max(known.last, known.until) > _FORGET_SECONDS:
                known = _Failures()
            known.count, known.last = known.count + 1, now
            longest = _LONGEST_PEER_SECONDS if key.startswith("peer ") else _LONGEST_ACCOUNT_SECONDS
            if known.count > _FREE:
                known.until = now + min(2.0 ** min(known.count - _FREE - 1, 20), longest)
            self._known[key] = known
        while len(self._known) > _MOST_PEERS + _ACCOUNTS:
            del self._known[next(iter(self._known))]

    def succeeded(self, *keys: str) -> None:
        """Forget the failures of somebody who is right."""
        for key in keys:
            self._known.pop(key, None)


def peer_key(address: str) -> str:
    """The key of a peer: an address, or the network that a subscriber of IPv6 has."""
    try:
        found = ip_address(address)
    except ValueError:
        return f"peer {address[:80]}"
    found = getattr(found, "ipv4_mapped", None) or found
    return f"peer {ip_network((found, 64), strict=False) if found.version == 6 else found}"  # noqa: PLR2004 - IPv6


def account_key(name: str) -> str:
    """The key of an account."""
    place = int.from_bytes(blake2b(name.encode(errors="surrogateescape"), digest_size=4).digest()) % _ACCOUNTS
    return f"account {place}"
