"""Where a worker process enters the core, and which core it is."""

from penstock._core import build_id, run_worker

__all__ = ["BUILD", "run_worker"]


BUILD: str = build_id()
"""The build of this core; workers of another one are not used."""
