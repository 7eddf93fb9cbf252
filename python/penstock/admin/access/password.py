"""Passwords: kept as what scrypt makes of them."""

import asyncio
import base64
import hmac
import secrets
from dataclasses import dataclass, field
from hashlib import scrypt

SHORTEST = 12
LONGEST = 1024
_SALT_BYTES = 16
_COST, _BLOCK, _LANES = 2**15, 8, 3
"""As strong as memory-hard hashing is asked to be, in 32 MiB. Source: OWASP, Password Storage Cheat Sheet."""
_MEMORY = 64 * 1024 * 1024
_LARGEST_COST = 2**17


def check_password(password: str) -> str:
    """The password itself, if it may be one.

    Raises: ValueError that does not repeat it.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise ValueError(f"a password has {SHORTEST} to {LONGEST} characters")
    return password


def hashed(password: str) -> str:
    """What is kept of a password.

    Shape: `scrypt$COST$BLOCK$LANES$SALT$HASH`.
    """
    salt = secrets.token_bytes(_SALT_BYTES)
    made = _derived(password, salt, (_COST, _BLOCK, _LANES))
    return f"scrypt${_COST}${_BLOCK}${_LANES}${_text(salt)}${_text(made)}"


def matches(password: str, kept: str) -> bool:
    """Whether a password is the one of which something is kept, in a time that does not tell how nearly."""
    try:
        _, cost, block, lanes, salt, known = kept.split("$")
        numbers = int(cost), int(block), int(lanes)
        if numbers[0] > _LARGEST_COST or numbers[1] > _BLOCK or numbers[2] > _BLOCK:
            return False
        made = _derived(password, base64.b64decode(salt), numbers)
        return hmac.compare_digest(made, base64.b64decode(known))
    except ValueError:
        return False


@dataclass(slots=True)
class Passwords:
    """Checks one password at a time: many at once would take the memory and the cores of what serves."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _nobodys: str = ""

    async def check(self, password: str, kept: str | None) -> bool:
        """Whether a password is right; where there is nobody to have it, it takes as long to say no. It is whose turn.

        Whether it may be looked at is asked in the same turn: else many attempts at once would all be the first.
        """
        if not self._nobodys:
            self._nobodys = await asyncio.to_thread(hashed, secrets.token_hex(_SALT_BYTES))
        is_right = await asyncio.to_thread(matches, password[:LONGEST], kept or self._nobodys)
        return is_right and kept is not None


def _derived(password: str, salt: bytes, numbers: tuple[int, int, int]) -> bytes:
    cost, block, lanes = numbers
    given = password.encode(errors="surrogatepass")
    return scrypt(given, salt=salt, n=cost, r=block, p=lanes, maxmem=_MEMORY, dklen=32)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
