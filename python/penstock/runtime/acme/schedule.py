"""When a certificate is ordered: renewals, attempts after failures, and how many there may be. Pure; time is given.

Units: all times are seconds, moments seconds since 1970.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from penstock.runtime.acme.attempts import Attempts, Try

HOUR = 3600.0
_DAY = 24 * HOUR
MOST_TRIES = 5
"""In an hour, for a name: authorities count failures by name, and lock out who has many."""
_FIRST_PAUSE, _LONGEST_PAUSE = 60.0, HOUR
_SPREAD = 0.2
"""The share by which pauses are longer at random, so that many gateways do not come back at once."""
_LONGEST_WAIT = _DAY
"""Nobody waits longer than this for another attempt, whatever an authority asks for, or a clock has said meanwhile."""
_LARGEST_REMAINDER = 30 * _DAY
_LARGEST_SHARE = 2 / 3
"""A certificate is kept for a third of its time at least: one that is good for a short time were renewed always."""


@dataclass(frozen=True, slots=True)
class Validity:
    """From when until when a certificate is good."""

    begins: float
    ends: float


def renewal_at(validity: Validity, renew_before: float | None, salt: str) -> float:
    """When a certificate is renewed.

    A third of its time before the end, at most 30 days; up to a tenth of that later, by what `salt` happens to be,
    which has to be the same at each question.
    """
    lifetime = max(validity.ends - validity.begins, 0.0)
    wanted = min(lifetime / 3, _LARGEST_REMAINDER) if renew_before is None else renew_before
    remainder = min(wanted, lifetime * _LARGEST_SHARE)
    return validity.ends - remainder + remainder / 10 * fraction(salt)


def retry_at(now: float, failures: int, chance: float, asked: float = 0.0) -> float:
    """When an order that has failed is tried again: after a minute, then twice as long each time up to an hour.

    Shape: `failures` in a row, the latest included; `chance` is from 0 to 1; `asked` is for how long the authority has
    asked to be left alone.
    """
    pause = min(_FIRST_PAUSE * 2.0 ** min(max(failures - 1, 0), 16), _LONGEST_PAUSE)
    return now + max(pause * (1 + _SPREAD * chance), min(asked, _LONGEST_WAIT))


def allowed_at(now: float, names: Iterable[str], tries: Sequence[Try]) -> float:
    """The first moment at which none of the names has been tried too often in the hour before."""
    return max((_allowed(now, sorted(one.at for one in tries if name in one.names)) for name in names), default=now)


def due_at(now: float, wish: str, attempts: Attempts, renewal: float | None) -> float:
    """When to order, but for how often that is allowed.

    Shape: `renewal` is when what was issued for this wish is renewed, nothing where nothing was. What failed for
    another wish holds nobody up: whoever has mended it waits for an answer.
    """
    wanted = now if renewal is None else renewal
    if not attempts.failures or attempts.wish != wish or attempts.next > now + _LONGEST_WAIT * (1 + _SPREAD):
        return wanted
    return max(wanted, attempts.next)


def fraction(text: str) -> float:
    """A number from 0 to 1 that is always the same for a text."""
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest()) / 2**32


def _allowed(now: float, times: Sequence[float]) -> float:
    # Those that are to come are from before somebody has set the clock back.
    recent = [at for at in times if now - HOUR < at <= now]
    return now if len(recent) < MOST_TRIES else recent[-MOST_TRIES] + HOUR
