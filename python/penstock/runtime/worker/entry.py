"""Where a worker process enters the core, and which core it is."""

import faulthandler
import signal

from penstock._core import build_id, run_worker

__all__ = ["BUILD", "run_worker", "say_stacks_when_asked"]


BUILD: str = build_id()
"""The build of this core; workers of another one are not used."""


def say_stacks_when_asked() -> None:
    """Write what Python is doing to standard error whenever the supervisor asks by a signal, even in mid-call."""
    faulthandler.register(signal.SIGUSR2, all_threads=True)
