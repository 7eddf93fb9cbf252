"""The admin token: made at the first start, told once, kept as a hash."""

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from penstock.base.durable_files import write_atomically

_BYTES = 32


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of the token: its hash."""

    digest: str

    def matches(self, given: str) -> bool:
        """Whether a token is the one, in a time that does not tell how nearly."""
        return hmac.compare_digest(_digest(given), self.digest)


def load(path: Path) -> Token | None:
    """The token of a state folder, if one was kept there.

    Raises: OSError if it cannot be read.
    """
    try:
        kept = path.read_text("ascii").strip()
    except FileNotFoundError:
        return None
    return Token(kept) if kept else None


def make() -> tuple[Token, str]:
    """A new token and its text, which is kept nowhere."""
    made = secrets.token_urlsafe(_BYTES)
    return Token(_digest(made)), made


def keep(path: Path, token: Token) -> None:
    """Keep a token for the starts to come.

    Raises: OSError if it cannot be kept.
    """
    write_atomically(path, f"{token.digest}\n".encode())


def _digest(text: str) -> str:
    return sha256(text.encode(errors="surrogateescape")).hexdigest()
