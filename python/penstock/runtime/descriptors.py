"""Descriptors: as many as the system lets a process have, and the listeners that ask for more."""

import logging
import resource
from collections.abc import Iterator

from penstock.runtime.change.delta import Parts

_log = logging.getLogger("penstock")
_ACCEPTED = 0.95
"""Part of its descriptors up to which a worker accepts connections, as in the core."""


def raise_limit() -> None:
    """Raise the soft limit to the hard one, for this process and those it starts.

    The soft one is low for the sake of programs that use `select`, and this is none.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError) as problem:
        _log.warning("the limit of descriptors stays as it is: %s", problem)


def warn(before: Parts, parts: Parts, workers: int) -> None:
    """Warn of listeners, new or changed, that allow more connections than the workers have descriptors for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return
    for name, connections in _beyond(before, parts, round(soft * _ACCEPTED) * workers):
        text = "listener %s: limits.connections is %d, more than %d descriptors a worker (ulimit -n) leave room for"
        _log.warning(text, name, connections, soft)


def _beyond(before: Parts, parts: Parts, room: int) -> Iterator[tuple[str, int]]:
    for key, part in parts.items():
        if key.startswith("listener/") and before.get(key) != part:
            connections = part["body"]["limits"]["connections"]
            if connections > room:
                yield part["body"]["name"], connections
