"""Archives of plugins on this machine: each under its digest, read only, and looked at again before it is used."""

import contextlib
import os
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from penstock.base.durable_files import write_atomically
from penstock.filters.plugin_archive import digest_of
from penstock.filters.plugin_trust import Trust

FOLDER = "archives"
"""Where under the state directory they are."""
_KEPT_SECONDS = 24 * 3600
_READ_ONLY = 0o400
_HINT = "`penstock plugin push` brings it to a gateway, and prints what to write here"


@dataclass(slots=True)
class Shelf:
    """A folder of archives; of those that cannot be had, `reasons` say why. Threads may share it."""

    folder: Path
    trust: Trust = field(default_factory=Trust)
    reasons: dict[str, str] = field(default_factory=dict)

    def read(self, digest: str) -> bytes:
        """An archive, whole.

        Raises: ValueError if it is not here, is another than its name says, or nobody vouches for it who has to.
        """
        path = self._path(digest)
        try:
            content = path.read_bytes()
        except OSError:
            raise ValueError(f"{digest[:19]} is not here: {self.reasons.get(digest) or _HINT}") from None
        if digest_of(content) != digest:
            raise ValueError(f"{digest[:19]} is not what it was: {path} was changed")
        self.trust.check(digest, self._signature(path))
        return content

    def has(self, digest: str) -> bool:
        """Whether it can be read."""
        try:
            self.read(digest)
        except ValueError:
            return False
        return True

    def keep(self, digest: str, content: bytes, signature: str = "") -> None:
        """Keep an archive with what vouches for it.

        Raises: OSError; ValueError if it is another than its name says, or nobody vouches for it who has to.
        """
        if digest_of(content) != digest:
            raise ValueError(f"{digest[:19]} is not what was received: that is {digest_of(content)[:19]}")
        self.trust.check(digest, signature)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(digest)
        # First: with an archive of this name, what vouches for it is there.
        write_atomically(path.with_suffix(".signature"), signature.encode(), mode=_READ_ONLY)
        write_atomically(path, content, mode=_READ_ONLY)
        self.reasons.pop(digest, None)

    def forget(self, used: Collection[str]) -> None:
        """Remove what is not in use and was not for a day; the store has what history refers to."""
        kept = {self._path(digest).stem for digest in used}
        for path in self.folder.glob("*"):
            with contextlib.suppress(OSError):
                if path.stem in kept:
                    os.utime(path)
                elif time.time() - path.stat().st_mtime > _KEPT_SECONDS:
                    path.unlink()

    def _path(self, digest: str) -> Path:
        return self.folder / f"{digest.replace(':', '-')}.zip"

    @staticmethod
    def _signature(path: Path) -> str:
        try:
            return path.with_suffix(".signature").read_text("ascii")
        except (OSError, ValueError):
            return ""
