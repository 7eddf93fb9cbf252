"""Who may vouch for archives of plugins: Ed25519 keys that are trusted, and what they have signed.

Source: RFC 8032.
"""

import base64
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_FORM = "ed25519"
_LONGEST_KEYS = 64 * 1024
_ID_LETTERS = 16
_SUBJECT = b"penstock plugin archive "
"""Put before what is signed, so that a signature made for something else is none here."""
_END = b"-----END PUBLIC KEY-----"
_NEEDS = 'signatures need another package: pip install "penstock[signatures]"'
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MAKE = "`openssl genpkey -algorithm ed25519` makes one"


@dataclass(frozen=True, slots=True)
class Trust:
    """The keys of which one has to have signed each archive; without any, nobody has to."""

    keys: "Mapping[str, Ed25519PublicKey]" = field(default_factory=dict)

    def check(self, digest: str, signature: str) -> str:
        """Which key has signed an archive; empty where nobody has to.

        Raises: ValueError if no trusted one has.
        """
        if not self.keys:
            return ""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra that others do without

        if not signature:
            raise ValueError(f"{digest[:19]} is not signed; `penstock plugin sign` does that, with a key trusted here")
        form, _, rest = signature.strip().partition(":")
        name, _, written = rest.partition(":")
        key = self.keys.get(name)
        if form != _FORM or key is None:
            raise ValueError(f"{digest[:19]} is signed by no key that is trusted here")
        try:
            key.verify(base64.b64decode(written, validate=True), _SUBJECT + digest.encode())
        except (InvalidSignature, ValueError):
            raise ValueError(f"the signature of {digest[:19]} is wrong: it was made for something else") from None
        return name


def sign(digest: str, key: Path) -> str:
    """What vouches for an archive: the form, the name of the key, and its signature.

    Raises: ValueError if the file holds no private key.
    """
    serialization = _serialization()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - an extra that others do without
        Ed25519PrivateKey,
    )

    try:
        with key.open("rb") as opened:
            mode, text = os.fstat(opened.fileno()).st_mode, opened.read(_LONGEST_KEYS)
    except OSError as problem:
        raise ValueError(f"{key}: {(problem.strerror or str(problem)).lower()}") from None
    if stat.S_ISREG(mode) and mode & _OTHERS:
        raise ValueError(f"{key}: others can read the private key; let it have mode 0600")
    try:
        found = serialization.load_pem_private_key(text, None)
    except (ValueError, TypeError):
        found = None
    if not isinstance(found, Ed25519PrivateKey):
        raise ValueError(f"{key}: no private Ed25519 key without a password; {_MAKE}")  # noqa: TRY004 - a wrong file, not a wrong type
    written = base64.b64encode(found.sign(_SUBJECT + digest.encode())).decode()
    return f"{_FORM}:{_name(found.public_key())}:{written}"


def read_trust(path: Path | None) -> Trust:
    """The public keys in a file, as PEM, one after the other; nobody has to sign anything without a file.

    Raises: ValueError if it cannot be read, or holds something else, or nothing.
    """
    if path is None:
        return Trust()
    serialization = _serialization()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - an extra that others do without
        Ed25519PublicKey,
    )

    try:
        with path.open("rb") as opened:
            *texts, rest = opened.read(_LONGEST_KEYS).split(_END)
    except OSError as problem:
        raise ValueError(f"{path}: {(problem.strerror or str(problem)).lower()}") from None
    keys: dict[str, Ed25519PublicKey] = {}
    for number, text in enumerate(texts, 1):
        try:
            found = serialization.load_pem_public_key(text.strip() + b"\n" + _END + b"\n")
        except ValueError:
            found = None
        if not isinstance(found, Ed25519PublicKey):
            raise ValueError(f"{path}: key {number} is no public Ed25519 key")  # noqa: TRY004 - as above
        keys[_name(found)] = found
    if not keys or rest.strip():
        raise ValueError(f"{path}: write public keys as `openssl pkey -pubout` prints them, one after the other")
    return Trust(keys)


def _name(key: "Ed25519PublicKey") -> str:
    """What a key is called: the beginning of the digest of its 32 bytes."""
    return sha256(key.public_bytes_raw()).hexdigest()[:_ID_LETTERS]


def _serialization() -> Any:
    try:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - an extra that others do without
    except ImportError:
        raise ValueError(_NEEDS) from None
    return serialization
