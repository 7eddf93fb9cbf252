"""The last good plan on disk: what is served when a newer one crashes, or a store cannot be read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock.runtime.change.checked_file import read_checked, write_checked


@dataclass(frozen=True, slots=True)
class LastGood:
    """A plan that ran, its secrets, the resources it came from, and the build that ran it.

    `revision` is that of the store; 0 where it is not known.
    """

    build: str
    parts: Mapping[str, Any]
    resources: Mapping[str, str] = field(repr=False)
    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)
    revision: int = 0

    def write(self, path: Path) -> None:
        """Keep it; whoever reads finds the old one or this one, never half of it.

        Raises: OSError.
        """
        content = {
            "build": self.build,
            "parts": dict(self.parts),
            "resources": dict(self.resources),
            "secrets": dict(self.secrets),
            "revision": self.revision,
        }
        write_checked(path, content)


def read_last_good(path: Path) -> LastGood | None:
    """What was kept, if it is whole; a damaged file is as good as none."""
    content = read_checked(path)
    try:
        secrets, revision = content.get("secrets", {}), content.get("revision", 0)
        return LastGood(content["build"], content["parts"], content["resources"], secrets, revision)
    except (TypeError, KeyError, AttributeError):
        return None  # whole, but of another form
