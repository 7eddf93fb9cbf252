"""Invitations: what a node needs to know to join, in one word that is good once."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field

_PREFIX = "penstock-join-"
_SECRET_BYTES = 24
_SECONDS = 3_600.0
_MOST = 100


@dataclass(frozen=True, slots=True)
class Invitation:
    """Where to join, the fingerprint of the authority to be found there, and the secret that opens."""

    host: str
    port: int
    authority: str
    secret: str = field(repr=False)

    def to_text(self) -> str:
        """The word that is handed over."""
        content = json.dumps([self.host, self.port, self.authority, self.secret], separators=(",", ":"))
        return _PREFIX + base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def read_invitation(text: str) -> Invitation:
    """The invitation of a word.

    Raises: ValueError if it is none; the word is not repeated, for it is a secret.
    """
    word = text.strip()
    body = word.removeprefix(_PREFIX)
    try:
        content = json.loads(base64.b64decode(body + "=" * (-len(body) % 4), b"-_", validate=True))
        host, port, authority, secret = content
        invitation = Invitation(str(host), int(port), str(authority), str(secret))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        invitation = None
    if invitation is None or not word.startswith(_PREFIX):
        raise ValueError("this is no word that `penstock invite` has printed")
    return invitation


@dataclass(slots=True)
class Invitations:
    """Those that a node has given out and that nobody has used; they last an hour, and no restart."""

    _until: dict[str, float] = field(default_factory=dict)

    def make(self) -> str:
        """A new secret."""
        now = time.monotonic()
        self._until = {one: until for one, until in self._until.items() if until > now}
        while len(self._until) >= _MOST:
            self._until.pop(next(iter(self._until)))
        secret = secrets.token_hex(_SECRET_BYTES)
        self._until[_hidden(secret)] = now + _SECONDS
        return secret

    def take(self, secret: str) -> bool:
        """Whether a secret opens; it does so once."""
        given, now = _hidden(secret), time.monotonic()
        found = [one for one in self._until if hmac.compare_digest(one, given)]
        return any(self._until.pop(one) > now for one in found)


def _hidden(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
