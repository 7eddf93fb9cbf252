"""The last good plan on disk: what is served when a newer one crashes, or a store cannot be read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from penstock.runtime.state_folder import write_atomically


@dataclass(frozen=True, slots=True)
class LastGood:
    """A plan that ran, its secrets, the resources it came from, and the build that ran it."""

    build: str
    parts: Mapping[str, Any]
    resources: Mapping[str, str] = field(repr=False)
    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def write(self, path: Path) -> None:
        """Keep it; whoever reads finds the old one or this one, never half of it.

        Raises: OSError.
        """
        content = {
            "build": self.build,
            "parts": dict(self.parts),
            "resources": dict(self.resources),
            "secrets": dict(self.secrets),
        }
        body = json.dumps(content, separators=(",", ":"), sort_keys=True).encode()
        write_atomically(path, f"{sha256(body).hexdigest()}\n".encode() + body)


def read_last_good(path: Path) -> LastGood | None:
    """What was kept, if it is whole; a damaged file is as good as none."""
    try:
        checksum, _, body = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    if sha256(body).hexdigest().encode() != checksum:
        return None
    try:
        content = json.loads(body)
        return LastGood(content["build"], content["parts"], content["resources"], content.get("secrets", {}))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None  # whole, but of another form
