"""Requests as lines of a JSON access log tell them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

MOST_LINE_BYTES = 1 << 20
"""Longer lines are none of an access log: no head is that long."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One request, and what became of it."""

    listener: str
    method: str
    host: str
    path: str
    query: str
    client: str
    user_agent: str
    tls_name: str
    route: str
    status: int


def read_lines(stream: BinaryIO) -> Iterator[Logged | None]:
    """The requests of a log, and nothing for each line that tells none; never more than a line is held."""
    while line := stream.readline(MOST_LINE_BYTES):
        if not line.endswith(b"\n") and len(line) == MOST_LINE_BYTES:
            while (rest := stream.readline(MOST_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield None
        elif not line.isspace():
            yield _logged(line)


def _logged(line: bytes) -> Logged | None:
    try:
        told = json.loads(line)
        return _request(told) if isinstance(told, dict) else None
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def _request(told: Mapping[str, Any]) -> Logged | None:
    if not told["method"]:
        return None
    texts = {name: str(told.get(name) or "") for name in Logged.__slots__ if name != "status"}
    return Logged(**texts, status=int(told["status"]))
