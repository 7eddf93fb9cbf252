"""Values sealed at rest: with keys from a file that lies outside the store."""

import os
import stat
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from penstock._core import seal, unseal
from penstock.store import Damaged, Sealed
from penstock.store.revisions.values import SEALED, PlainValues, Values

_KEY_BYTES = 32
_NAME_BYTES = 20
_ID_BYTES = 8
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and what is derived from it: by whose name it is known, and with what values are named."""

    sealing: bytes = field(repr=False)
    naming: bytes = field(repr=False)
    id: bytes


class SealedValues:
    """Values that are sealed with the first of some keys, and opened with whichever they were sealed with.

    Names are digests under the key: without it nobody can tell whether a value is a guessed one. Values from before
    there was a key are read as they are.
    """

    def __init__(self, keys: list[Key]) -> None:
        self._newest = keys[0]
        self._keys = {key.id: key for key in keys}

    def name(self, value: bytes) -> str:
        """The digest of a value under the newest key."""
        return blake2b(value, digest_size=_NAME_BYTES, key=self._newest.naming).hexdigest()

    def close(self, name: str, value: bytes) -> bytes:
        """The value, sealed for its name."""
        return SEALED + self._newest.id + seal(self._newest.sealing, name.encode(), value)

    def open(self, name: str, blob: bytes) -> bytes:
        """The value that was sealed for a name."""
        if not blob.startswith(SEALED):
            return PlainValues().open(name, blob)
        key = self._keys.get(blob[len(SEALED) :][:_ID_BYTES])
        if key is None:
            raise Sealed("a value is sealed with a key that is not in the file of keys")
        value = unseal(key.sealing, name.encode(), blob[len(SEALED) + _ID_BYTES :])
        if value is None:
            raise Damaged(f"blob {name} does not hold what was sealed")
        return value


def read_values(path: Path | None) -> Values | None:
    """How values are sealed by the keys in a file, the newest first; not at all without a file.

    Shape: 64 hexadecimal digits a line; empty lines and those that begin with `#` are left out.
    Raises: ValueError if it cannot be read, others can read it, or it holds something else.
    """
    if path is None:
        return None
    try:
        with path.open("rb") as opened:
            mode, lines = os.fstat(opened.fileno()).st_mode, opened.read(64 * 1024).splitlines()
    except OSError as problem:
        raise ValueError(f"{path}: {(problem.strerror or str(problem)).lower()}") from None
    if stat.S_ISREG(mode) and mode & _OTHERS:
        raise ValueError(f"{path}: others can read the keys of the store; let it have mode 0600")
    keys = [_key(path, number, line.strip()) for number, line in enumerate(lines, 1) if _is_key(line)]
    if not keys:
        raise ValueError(f"{path}: no key; `openssl rand -hex 32` makes one")
    return SealedValues(keys)


def _is_key(line: bytes) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith(b"#")


def _key(path: Path, number: int, written: bytes) -> Key:
    try:
        key = bytes.fromhex(written.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ValueError(f"{path}:{number}: a key is 64 hexadecimal digits; `openssl rand -hex 32` makes one")
    return Key(_derived(key, b"seal"), _derived(key, b"name"), _derived(key, b"id")[:_ID_BYTES])


def _derived(key: bytes, use: bytes) -> bytes:
    return blake2b(use, digest_size=_KEY_BYTES, key=key, person=b"penstock store").digest()
