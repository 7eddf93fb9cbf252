"""Where a worker process enters the core, and which core it is."""

import faulthandler
import signal

from penstock._core import build_id, run_worker, say_json

__all__ = ["BUILD", "VERSION", "run_worker", "say_json", "say_stacks_when_asked"]


BUILD: str = build_id()
"""The build of this core, its version and a hash of what it is made of; workers of another one are not used."""

VERSION = BUILD.partition("+")[0]
"""The version alone, which builds may have in common."""


def say_stacks_when_asked() -> None:
    """Write what Python is doing to standard error whenever the supervisor asks by a signal, even in mid-call."""
    faulthandler.register(signal.SIGUSR2, all_threads=True)
