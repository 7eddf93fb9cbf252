"""Files of JSON with a checksum: what is damaged is as good as not there."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from penstock.base.durable_files import write_atomically


def write_checked(path: Path, content: Mapping[str, Any]) -> None:
    """Keep it; whoever reads finds the old one or this one, never half of it.

    Raises: OSError.
    """
    body = json.dumps(content, separators=(",", ":"), sort_keys=True).encode()
    write_atomically(path, f"{sha256(body).hexdigest()}\n".encode() + body)


def read_checked(path: Path) -> Any:
    """What was kept, if it is whole; else nothing."""
    try:
        checksum, _, body = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    if sha256(body).hexdigest().encode() != checksum:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None  # whole, but of another form
