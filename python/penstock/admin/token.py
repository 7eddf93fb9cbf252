"""The admin token: made at the first start, told once, kept as a hash."""

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from penstock.runtime.state_folder import write_atomically

_BYTES = 32


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of the token: its hash."""

    digest: str

    def matches(self, given: str) -> bool:
        """Whether a token is the one, in a time that does not tell how nearly."""
        return hmac.compare_digest(_digest(given), self.digest)


def load_or_make(path: Path) -> tuple[Token, str | None]:
    """The token of a state folder, and its text if it was made just now.

    Raises: OSError if it cannot be kept.
    """
    try:
        kept = path.read_text("ascii").strip()
    except FileNotFoundError:
        kept = ""
    if kept:
        return Token(kept), None
    made = secrets.token_urlsafe(_BYTES)
    write_atomically(path, f"{_digest(made)}\n".encode())
    return Token(_digest(made)), made


def _digest(text: str) -> str:
    return sha256(text.encode(errors="surrogateescape")).hexdigest()
