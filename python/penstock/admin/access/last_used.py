"""When each token was used last, on this node: kept in the state folder, to the minute."""

import contextlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from penstock.base.durable_files import write_atomically

_WRITE_SECONDS = 60.0
_MOST = 10_000


@dataclass(slots=True)
class LastUsed:
    """Times by the digests of tokens, which a later token of the same name does not share."""

    path: Path
    _times: dict[str, float] = field(default_factory=dict)
    _written: float = 0.0
    _is_read: bool = False

    def note(self, digest: str) -> bool:
        """It is used now; whether it is time to write what is known."""
        self._read()
        now = time.time()
        self._times.pop(digest, None)
        self._times[digest] = now
        if len(self._times) > _MOST:
            del self._times[next(iter(self._times))]
        is_due = now - self._written >= _WRITE_SECONDS
        if is_due:
            self._written = now
        return is_due

    def of(self, digest: str) -> float | None:
        """When it was used, in seconds since 1970, if ever."""
        self._read()
        return self._times.get(digest)

    def write(self) -> None:
        """Keep what is known; a folder that cannot be written is nobody's trouble here."""
        with contextlib.suppress(OSError):
            write_atomically(self.path, json.dumps(dict(self._times)).encode())

    def _read(self) -> None:
        if self._is_read:
            return
        self._is_read = True
        try:
            known = json.loads(self.path.read_bytes())
            self._times = {str(digest): float(when) for digest, when in known.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            self._times = {}
